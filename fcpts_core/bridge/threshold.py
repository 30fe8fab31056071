"""A learnable threshold on its layer's own scale.

    t = s softplus(theta)           dt/dtheta = s sigmoid(theta) = s (1 - exp(-t / s))

`s` is the mean magnitude of the layer's weights, so one learning rate suits layers of any scale: a step moves `t` by a
share of `s` while `t` is of the order of `s`, and by a share of `t` itself further down. Every `t` in (0, inf) is
reached, none outside; the released code's `sigmoid(theta)` ends at 1 in weight units and moves all layers alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fcpts_core.errors import InputError

SMALLEST_RATIO = 1e-30
"""Smallest `t / s` a threshold is set to: any lower, and single precision would lose it and its gradient."""


class Threshold(nn.Module):
    """One threshold: calling it gives `t`, a scalar in weight units that takes gradients to `theta`."""

    theta: nn.Parameter
    scale: Tensor

    def __init__(self, theta: float, scale: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"The scale of a threshold is {scale}: expected a positive number in weight units.")
        self.theta = nn.Parameter(torch.tensor(theta, dtype=dtype))
        self.register_buffer("scale", torch.tensor(scale, dtype=dtype))

    @classmethod
    def from_value(cls, value: float, scale: float, dtype: torch.dtype = torch.float32) -> Threshold:
        """The threshold that starts at `value` (at least 0; 0 becomes the smallest that keeps a gradient)."""
        threshold = cls(0.0, scale, dtype)
        threshold.assign(value)
        return threshold

    def forward(self) -> Tensor:
        return self.scale * F.softplus(self.theta)

    @property
    def value(self) -> float:
        """`t` as a number."""
        return float(self().detach())

    @torch.no_grad()
    def assign(self, value: float) -> None:
        """Moves the threshold to `value` in place; optimisers keep their hold on `theta`."""
        self.theta.fill_(theta_for(value, float(self.scale)))


class UnitThreshold(Threshold):
    """The released code's `t = sigmoid(theta)`: between 0 and 1 in weight units, whatever the layer's scale."""

    def forward(self) -> Tensor:
        return torch.sigmoid(self.theta)

    @torch.no_grad()
    def assign(self, value: float) -> None:
        """Moves the threshold to `value`, or as near as the cage lets it come."""
        share = min(max(value, CAGE_MARGIN), 1 - CAGE_MARGIN)
        self.theta.fill_(math.log(share / (1 - share)))


CAGE_MARGIN = 1e-6
"""How near to 0 and 1 a caged threshold is set: nearer, and single precision would lose its gradient."""

THRESHOLDS: dict[str, type[Threshold]] = {"softplus": Threshold, "sigmoid": UnitThreshold}


def theta_for(value: float, scale: float) -> float:
    """Inverse of `t = s softplus(theta)`: `theta = y + log(1 - exp(-y))`, `y = t / s`, safe at either end."""
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"The threshold is {value}: expected a number in weight units, 0 or larger.")
    y = max(value / scale, SMALLEST_RATIO)
    return y + math.log(-math.expm1(-y))


def layer_scale(weights: Tensor) -> float:
    """The mean of `|w|` over the weights, any shape; 1 for a layer of nothing but zeros."""
    return float(weights.detach().abs().cpu().to(torch.float64).mean()) or 1.0
