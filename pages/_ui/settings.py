"""The settings of a run as the page knows them: their names in the address, their limits, and the way to a `RunConfig`.

A setting that belongs to the learning loop (`LOOP`) has the default of the chosen method; only what a reader changes is
carried on as an override. Limits are checked here whatever a widget lets through, because a browser can send anything.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcpts_core.data import synthetic
from fcpts_core.data.sources.registry import SOURCES
from fcpts_core.density import BANDWIDTHS
from fcpts_core.engine.config import MOST_PIXELS, RunConfig
from fcpts_core.methods import METHODS
from fcpts_core.models.cards import MODELS
from fcpts_core.reconstruction.settings import CHOICES
from pages._ui.url import Field, one_of, read, real, whole, word, write, yes

Values = Mapping[str, Any]

OWN, OWN_FILES = "own", "files"
"""The data that comes with the model (the reader's files where none does), and the reader's files in its place."""

NUMBERS = r"[\d., ]{0,100}"
SMALLEST_PHOTO = 64

FIELDS: tuple[Field, ...] = (
    one_of("model", "The model", tuple(MODELS)),
    one_of("method", "The method", tuple(METHODS)),
    one_of("budget", "The budget", CHOICES["budget"]),
    real("sparsity", "The target sparsity", 0.1, 0.995),
    whole("steps", "The number of steps", 1, 5000),
    whole("batch", "The batch size", 1, 4096),
    one_of("objective", "The objective", CHOICES["objective"]),
    real("rate", "The learning rate of the weights", 1e-5, 1.0),
    real("threshold-rate", "The learning rate of the thresholds", 0.0, 10.0),
    real("temperature", "The temperature", 0.1, 50.0),
    real("lambda", "The control weight", 0.0, 1000.0),
    one_of("bandwidth", "The bandwidth rule", tuple(BANDWIDTHS)),
    yes("random", "Random weights"),
    whole("calibration", "The calibration size", 16, 100_000),
    whole("seed", "The seed", 0, 2**31 - 1),
    one_of("data", "The data", (OWN, OWN_FILES, *SOURCES, synthetic.NAME)),
    whole("resize", "The scaled side", 0, MOST_PIXELS),
    whole("crop", "The crop", 8, MOST_PIXELS),
    word("mean", "The mean", NUMBERS),
    word("std", "The standard deviation", NUMBERS),
    word("exclude", "The layers kept dense", r"[\w.\-*?\[\], ]{0,200}"),
    word("layer", "The layer"),
    word("run", "The run"),
)

LOOP = {
    "steps": "steps",
    "batch": "batch_size",
    "objective": "objective",
    "rate": "learning_rate",
    "threshold-rate": "threshold_rate",
    "temperature": "temperature",
    "lambda": "control_weight",
    "bandwidth": "bandwidth",
}
"""Names in the address of the settings of the learning loop, and what the loop calls them."""

OF_ALL = {"budget": "budget"}
"""The same for settings that every method has."""


@dataclass(frozen=True)
class Files:
    """A reader's own checkpoint and images, as paths; all None where the model brings its own."""

    weights: str | None = None
    images: str | None = None
    test: str | None = None


def field(name: str) -> Field:
    return next(item for item in FIELDS if item.name == name)


def defaults(method: str | None = None) -> dict[str, Any]:
    """The value of every setting that nobody has touched, under the given method."""
    usual = RunConfig()
    loop = METHODS[method or usual.method].settings
    return {
        "model": usual.model,
        "method": usual.method,
        "sparsity": usual.sparsity,
        "calibration": usual.calibration_size,
        "seed": usual.seed,
        "exclude": "",
        "data": OWN,
        "resize": None,
        "crop": None,
        "mean": "",
        "std": "",
        "random": False,
        **{name: getattr(loop, attribute) for name, attribute in (LOOP | OF_ALL).items()},
    }


def checked(values: Values) -> dict[str, Any]:
    """The values within their limits; one that is beyond repair is left out."""
    texts = {item.name: item.write(values[item.name]) for item in FIELDS if values.get(item.name) is not None}
    return read(texts, FIELDS)[0]


def parameters(values: Values) -> dict[str, str]:
    """The query parameters that stand for `values`."""
    return write(values, defaults(values.get("method")), FIELDS)


def config_of(values: Values, files: Files | None = None) -> RunConfig:
    """The run that `values` ask for; what they leave out is at its default."""
    files = files or Files()
    usual = defaults(values.get("method"))
    full = {**usual, **checked(values)}
    own = LOOP | OF_ALL if METHODS[full["method"]].learns else OF_ALL
    return RunConfig(
        model=full["model"],
        method=full["method"],
        sparsity=full["sparsity"],
        weights=files.weights,
        images=files.images,
        test=files.test,
        calibration_size=full["calibration"],
        seed=full["seed"],
        **_images_of(full),
        random_weights=full["random"] and files.weights is None,
        exclude=tuple(part.strip() for part in full["exclude"].split(",") if part.strip()),
        overrides={attribute: full[name] for name, attribute in own.items() if full[name] != usual[name]},
    )


def data_choices(model: str) -> tuple[str, ...]:
    """What a model can be calibrated with: sets for its task with images of its size."""
    card = MODELS[model]
    side = min(card.transform.size or (SMALLEST_PHOTO,))
    fitting = [
        name
        for name, source in SOURCES.items()
        if source.task == card.task
        and (source.side == side if source.side else side >= SMALLEST_PHOTO)
        and name != card.data
    ]
    return (OWN, *([OWN_FILES] if card.data is not None else []), *fitting, synthetic.NAME)


def _images_of(full: Values) -> dict[str, Any]:
    """What of a run's configuration is about its images; a normalisation that is no normalisation is left out."""
    found: dict[str, Any] = {name: full[name] for name in ("resize", "crop")}
    found["data"] = full["data"] if full["data"] not in (OWN, OWN_FILES) else None
    try:
        mean, std = (tuple(map(float, full[name].split(","))) if full[name] else None for name in ("mean", "std"))
    except ValueError:
        return found
    return found | {"mean": mean, "std": std} if mean and std else found


def values_of(config: RunConfig) -> dict[str, Any]:
    """Inverse of `config_of`."""
    names = LOOP | OF_ALL
    loop = {name: config.overrides[attribute] for name, attribute in names.items() if attribute in config.overrides}
    return {
        **defaults(config.method),
        "model": config.model,
        "method": config.method,
        "sparsity": config.sparsity,
        "calibration": config.calibration_size,
        "seed": config.seed,
        "exclude": ", ".join(config.exclude),
        "data": config.data or (OWN_FILES if config.images and MODELS[config.model].data else OWN),
        "resize": config.resize,
        "crop": config.crop,
        "mean": _text(config.mean),
        "std": _text(config.std),
        "random": config.random_weights,
        **loop,
    }


def _text(numbers: Sequence[float] | None) -> str:
    return "" if numbers is None else ", ".join(f"{number:g}" for number in numbers)


def command_of(config: RunConfig, threads: int) -> str:
    """The command line that does the same run without a page, on as many torch threads: it gives the same bits.

    Uploaded files stand there by their own names.
    """
    words = ["fcpts", "run", "--model", config.model, "--method", config.method, "--sparsity", f"{config.sparsity:g}"]
    for option, path in (("--weights", config.weights), ("--images", config.images), ("--test", config.test)):
        words += [option, Path(path).name] if path is not None else []
    if config.calibration_size != RunConfig().calibration_size:
        words += ["--calibration-size", str(config.calibration_size)]
    words += ["--data", config.data] if config.data is not None else []
    for option, length in (("--resize", config.resize), ("--crop", config.crop)):
        words += [option, str(length)] if length is not None else []
    for option, numbers in (("--mean", config.mean), ("--std", config.std)):
        words += [option, ",".join(f"{number:g}" for number in numbers)] if numbers is not None else []
    words += ["--random-weights"] if config.random_weights else []
    for pattern in config.exclude:
        words += ["--exclude", pattern]
    for pattern in config.include:
        words += ["--include", pattern]
    for name, value in config.overrides.items():
        text = f"{value:g}" if isinstance(value, float) else str(value)
        words += ["--steps", text] if name == "steps" else ["--set", f"{name}={text}"]
    return shlex.join([*words, "--seed", str(config.seed), "--threads", str(threads), "--out", "out"])
