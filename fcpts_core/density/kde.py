"""The density of one layer's weights: a Gaussian kernel estimate, kept on a uniform grid.

    p(x) = 1/N  sum_{w_j != 0}  K((x - w_j) / h) / h          P(x) = integral_{-inf}^{x} p

Weights that are exactly zero are an atom, `atom = #{w_j = 0} / N`; they take no part in the curve or its bandwidth, so
`integral p = 1 - atom`. The bridge of the layer and its derivative are read off the same curve (FCPTS, section 3.2):

    r(t) = atom + P(t) - P(-t)                                dr/dt = p(t) + p(-t),   t > 0

Between grid points `p` is linear and `P` its exact integral, so `P' = p` holds to the last bit. Both are within 1e-3 of
the peak of the direct sum. Cost: O(N + m log m) for `m` grid points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.density.bandwidth import bandwidth_rule
from fcpts_core.density.binning import Grid, bin_linearly
from fcpts_core.density.kernel import direct_sum, gaussian, gaussian_cdf, smooth
from fcpts_core.density.sample import checked


@dataclass(frozen=True, eq=False)
class Density:
    """Estimated density of `count` weights, all tensors float64 on the CPU.

    `grid`, `pdf`, `cdf` are `[m]`; `pdf` is zero at both ends. `far` `[k]`, nearly always empty, are sorted weights
    too many bandwidths out for the grid: they are not in `pdf` and `cdf` but in whatever is evaluated.
    """

    grid: Tensor
    pdf: Tensor
    cdf: Tensor
    bandwidth: float
    atom: float
    count: int
    far: Tensor

    def pdf_at(self, x: Tensor | float) -> Tensor:
        """`p(x)`, elementwise; shape, dtype and device are those of `x` (float64 for a number)."""
        return _like(x, self._pdf(_doubles(x)))

    def cdf_at(self, x: Tensor | float) -> Tensor:
        """`P(x)`, elementwise, from 0 to `1 - atom`: the atom at zero is not in it."""
        return _like(x, self._cdf(_doubles(x)))

    def slope(self, t: Tensor | float) -> Tensor:
        """`dr/dt = p(t) + p(-t)`, elementwise: the share of weights a threshold sweeps over per unit."""
        both = self._pdf(torch.stack([_doubles(t), -_doubles(t)]))
        return _like(t, both[0] + both[1])

    def rate(self, t: Tensor | float) -> Tensor:
        """`r(t)`, elementwise: the smoothed share of weights with `|w| < t`, so none at `t <= 0`, not even the atom."""
        threshold = _doubles(t)
        both = self._cdf(torch.stack([threshold, -threshold]))
        share = (self.atom + both[0] - both[1]).clamp(0.0, 1.0)
        return _like(t, torch.where(threshold <= 0, torch.zeros_like(share), share))

    @cached_property
    def spacing(self) -> float:
        return float(self.grid[-1] - self.grid[0]) / (self.grid.numel() - 1)

    @cached_property
    def lo(self) -> float:
        return float(self.grid[0])

    def _pdf(self, x: Tensor) -> Tensor:
        cell, part = self._locate(x)
        left, right = self.pdf[cell], self.pdf[cell + 1]
        value = left + part * (right - left)
        if self.far.numel():
            value = value + direct_sum(gaussian, x, self.far, self.bandwidth) / (self.count * self.bandwidth)
        return value

    def _cdf(self, x: Tensor) -> Tensor:
        cell, part = self._locate(x)
        left, right = self.pdf[cell], self.pdf[cell + 1]
        value = self.cdf[cell] + self.spacing * part * (left + 0.5 * part * (right - left))
        if self.far.numel():
            value = value + direct_sum(gaussian_cdf, x, self.far, self.bandwidth) / self.count
        return value

    def _locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The cell each `x` lies in and how far into it, 0 to 1; beyond the grid its nearest end, NaN stays NaN."""
        last = self.grid.numel() - 1
        position = ((x - self.lo) / self.spacing).clamp(0, last)
        cell = position.detach().nan_to_num().to(torch.int64).clamp(max=last - 1)
        return cell, position - cell


def estimate(weights: Tensor, bandwidth: str | float = "silverman", points: int | None = None) -> Density:
    """The density of `weights` (any shape, floating dtype and device; at least one), on at least `points` grid points.

    `bandwidth` names a rule of `BANDWIDTHS`, which sees the nonzero weights only, or is a number in weight units. The
    work is done on the CPU in double precision on one thread, so the result is the same to the bit every time.
    A layer of nothing but zeros is all atom: its curve is zero everywhere.

    Raises InputError for weights that are not finite, not floating or none at all, and for an unusable bandwidth.
    """
    rule = bandwidth_rule(bandwidth)
    sample = checked(weights)
    nonzero = sample if np.count_nonzero(sample) == sample.size else sample[sample != 0]
    if nonzero.size == 0:
        return _all_atom(sample.size, rule(weights))
    h = rule(torch.from_numpy(nonzero))
    grid = Grid.over(nonzero, h, points or 2)
    near, far = grid.split(nonzero, h)
    pdf, cdf = _curve(near, grid, h, sample.size)
    return Density(
        grid=torch.from_numpy(grid.nodes()),
        pdf=torch.from_numpy(pdf),
        cdf=torch.from_numpy(cdf),
        bandwidth=h,
        atom=1 - nonzero.size / sample.size,
        count=sample.size,
        far=torch.from_numpy(np.sort(far)),
    )


def _all_atom(count: int, bandwidth: float) -> Density:
    flat_line = torch.zeros(2, dtype=torch.float64)
    grid = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    return Density(grid, flat_line, flat_line, bandwidth, atom=1.0, count=count, far=flat_line[:0])


def _curve(
    near: NDArray[np.float64], grid: Grid, bandwidth: float, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`p` and `P` `[m]` on the grid, `P[-1] = len(near) / count` up to rounding."""
    pdf = smooth(bin_linearly(near, grid), bandwidth / grid.spacing) / (count * grid.spacing)
    pdf[[0, -1]] = 0.0
    cdf = np.zeros_like(pdf)
    np.cumsum(0.5 * grid.spacing * (pdf[1:] + pdf[:-1]), out=cdf[1:])
    return pdf, np.minimum(cdf, near.size / count)


def _doubles(x: Tensor | float) -> Tensor:
    # Two steps, since MPS has no float64 to convert to before the copy.
    return x.cpu().to(torch.float64) if isinstance(x, Tensor) else torch.tensor(x, dtype=torch.float64)


def _like(x: Tensor | float, value: Tensor) -> Tensor:
    return value.to(x) if isinstance(x, Tensor) and x.is_floating_point() else value
