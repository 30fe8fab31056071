"""What the demo says, slide by slide: big number, plain words, and where the number comes from. No Streamlit here."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Result
from fcpts_core.engine.keepsake import Facts
from fcpts_core.engine.snapshot import Snapshot
from pages._ui import numbers as fmt

LITTLE = 0.05
"""A loss of accuracy with which a model still works."""
FRAMES = 120


@dataclass(frozen=True)
class Bar:
    """`share` of the whole width."""

    label: str
    value: str
    share: float
    kind: str


@dataclass(frozen=True)
class Slide:
    """`figure` is "" or "run", the columns of the layers while a run goes on; `bars` stand below the big words."""

    name: str
    over: str
    big: str
    under: str
    figure: str = ""
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class Deck:
    """`source` stands at the foot of every slide: what was run, when and on which machine."""

    slides: tuple[Slide, ...]
    source: str
    run: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "slides": [asdict(slide) for slide in self.slides]}


def deck(snapshot: Snapshot, config: RunConfig, facts: Facts | None, recorded: bool, task: str) -> Deck:
    """The slides of one run, live or recorded; what is not known yet is left out."""
    started, result = snapshot.started, snapshot.result
    weights = started.weights if started else 0
    target = fmt.percent(config.sparsity, 0 if round(100 * config.sparsity, 6).is_integer() else 1)
    dense = started.dense_accuracy if started else None
    slides = [
        Slide("model", "This model has", fmt.count(weights), f"weights. {_dense_words(dense, task)}"),
        Slide(
            "run",
            "Weights that are left",
            "…",
            f"The goal: {target} zeros. Blue stays, orange becomes zero; one column a layer, from input to output.",
            "run",
        ),
    ]
    if result is not None:
        slides += _results(result, facts)
    images = started.calibration_images if started else 0
    return Deck(tuple(slides), _source(config, facts, recorded, images), _frames(snapshot))


def _dense_words(accuracy: float | None, task: str) -> str:
    return f"Its {task}." if accuracy is None else f"It gets {fmt.percent(accuracy)} of its {task} right."


def _results(result: Result, facts: Facts | None) -> list[Slide]:
    zeros = Slide(
        "gone",
        f"In {fmt.duration(result.seconds)}",
        f"{fmt.percent(result.sparsity)} are gone",
        f"{fmt.count(result.zeros)} of {fmt.count(result.weights)} weights are exactly zero. It took "
        f"{fmt.count(result.calibration_images)} images and nobody's labels.",
    )
    slides = [zeros]
    if result.accuracy is not None and result.dense_accuracy is not None:
        slides.append(
            Slide(
                "accuracy",
                "And it still works" if result.dense_accuracy - result.accuracy <= LITTLE else "What it can do now",
                f"{fmt.percent(result.dense_accuracy)} → {fmt.percent(result.accuracy)}",
                f"right answers before and after, on {fmt.count(result.test_images)} images that it has never seen.",
            )
        )
    if facts is not None:
        slides += [_file(facts), _speed(facts, result)]
    return slides


def _file(facts: Facts) -> Slide:
    before, after = facts.files["dense"], facts.files["bitmask"]
    return Slide(
        "file",
        "The file shrinks",
        f"{before / after:.1f} times",
        "when zeros are left out of it, to the last bit the same model.",
        bars=(
            Bar("before", _kilobytes(before), 1.0, "dense"),
            Bar("after", _kilobytes(after), after / before, "kept"),
        ),
    )


def _speed(facts: Facts, result: Result) -> Slide:
    dense, sparse = facts.seconds["dense"], facts.seconds["sparse"]
    longest = max(dense, sparse)
    left = "" if result.flops_kept is None else f"{fmt.percent(result.flops_kept)} of the multiplications are left. "
    return Slide(
        "speed",
        "Speed on an ordinary program, measured",
        f"{facts.ratio:.2f} × the time",
        f"of the full model. {left}Fewer become faster where the machine skips zeros; this one does not.",
        bars=(
            Bar("before", _milliseconds(dense, facts.images), dense / longest, "dense"),
            Bar("after", _milliseconds(sparse, facts.images), sparse / longest, "kept"),
        ),
    )


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.0f}{fmt.NARROW_SPACE}kB"


def _milliseconds(seconds: float, images: int) -> str:
    return f"{1000 * seconds / images:.2f}{fmt.NARROW_SPACE}ms an image"


def _source(config: RunConfig, facts: Facts | None, recorded: bool, images: int) -> str:
    """What was run, when and where."""
    parts = [config.model, config.method, fmt.percent(config.sparsity), f"{fmt.count(images)} images"]
    words = f"{'Recorded' if recorded else 'Your run'}: {', '.join(parts)}, seed {config.seed}"
    if facts is None:
        return words
    threads = "1 thread" if facts.threads == 1 else f"{facts.threads} threads"
    return f"{words}; {facts.date}, {facts.machine}, {threads}"


def _frames(snapshot: Snapshot) -> dict[str, Any]:
    """Sparsities of all layers at up to `FRAMES` moments, a byte each (hundredths of 2.55), and the weights left."""
    started = snapshot.started
    history = [point for point in snapshot.history if point.layer_sparsity]
    if started is None or not history:
        return {"layers": 0, "frames": 0, "shares": "", "kept": [], "sizes": [], "steps": 0, "live": False}
    chosen = [history[round(i)] for i in np.linspace(0, len(history) - 1, min(FRAMES, len(history)))]
    rows = [point.layer_sparsity for point in chosen]
    if snapshot.result is not None:
        rows[-1] = tuple(layer.sparsity for layer in snapshot.result.layers)
    sizes = np.array([layer.weights for layer in started.layers])
    shares = np.array(rows)
    return {
        "layers": len(sizes),
        "frames": len(rows),
        "shares": base64.b64encode(np.round(255 * shares).astype(np.uint8).tobytes()).decode(),
        "kept": [round(float(((1 - row) * sizes).sum())) for row in shares],
        "steps": started.steps,
        "live": snapshot.result is None,
    }
