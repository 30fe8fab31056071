"""Bandwidth rules: how wide the kernel is that stands on each of a layer's `n` weights, in weight units.

    silverman   h = 0.9 min(std, max(IQR / 1.349, D / 9.306)) n^(-1/5)   Silverman 1986, eq. 3.31; the default
    scott       h = (4/3)^(1/5) std n^(-1/5)                             the normal reference rule, Scott 1992, eq. 6.17
    isj         h solves  t = xi gamma^[7](t),  h^2 = t                  Improved Sheather-Jones: Botev, Grotowski &
                                                                         Kroese, Annals of Statistics 38(5), 2010

`D`, the range of the middle 98 %, is ours: of a normal sample it is 4.653 deviations, so half of it decides only where
most weights lie in a lump, pruned ones that learn again for instance. There the quartiles tell how wide the lump is,
and kernels as narrow as that would leave nothing of the density of all other weights but spikes.
`silverman` leaves out whichever of the spreads is zero (see `spread`). Weights without any spread (a single one, or all
equal) get a hundredth of their size from every rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.density.binning import Grid, bin_linearly
from fcpts_core.density.sample import flat
from fcpts_core.density.spread import middle_ranges, standard_deviation
from fcpts_core.errors import InputError

_NARROWEST, _WIDEST = 1e-250, 1e250
_ISJ_POINTS = 2**12
_ISJ_ITERATIONS = 100


def silverman(weights: Tensor) -> float:
    """`0.9 min(std, max(IQR / 1.349, D / 9.306)) n^(-1/5)`: robust against outliers and against lumps."""
    sample = flat(weights)
    std = standard_deviation(sample)
    half, most = middle_ranges(sample, std)
    spreads = [spread for spread in (std, max(half / 1.349, most / 9.306)) if spread > 0]
    return 0.9 * min(spreads) * sample.size**-0.2 if spreads else _without_spread(sample)


def scott(weights: Tensor) -> float:
    """`(4/3)^(1/5) std n^(-1/5)`: best where the weights are normal, too wide where their tails are heavy."""
    sample = flat(weights)
    std = standard_deviation(sample)
    return (4 / 3) ** 0.2 * std * sample.size**-0.2 if std > 0 else _without_spread(sample)


def isj(weights: Tensor) -> float:
    """Improved Sheather-Jones: assumes no shape at all, finds narrow and separate peaks.

    The fixed point is iterated from zero on binned weights, as in the paper. Silverman's rule stands in for it where
    the iteration does not settle (very few weights), or settles below the spacing of the bins (weights that take few
    distinct values, which would pull the bandwidth to zero) or above the width of the grid.
    """
    sample = flat(weights)
    pilot = silverman(weights)
    if standard_deviation(sample) == 0:
        return pilot
    grid = Grid.over(sample, pilot, _ISJ_POINTS)
    near, _ = grid.split(sample, pilot)
    width = grid.points * grid.spacing
    energy = _cosine_energy(bin_linearly(near, grid) / near.size)
    time = 0.0
    for _ in range(_ISJ_ITERATIONS):
        previous, time = time, _xi_gamma(time, near.size, energy)
        if abs(time - previous) <= 1e-5 * time:
            bandwidth = math.sqrt(time) * width
            return bandwidth if grid.spacing <= bandwidth < width else pilot
    return pilot


BANDWIDTHS: dict[str, Callable[[Tensor], float]] = {"silverman": silverman, "scott": scott, "isj": isj}


def bandwidth_rule(bandwidth: str | float) -> Callable[[Tensor], float]:
    """The function of the weights that a user's choice stands for: a name in `BANDWIDTHS`, or a number (0.01, "0.01").

    Raises InputError for anything else; no weights are needed to find that out.
    """
    if isinstance(bandwidth, str) and bandwidth in BANDWIDTHS:
        return partial(_bounded, BANDWIDTHS[bandwidth])
    try:
        number = float(bandwidth)
    except ValueError:
        number = math.nan
    if not _NARROWEST <= number <= _WIDEST:
        raise InputError(
            f"The bandwidth is {bandwidth!r}: expected {', '.join(BANDWIDTHS)} or a positive number in weight units, "
            "such as 0.01."
        )
    return lambda weights: number


def _bounded(rule: Callable[[Tensor], float], weights: Tensor) -> float:
    return min(max(rule(weights), _NARROWEST), _WIDEST)


def _without_spread(sample: NDArray[np.float64]) -> float:
    return 0.01 * float(np.abs(sample).max()) or 1.0


def _cosine_energy(masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """`a_k^2`, k = 1 .. m-1, with `a_k = sum_i c_i cos(pi k (i + 1/2) / m)`: the cosine transform of type II, squared.

    It is the Fourier transform of the masses followed by their mirror image, turned back by half a spacing.
    """
    m = masses.size
    turn = np.exp(-0.5j * math.pi * np.arange(1, m) / m)
    coefficients: NDArray[np.float64] = 0.5 * (np.fft.rfft(np.concatenate([masses, masses[::-1]]))[1:m] * turn).real
    return np.square(coefficients)


def _xi_gamma(time: float, count: int, energy: NDArray[np.float64]) -> float:
    """`xi gamma^[7](t)`: seven stages, each estimating `|p^(s)|^2` with the bandwidth that the one before suggests.

    `energy` is `a_k^2` `[m-1]`; times are in units of the grid's width squared, and cut at 1 lest the sums underflow.
    """
    order = np.arange(1.0, energy.size + 1) ** 2
    log_order = np.log(order)

    def roughness(s: int, t: float) -> float:
        """`2 pi^(2s) sum_k k^(2s) a_k^2 exp(-k^2 pi^2 t)`; terms with an exponent below -100 add nothing."""
        decay = math.pi**2 * t
        last = int(np.searchsorted(order, 100 / decay)) if decay > 0 else order.size
        terms = energy[:last] * np.exp(s * log_order[:last] - decay * order[:last])
        return 2 * math.pi ** (2 * s) * float(terms.sum())

    norm = roughness(7, time)
    for s in range(6, 1, -1):
        odd = math.prod(range(1, 2 * s, 2)) / math.sqrt(2 * math.pi)
        constant = (1 + 0.5 ** (s + 0.5)) / 3
        norm = roughness(s, min((2 * constant * odd / (count * norm)) ** (2 / (3 + 2 * s)), 1.0))
    return min(float((2 * count * math.sqrt(math.pi) * norm) ** -0.4), 1.0)
