"""Every number and choice of the learning loop, frozen and checked; a named method is one set of these."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from fcpts_core.allocation.given import rules
from fcpts_core.density import bandwidth_rule
from fcpts_core.errors import InputError
from fcpts_core.masks.patterns import pattern

CHOICES: dict[str, tuple[str, ...]] = {
    "budget": ("weights", "flops"),
    "start": ("magnitude", "admm", "obs"),
    "masks": ("anew", "fixed"),
    "layer_inputs": ("dense", "sparse"),
    "fitness": ("agreement", "labels"),
    "sensitivity_error": ("logits", "layer"),
    "optimizer": ("sgd", "adam"),
    "objective": ("kl", "logits", "blocks", "blocks-mse", "blocks+logits", "blocks+soft", "base-decayed"),
    "control": ("absolute", "squared"),
    "estimator": ("curvature", "window", "box", "none"),
    "threshold_gradient": ("priced", "plain"),
    "threshold_map": ("softplus", "sigmoid"),
    "density": ("kernel", "histogram"),
    "student_norms": ("train", "eval"),
    "teacher_norms": ("eval", "train"),
    "augment": ("none", "flip", "crop", "crop-flip"),
    "border": ("reflect", "black"),
    "precision": ("float32", "bfloat16", "auto"),
}

RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "steps": (lambda x: x >= 0, "a whole number of at least 0"),
    "batch_size": (lambda x: x >= 1, "a whole number of at least 1"),
    "learning_rate": (lambda x: x >= 0, "a number of at least 0"),
    "rate_power": (lambda x: 0 <= x <= 4, "a number from 0 to 4"),
    "layer_norm_rate": (lambda x: 0 < x <= 10, "a number above 0, 10 at most"),
    "threshold_rate": (lambda x: x >= 0, "a number of at least 0"),
    "momentum": (lambda x: 0 <= x < 1, "a number from 0 to below 1"),
    "weight_decay": (lambda x: x >= 0, "a number of at least 0"),
    "warmup": (lambda x: 0 <= x <= 1, "a share of the steps from 0 to 1"),
    "ramp": (lambda x: 0 <= x <= 1, "a share of the steps from 0 to 1"),
    "ramp_start": (lambda x: 0 <= x <= 1, "a share of the target from 0 to 1"),
    "stages": (lambda x: x >= 1, "a whole number of at least 1"),
    "layer_norm_stages": (lambda x: x >= 0, "a whole number of at least 1, or 0 for as many as stages"),
    "stage_start": (lambda x: 0 < x <= 1, "a power above 0, at most 1"),
    "step_bound": (lambda x: x > 0, "a number above 0"),
    "clip": (lambda x: x > 0, "a number above 0"),
    "temperature": (lambda x: x > 0, "a number above 0"),
    "block_weight": (lambda x: x >= 0, "a number of at least 0"),
    "soft_weight": (lambda x: x >= 0, "a number of at least 0"),
    "softness": (lambda x: 0 < x <= 1000, "a number above 0, 1000 at most"),
    "control_weight": (lambda x: x >= 0, "a number of at least 0"),
    "pruned_decay": (lambda x: x >= 0, "a number of at least 0"),
    "damping": (lambda x: x >= 0, "a number above 0, or 0 for what suits each layer"),
    "positions": (lambda x: x >= 1, "a whole number of at least 1"),
    "search_steps": (lambda x: x >= 0, "a whole number of at least 0"),
    "keep_power": (lambda x: -2 <= x <= 2, "a number from -2 to 2"),
    "keep_floor": (lambda x: 0 <= x <= 1, "a share from 0 to 1"),
    "layer_cap": (lambda x: 0 < x <= 1, "a share of a layer's weights above 0, at most 1"),
}


@dataclass(frozen=True)
class Settings:
    """How a method allocates and reconstructs: the keys of both registries, and all their numbers in one place.

    `allocation` is a key of `allocation.ALLOCATIONS`, `reconstruction` one of `reconstruction.RECONSTRUCTIONS`, `start`
    what prunes before the reconstruction learns (`magnitude`, or a second-order support with least squares on it, see
    `second_order`). `pattern` is described in `masks.patterns`.

    `budget` says of what the target sparsity is a share: of the `weights` that become zero, or of the multiply-adds of
    the pruned layers that fall away with them (`flops`, see `measure.flops`).

    Rates are those at the peak of the schedule: warm-up over the first `warmup` share of the steps, then cosine to
    0. With a `rate_power` it is less for targets below 90 %, see `schedule.rate_at`, and `layer_norm_rate`
    times as much where norms are layer norms, see `stages.rate_of`. Over the first `ramp`
    share of the steps the scheduled target rises from `ramp_start` times the target to the target, fast at first; with
    several `stages` (`layer_norm_stages` where norms are layer norms) that share of the steps is theirs, see
    `reconstruction.stages`.
    Where no norm comes behind, a step changes a tensor by at most the share `step_bound` (see
    `reconstruction.bounding`); with `unfold`, convolutions of networks without norms get some while all weights learn
    together (see `reconstruction.unfolding`).
    `steps = 0` learns nothing: the starting allocation is applied and norms are recalibrated. `keep_floor` is what
    learned thresholds leave every layer at least, as a share of the keep ratio that the allocation gave it, and how far
    the allocation `priced` may go, down or up. `layer_cap` is the largest share of zeros that any one layer may end
    with. The other choices are described where they are used:
    `estimator` in `masks.estimators`, `objective` and `control` in `reconstruction.losses`, `threshold_gradient` in
    `reconstruction.price`, `threshold_map` in `bridge.threshold`, `density` in `density.histogram`, `bandwidth` in
    `density.bandwidth`, `masks` and `pruned_decay` in `reconstruction.netwise`, `damping` and `positions` in
    `second_order`, `search_steps`, `fitness`, `sensitivity_error` and `keep_power` in the allocations that search,
    `given` in `allocation.given`, `layer_inputs` in the layer-wise reconstruction, `precision` in
    `reconstruction.precision`, `keep_start` in `reconstruction.fallback`.
    """

    budget: str = "weights"
    allocation: str = "uniform"
    reconstruction: str = "fcpts"
    start: str = "magnitude"
    pattern: str = "unstructured"
    steps: int = 300
    batch_size: int = 64
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    rate_power: float = 0.0
    layer_norm_rate: float = 1.0
    threshold_rate: float = 0.04
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0
    warmup: float = 0.02
    ramp: float = 0.5
    ramp_start: float = 0.4
    stages: int = 1
    layer_norm_stages: int = 0
    stage_start: float = 0.6
    step_bound: float = 0.01
    unfold: bool = True
    clip: float = 10.0
    objective: str = "blocks+logits"
    temperature: float = 4.0
    block_weight: float = 50.0
    soft_weight: float = 20.0
    softness: float = 3.3
    control: str = "absolute"
    control_weight: float = 1.0
    estimator: str = "curvature"
    threshold_gradient: str = "priced"
    threshold_map: str = "softplus"
    density: str = "kernel"
    bandwidth: str = "silverman"
    student_norms: str = "train"
    teacher_norms: str = "eval"
    augment: str = "crop-flip"
    border: str = "reflect"
    precision: str = "float32"
    recalibrate: bool = True
    keep_start: bool = False
    keep_floor: float = 0.4
    layer_cap: float = 1.0
    masks: str = "anew"
    pruned_decay: float = 0.0
    damping: float = 0.0
    positions: int = 64
    search_steps: int = 150
    fitness: str = "agreement"
    sensitivity_error: str = "logits"
    keep_power: float = 0.35
    given: str = ""
    layer_inputs: str = "dense"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} is {getattr(self, name)!r}: expected one of {', '.join(allowed)}.")
        for name, (holds, expected) in RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and holds(value)):
                raise InputError(f"{name} is {value}: expected {expected}.")
        bandwidth_rule(self.bandwidth)
        pattern(self.pattern)
        rules(self.given)

    @property
    def solves(self) -> bool:
        """Whether every stage begins with second-order pruning."""
        return self.start != "magnitude" or self.reconstruction == "second-order"

    def changed(self, overrides: Mapping[str, Any]) -> Settings:
        """These settings with some changed; texts are read as the setting's type, anything else is an InputError."""
        kinds = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        if unknown := sorted(set(overrides) - kinds.keys()):
            raise InputError(f"There is no setting {', '.join(unknown)}: expected one of {', '.join(kinds)}.")
        return replace(self, **{name: _read(name, value, kinds[name]) for name, value in overrides.items()})


def _read(name: str, value: Any, kind: type) -> Any:
    if kind is bool:
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise InputError(f"{name} is {value!r}: expected true or false.")
    try:
        number = kind(value)
        if kind is int and float(value) != number:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} is {value!r}: expected {'a whole number' if kind is int else 'a number'}.") from None
    return number
