"""The mask of one layer, and what passes through it backwards.

Forward, for every estimator: `v = w * m`, `m = 1 if |w| >= t else 0`. The mask is a step in `t`, so its derivative is
zero almost everywhere; an estimator says what stands in for it. With `g = dL/dv` and the Gaussian window
`K_h(u) = exp(-u^2 / 2 h^2) / (h sqrt(2 pi))`, `h` the bandwidth of the layer's density, `k = K_h(w - t) + K_h(w + t)`:

    none        dL/dw = g m                                             dL/dt = 0
    box         dL/dw = g (m + |w| b / 2), b = 1 where ||w| - t| < 1      dL/dt = -sum g w b / 2
    window      dL/dw = g                                               dL/dt = -sum g w k
    curvature   dL/dw = g                                               dL/dt = sum (f w^2 / 2) k

`none` is what the released FCPTS code does in effect (its masks are made without gradient), `box` what it writes.
`window` takes the chance that `|w + h e| >= t`, `e` standard normal, for the mask: `-k` is its derivative. That is
consistent with the bridge, `sum k = n (p(t) + p(-t))` by the definition of the density, so
`dL/dt = n (dr/dt) * (mean first-order loss of dropping a weight that stands at the threshold)`. Near an optimum that
mean is noise around zero; `curvature` takes the next term of the same expansion, `f w^2 / 2`, with the running mean
of `g^2` for the second derivative `f` (Fisher).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

PIECE = 2**17
"""Weights that are dealt with together on a processor: what is made of them on the way stays in its cache."""


def pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of all tensors, which have one shape, some at a time; on a GPU all at once."""
    first = tensors[0]
    rows = len(first) if first.device.type != "cpu" else max(1, PIECE * len(first) // max(first.numel(), 1))
    yield from zip(*(tensor.split(rows) for tensor in tensors), strict=True)


def kernel(distance: Tensor, bandwidth: float) -> Tensor:
    """`K_h` at each distance (weight units), unit integral."""
    scaled = distance / bandwidth
    return scaled.square_().mul_(-0.5).exp_().div_(bandwidth * math.sqrt(2 * math.pi))


def window(weights: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
    """`k`, how much of each weight a threshold sweeps over per unit, shaped like the weights."""
    return kernel(weights - threshold, bandwidth).add_(kernel(weights + threshold, bandwidth))


def masked(weights: Tensor, threshold: Tensor) -> Tensor:
    """`w m`, `m = 1 if |w| >= t else 0`."""
    value = torch.empty_like(weights)
    for some, found in pieces(weights, value):
        torch.mul(some, some.abs() >= threshold, out=found)
    return value


def _sum(of: Callable[[Tensor, Tensor], Tensor], weights: Tensor, others: Tensor) -> Tensor:
    """The sum of what `of` makes of each weight and of its number among the others."""
    terms = torch.empty_like(others)
    for some, beside, found in pieces(weights, others, terms):
        found.copy_(of(some, beside))
    return terms.sum()


class _Masked(torch.autograd.Function):
    """Forward of all estimators; the backward of each is a subclass."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, threshold: Tensor, bandwidth: float, curvature: Tensor) -> Tensor:
        ctx.save_for_backward(weights, threshold, curvature)
        ctx.bandwidth = bandwidth
        return masked(weights, threshold)


class _None(_Masked):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        weights, threshold, _ = ctx.saved_tensors
        return grad * (weights.abs() >= threshold), None, None, None


class _Box(_Masked):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weights, threshold, _ = ctx.saved_tensors
        distance = weights.abs() - threshold
        slope = 0.5 * (distance.abs() < 1)
        return grad * ((distance >= 0) + weights.abs() * slope), -(grad * weights * slope).sum(), None, None


class _Window(_Masked):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weights, threshold, _ = ctx.saved_tensors
        near = partial(window, threshold=threshold, bandwidth=ctx.bandwidth)
        return grad, -_sum(lambda w, g: near(w).mul_(g * w), weights, grad), None, None


class _Curvature(_Masked):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weights, threshold, curvature = ctx.saved_tensors
        near = partial(window, threshold=threshold, bandwidth=ctx.bandwidth)
        return grad, _sum(lambda w, f: near(w).mul_((0.5 * f).mul_(w.square())), weights, curvature), None, None


Estimator = Callable[[Tensor, Tensor, float, Tensor], Tensor]

ESTIMATORS: dict[str, Estimator] = {
    "none": _None.apply,
    "box": _Box.apply,
    "window": _Window.apply,
    "curvature": _Curvature.apply,
}
