"""All that it takes to draw a layer's bridge: its sorted magnitudes, and its smoothed density at many bandwidths.

    p(w) on 2m - 1 positions from -reach to reach        r(t) = atom + P(t) - P(-t) on m positions from 0 to reach

With the magnitudes the exact count at any threshold is a binary search; with the curves `r(t)` and `p(t) + p(-t)` are
read off by straight lines between neighbours, within 1e-4 of the estimate itself at the bandwidths of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.density import BANDWIDTHS, Density, bandwidth_rule, estimate
from fcpts_core.density.sample import checked
from fcpts_core.density.spread import standard_deviation

POINTS = 801
WITHIN = 0.998
"""Share of the weights that the drawing shows at least."""

ROOM = 1.5
"""How far beyond those it may reach, as a factor: a single outlier further out would squeeze all else together."""

WIDTHS = 24
"""How many bandwidths there are beside those of the rules, each wider than the last by one factor."""

NARROWEST, WIDEST = 2.0, 2.0
"""The narrowest bandwidth in spacings of the positions, the widest in standard deviations: too small and too large."""


@dataclass(frozen=True, eq=False)
class Smoothed:
    """One bandwidth; `rules` are those of `BANDWIDTHS` that choose it. `pdf` is `[2m - 1]`, `rate` `[m]`."""

    bandwidth: float
    rules: tuple[str, ...]
    pdf: NDArray[np.float64]
    rate: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BridgeCurves:
    """`magnitudes` `[n]` rise and are in single precision, as thresholds are compared; `smoothed` rise in bandwidth."""

    reach: float
    magnitudes: NDArray[np.float32]
    smoothed: tuple[Smoothed, ...]

    def stop_of(self, rule: str) -> int:
        """Which of `smoothed` has the bandwidth of that rule."""
        return next(index for index, curve in enumerate(self.smoothed) if rule in curve.rules)


def bridge_curves(weights: Tensor) -> BridgeCurves:
    """The curves of these weights, any shape; InputError where they cannot be estimated."""
    sample = checked(weights)
    magnitudes = np.sort(np.abs(sample))
    reach = reach_of(magnitudes)
    named = {name: bandwidth_rule(name)(torch.from_numpy(sample[sample != 0])) for name in BANDWIDTHS if sample.any()}
    narrowest = NARROWEST * reach / (POINTS - 1)
    widest = max(WIDEST * standard_deviation(sample), 4 * narrowest)
    chosen = {round(h, 15) for h in (*np.geomspace(narrowest, widest, WIDTHS).tolist(), *named.values())}
    return BridgeCurves(
        reach,
        magnitudes.astype(np.float32),
        tuple(
            _smoothed(estimate(weights, h), tuple(name for name, own in named.items() if round(own, 15) == h), reach)
            for h in sorted(chosen)
        ),
    )


def reach_of(magnitudes: NDArray[np.float64]) -> float:
    """How far from zero the drawing goes; `magnitudes` `[n]` rise."""
    largest = float(magnitudes[-1])
    most = float(magnitudes[min(magnitudes.size - 1, round(WITHIN * magnitudes.size))])
    return min(1.02 * largest, ROOM * most) if most > 0 else 1.02 * largest or 1.0


def _smoothed(density: Density, rules: tuple[str, ...], reach: float) -> Smoothed:
    places = torch.linspace(-reach, reach, 2 * POINTS - 1, dtype=torch.float64)
    thresholds = torch.linspace(0.0, reach, POINTS, dtype=torch.float64)
    rate = density.rate(thresholds).numpy()
    rate[0] = density.atom  # zeros count as soon as the threshold leaves 0
    return Smoothed(density.bandwidth, rules, density.pdf_at(places).numpy(), rate)
