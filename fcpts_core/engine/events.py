"""What a run says while it goes: frozen events, each one a JSON object.

Notation: `L` prunable layers in network order, `N` their weights in total, `t_l` the threshold of layer `l` in weight
units, `r_l` its sparsity, `R` the global sparsity. Command line, background runs, replay and pages consume this one
stream; nothing that draws ever reaches back into a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Layer:
    """One prunable weight tensor: `weights = product of shape`; `kind` is the module's class name."""

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int


@dataclass(frozen=True)
class Curve:
    """Density of one layer's weights on `len(pdf)` equally spaced points from `lo` to `hi` (weight units).

    `integral pdf = 1 - atom`, where `atom` is the share of weights that are exactly zero.
    """

    lo: float
    hi: float
    pdf: tuple[float, ...]
    atom: float
    bandwidth: float


@dataclass(frozen=True)
class Phase:
    """What the run does now, in words a user reads ("measuring the dense model").

    `share` is how much of it is behind, in [0, 1], where that is known.
    """

    text: str
    share: float | None = None


@dataclass(frozen=True)
class Started:
    """The problem as it stands before the first step: `steps` may be 0 for methods that learn nothing.

    `references` holds the allocations drawn behind the learned one, by name, each `[L]`. `measure` names what
    `dense_accuracy` is, the main measure of the model's task. `notes` are sentences that whoever
    reads the figures must know: that weights are random, that layers were left alone. With a `budget` of flops the
    target is a share of the multiply-adds, `uses` `[L]` is how many of them each weight of a layer does for one image,
    and `target_zeros` is None: how many zeros it takes is not known before they are shared out.
    """

    config: Mapping[str, Any]
    layers: tuple[Layer, ...]
    weights: int
    target_sparsity: float
    target_zeros: int | None
    steps: int
    dense_accuracy: float | None
    calibration_images: int
    test_images: int
    references: Mapping[str, tuple[float, ...]]
    measure: str = "top-1"
    notes: tuple[str, ...] = ()
    budget: str = "weights"
    uses: tuple[int, ...] = ()


@dataclass(frozen=True)
class Allocated:
    """What is known of the allocation between two steps, `[L]`: the layers' sparsities so far, or those found best."""

    layer_sparsity: tuple[float, ...]


@dataclass(frozen=True)
class Sensed:
    """The table that a search for an allocation has measured: what each layer costs alone (`allocation.sensitivity`).

    `errors[l][g]` at `zeros[l][g]` zeros of the `sizes[l]` weights of the layer `names[l]`; `error` says what was
    measured.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    zeros: tuple[tuple[int, ...], ...]
    errors: tuple[tuple[float, ...], ...]
    error: str


@dataclass(frozen=True)
class Measured:
    """One learning step: losses, global sparsity `R` against the target in force at this step, and every layer's state.

    `layer_sparsity` and `thresholds` are `[L]`, those that the step's forward pass used.
    """

    step: int
    reconstruction: float
    control: float
    total: float
    sparsity: float
    scheduled_target: float
    learning_rate: float
    layer_sparsity: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Stepped(Measured):
    """A step as a run tells it; `seconds` counts from the start of learning, pauses left out."""

    seconds: float


@dataclass(frozen=True)
class Surveyed:
    """Densities of all layers' weights as they are after `step` steps, `curves` is `[L]`."""

    step: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class LayerResult:
    """One row of the allocation."""

    name: str
    shape: tuple[int, ...]
    weights: int
    zeros: int
    sparsity: float
    threshold: float


@dataclass(frozen=True)
class Result:
    """What a run achieved. Accuracies and agreement are shares in [0, 1]; None where there are no labels or images.

    `seconds` is the time that the run worked, from reading the model to measuring it, pauses left out. `flops_kept` is
    the share of the prunable layers' multiply-adds that do not meet a zero; None in records that did not count them.
    With a `budget` of flops the target is a share of these multiply-adds, else of the weights.
    `accuracy` and `agreement` are the main ones of the `task`; `measure` names the first ("top-1", "mIoU", "mAP"). All
    of them by name are in `measures`, of the dense model in `dense_measures`, and in `agreements`. `skipped_images`
    could not be read; `notes` are sentences that whoever reads the figures must know.
    """

    model: str
    method: str
    target_sparsity: float
    sparsity: float
    zeros: int
    weights: int
    dense_accuracy: float | None
    accuracy: float | None
    agreement: float | None
    calibration_images: int
    test_images: int
    steps: int
    seconds: float
    seconds_per_step: float | None
    peak_rss_mb: float
    layers: tuple[LayerResult, ...]
    flops_kept: float | None = None
    budget: str = "weights"
    task: str = "classification"
    measure: str = "top-1"
    top5: float | None = None
    dense_top5: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    dense_measures: Mapping[str, float] = field(default_factory=dict)
    agreements: Mapping[str, float] = field(default_factory=dict)
    skipped_images: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The end of a run that went well."""

    result: Result


@dataclass(frozen=True)
class Failed:
    """The end of a run that could not go on; `reason` is a sentence."""

    reason: str


Event = Phase | Started | Allocated | Sensed | Stepped | Surveyed | Finished | Failed
EVENTS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Phase, Started, Allocated, Sensed, Stepped, Surveyed, Finished, Failed)
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, its kind under the key `event`."""
    return {"event": _kind(event), **asdict(event)}


def from_json(data: Mapping[str, Any]) -> Event:
    """Inverse of `to_json`; raises ValueError on an unknown kind or on missing fields."""
    kind = EVENTS.get(str(data.get("event")))
    if kind is None:
        raise ValueError(f"Unknown event {data.get('event')!r}: expected one of {', '.join(EVENTS)}.")
    values = {key: value for key, value in data.items() if key != "event"}
    _check(kind, values)
    if kind is Started:
        values["layers"] = tuple(_build(Layer, row) for row in values["layers"])
        values["config"] = {key: _frozen(value) for key, value in values["config"].items()}
        values["references"] = {name: tuple(row) for name, row in values["references"].items()}
    elif kind is Sensed:
        values |= {name: tuple(map(tuple, values[name])) for name in ("zeros", "errors")}
    elif kind is Surveyed:
        values["curves"] = tuple(_build(Curve, row) for row in values["curves"])
    elif kind is Finished:
        _check(Result, values["result"])
        rows = tuple(_build(LayerResult, row) for row in values["result"]["layers"])
        values["result"] = _build(Result, {**values["result"], "layers": rows})
    event: Event = _build(kind, values)
    return event


def dump_lines(events: Iterable[Event]) -> Iterator[str]:
    """One line of JSON an event, the format of `events.jsonl` and of recordings."""
    for event in events:
        # `vars` where `asdict` would do: it does not copy the curves, of which there are tens of thousands of numbers.
        yield json.dumps({"event": _kind(event), **vars(event)}, default=vars, separators=(",", ":")) + "\n"


def load_lines(lines: Iterable[str]) -> Iterator[Event]:
    """Inverse of `dump_lines`; empty lines are skipped."""
    for line in lines:
        if line.strip():
            yield from_json(json.loads(line))


def _check(kind: type[Any], values: Mapping[str, Any]) -> None:
    needed = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    if missing := needed - values.keys():
        raise ValueError(f"A {kind.__name__.lower()} record lacks {', '.join(sorted(missing))}.")


def _kind(event: Event) -> str:
    return type(event).__name__.lower()


def _build(kind: type[Any], values: Mapping[str, Any]) -> Any:
    _check(kind, values)
    return kind(**{key: _frozen(value) for key, value in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
