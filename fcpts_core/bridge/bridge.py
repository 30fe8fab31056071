"""The bridge from a layer's threshold to its sparsity (FCPTS, section 3.2), written `g^-1` in the paper.

    r(t) = #{j : |w_j| < t} / N                     forward, exact
    dr/dt = p(t) + p(-t)                            backward, from a kernel density estimate p of the same weights

The count is a staircase and has no useful derivative; the density says how many weights the threshold sweeps over per
unit. In the smooth mode the forward comes from the density too, `r(t) = atom + P(t) - P(-t)`, and the backward is
its derivative. Either way `r(0) = 0`, since no `|w|` is below 0, although weights that are exactly zero count as soon
as `t > 0`; and `r(inf) = 1`.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fcpts_core.density import Density


class Sloped(Protocol):
    """Any estimate of a density: it knows `p(t) + p(-t)`."""

    def slope(self, t: Tensor) -> Tensor: ...


def bridge(threshold: Tensor, weights: Tensor, density: Sloped) -> Tensor:
    """The exact sparsity, a scalar like `threshold`, whose gradient is that of the smoothed one; none to the weights.

    `threshold` is a scalar in weight units, `weights` has any shape, `density` was estimated from these weights or
    recently enough: it serves the gradient only.
    """
    return _through(threshold, share_below(weights, threshold), density)


def smooth_bridge(threshold: Tensor, density: Density) -> Tensor:
    """The smoothed sparsity of thresholds of any shape, for seeing what the gradient of `bridge` follows."""
    with torch.no_grad():
        rate = density.rate(threshold)
    return _through(threshold, rate, density)


def share_below(weights: Tensor, threshold: Tensor) -> Tensor:
    """`#{j : |w_j| < t} / N` without a gradient, in the type of the scalar `threshold`."""
    with torch.no_grad():
        # A scalar would be compared in the type of the weights: coarse weights must not round the threshold.
        exact = torch.promote_types(weights.dtype, threshold.dtype)
        count = torch.count_nonzero(weights.abs().to(exact) < threshold)
        return count.to(threshold) / weights.numel()


def _through(threshold: Tensor, sparsity: Tensor, density: Sloped) -> Tensor:
    passed: Tensor = _DensitySlope.apply(threshold, sparsity, density)  # type: ignore[no-untyped-call]
    return passed


class _DensitySlope(torch.autograd.Function):
    """Passes `sparsity` on; its gradient reaches the threshold through the slope of the density."""

    @staticmethod
    def forward(ctx: Any, threshold: Tensor, sparsity: Tensor, density: Sloped) -> Tensor:
        ctx.save_for_backward(threshold)
        ctx.density = density
        return sparsity.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (threshold,) = ctx.saved_tensors
        return gradient * ctx.density.slope(threshold), None, None
