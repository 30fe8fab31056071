"""The one thing that goes into a run: which model, which images, which method, which target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fcpts_core.errors import InputError

MOST_PIXELS = 8192
"""The longest side to which images may be brought."""


@dataclass(frozen=True)
class RunConfig:
    """Settings of one run.

    `overrides` changes single settings of the named method (see `fcpts_core.reconstruction.settings.Settings`).
    `weights`, `images` and `test` are paths; without them the model's own are used. `mean` and `std` (one number a
    channel, on the 0..1 scale) are for a user's own model. The layers that `exclude` names (globs or class names) get
    no zeros, nor do those that `include` does not name, unless it is empty; their weights may still be tuned.
    `data` names a set of images for both parts (see `fcpts_core.data.sources`), or a path, or is "synthetic". `resize`
    (0 for none) and `crop` change the model's own transform, as `mean` and `std` do; lengths in pixels. With
    `random_weights` the weights are drawn by the seed: for trials of time and memory alone. `sensitivities` is the path
    of a table that an earlier run has measured for the allocation of that name.
    """

    model: str = "digits-resnet20"
    method: str = "fcpts"
    sparsity: float = 0.95
    weights: str | None = None
    images: str | None = None
    test: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    calibration_size: int = 1024
    seed: int = 0
    device: str = "cpu"
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    data: str | None = None
    resize: int | None = None
    crop: int | None = None
    random_weights: bool = False
    sensitivities: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sparsity) and 0.0 < self.sparsity < 1.0):
            raise InputError(
                f"The target sparsity is {self.sparsity}: expected a share of zero weights above 0 and below 1."
            )
        if self.calibration_size < 1:
            raise InputError(f"The calibration size is {self.calibration_size}: expected at least 1 image.")
        if self.resize is not None and not 0 <= self.resize <= MOST_PIXELS:
            raise InputError(f"The resize is {self.resize}: expected 0 (none) to {MOST_PIXELS} pixels.")
        if self.crop is not None and not 1 <= self.crop <= MOST_PIXELS:
            raise InputError(f"The crop is {self.crop}: expected 1 to {MOST_PIXELS} pixels.")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"The seed is {self.seed}: expected a whole number from 0 to {2**31 - 1}.")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "overrides": dict(self.overrides)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunConfig:
        """Inverse of `to_json`; unknown keys are an InputError."""
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise InputError(f"Unknown settings {', '.join(unknown)}: expected some of {', '.join(sorted(known))}.")
        values: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in data.items()}
        return cls(**values)
