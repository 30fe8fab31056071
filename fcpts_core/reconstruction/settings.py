"""Every number and choice of the learning loop, frozen and checked; a named method is one set of these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from fcpts_core.errors import InputError

CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": ("sgd", "adam"),
    "objective": ("kl", "logits", "blocks", "blocks-mse", "blocks+logits"),
    "control": ("absolute", "squared"),
    "estimator": ("window", "box", "none"),
    "student_norms": ("train", "eval"),
    "teacher_norms": ("eval", "train"),
    "augment": ("none", "flip", "crop", "crop-flip"),
    "border": ("reflect", "black"),
}


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of net-wise reconstruction with learned thresholds.

    Rates are those at the peak of the schedule (warm-up over the first `warmup` share of the steps, then cosine to 0).
    `ramp` is the share of the steps over which the scheduled target rises from the start's sparsity to the target.
    `steps = 0` means that nothing is learned: the starting allocation is applied, norms are recalibrated, that is all.
    """

    steps: int = 400
    batch_size: int = 64
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    threshold_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: float = 0.02
    ramp: float = 0.0
    clip: float = 10.0
    objective: str = "blocks+logits"
    temperature: float = 4.0
    block_weight: float = 50.0
    control: str = "absolute"
    control_weight: float = 1.0
    estimator: str = "window"
    bandwidth: str = "silverman"
    student_norms: str = "train"
    teacher_norms: str = "eval"
    augment: str = "crop-flip"
    border: str = "reflect"
    recalibrate: bool = True
    average: float = 0.0
    layer_cap: float = 1.0

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} is {getattr(self, name)!r}: expected one of {', '.join(allowed)}.")
