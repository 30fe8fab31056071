"""The choices of a comparison as the address writes them, and the way from them to cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from fcpts_core.compare.cells import Cell, grid
from fcpts_core.compare.comparison import check_size
from fcpts_core.compare.contender import Contender
from fcpts_core.compare.kinds import Kind, kind_of
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError
from fcpts_core.methods import METHODS, settings_for
from fcpts_core.models.cards import MODELS
from pages._ui.settings import Files
from pages._ui.url import Field, many, one_of, read, real, whole, word, write

Values = Mapping[str, Any]

SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
LOWEST, HIGHEST = 0.1, 0.995
MOST_SEEDS = 10
MOST_SPARSITIES = 12

MOST_METHODS = 24


def _contender() -> Field:
    """A method, or a method with settings of its own, as `best:allocation=erk`."""

    def parse(text: str) -> tuple[Any, str]:
        try:
            return Contender.read(text).checked().text, ""
        except InputError as error:
            raise ValueError(f"a method that there is ({error})") from None

    return Field("methods", "The methods", parse)


FIELDS: tuple[Field, ...] = (
    many(one_of("models", "The models", tuple(MODELS)), len(MODELS)),
    many(_contender(), MOST_METHODS),
    many(real("sparsities", "The sparsities", LOWEST, HIGHEST), MOST_SPARSITIES),
    whole("seeds", "The number of seeds", 1, MOST_SEEDS),
    real("target", "The sparsity looked at", LOWEST, HIGHEST),
    one_of("show", "The model looked at", tuple(MODELS)),
    word("comparison", "The comparison"),
)

DEFAULTS: dict[str, Any] = {
    "models": ("digits-resnet20",),
    "methods": ("fcpts", "best", "obc", "uniform", "erk", "global-magnitude"),
    "sparsities": (0.8, 0.9, 0.95, 0.98),
    "seeds": 1,
    "target": 0.95,
    "show": None,
}
"""What a first visit sees: the recorded comparison."""


def from_address(parameters: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Every choice, and sentences about what could not be taken as it stands."""
    values, remarks = read(parameters, FIELDS)
    return ordered({**DEFAULTS, **values}), remarks


def to_address(values: Values) -> dict[str, str]:
    """The query parameters that stand for `values`."""
    return write(ordered(values), DEFAULTS, FIELDS)


def ordered(values: Values) -> dict[str, Any]:
    """The same choices, each list in the one order that it always has."""
    found = dict(values)
    found["models"] = tuple(sorted(found["models"], key=tuple(MODELS).index))
    found["methods"] = tuple(sorted(found["methods"], key=lambda text: (tuple(METHODS).index(_name(text)), text)))
    found["sparsities"] = tuple(sorted(found["sparsities"]))
    return found


def cells_of(values: Values, files: Mapping[str, Files], threads: int) -> tuple[Cell, ...]:
    """The runs that the choices ask for, in their order; `files` are those of the reader's own models."""
    bases = []
    for model in values["models"]:
        own = files.get(model, Files())
        bases.append(RunConfig(model=model, weights=own.weights, images=own.images, test=own.test))
    contenders = [Contender.read(text).checked() for text in sorted(values["methods"], key=_cost)]
    cells = grid(bases, contenders, values["sparsities"], range(values["seeds"]), threads)
    return tuple(sorted(cells, key=lambda cell: (cell.config.seed, _cost(cell.label))))


def asked_for(values: Values, files: Mapping[str, Files], threads: int) -> tuple[tuple[Cell, ...], str]:
    """The cells, or none and the sentence that says why they cannot be run."""
    try:
        check_size(values["seeds"] * prod(len(values[name]) for name in ("models", "methods", "sparsities")))
        return cells_of(values, files, threads), ""
    except InputError as error:
        return (), str(error)


def _cost(method: str) -> int:
    """What is done soon goes first, so that there is soon something to see: rules, then searches, then learning."""
    contender = Contender.read(method)
    learns = settings_for(contender.method, contender.overrides).steps > 0
    return 2 if learns else int(kind_of(method) is not Kind.FIXED)


def _name(text: str) -> str:
    """The method of a contender."""
    return text.partition(":")[0]


def usable(files: Mapping[str, Files]) -> tuple[str, ...]:
    """The models that can be compared: those that bring their own data, and those whose files the reader has given."""
    own = [name for name, given in files.items() if given.weights is not None and given.images is not None]
    return tuple(name for name, card in MODELS.items() if card.data is not None or name in own)


def nearest(target: float, sparsities: Sequence[float]) -> float:
    """The sparsity that is looked at: the one chosen, or the nearest that is there."""
    return min(sparsities, key=lambda sparsity: abs(sparsity - target), default=target)


def command_of(values: Values, threads: int) -> str:
    """The command line that makes the same comparison without a page."""
    lists = {
        name: ",".join(f"{item:g}" if isinstance(item, float) else item for item in values[name])
        for name in ("models", "methods", "sparsities")
    }
    seeds = ",".join(map(str, range(values["seeds"])))
    options = " ".join(f"--{name} {text}" for name, text in lists.items())
    return f"fcpts compare {options} --seeds {seeds} --threads {threads} --out out"
