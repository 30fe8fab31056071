"""A density made ready for drawing: few points, on a range where there is something to see."""

from __future__ import annotations

import torch

from fcpts_core.density.kde import Density
from fcpts_core.errors import InputError

TRIMMED = 5e-4
"""Share of the curve's mass that may lie beyond either end of the drawing: outliers would squeeze all else together."""

MARGIN = 0.05
"""Room added at either end, as a share of the range, so that the curve is seen to come down."""


def resample(density: Density, points: int = 256) -> tuple[float, float, tuple[float, ...]]:
    """`(lo, hi, pdf)`: the density on `points` equally spaced positions from `lo` to `hi`, in weight units.

    The range runs from the quantile `TRIMMED` to `1 - TRIMMED` of the curve, plus `MARGIN`, and includes zero, around
    which thresholds are drawn. Each value is the mean of `p` over the surroundings of its position,
    `(P(x + d/2) - P(x - d/2)) / d`, so a peak narrower than the spacing `d` keeps its mass instead of being missed.
    """
    if points < 2:
        raise InputError(f"A curve of {points} points was asked for: expected at least 2.")
    lo, hi = _range(density)
    spacing = (hi - lo) / (points - 1)
    edges = lo + spacing * (torch.arange(points + 1, dtype=torch.float64) - 0.5)
    pdf = density.cdf_at(edges).diff().clamp_min(0.0) / spacing
    return lo, hi, tuple(pdf.tolist())


def _range(density: Density) -> tuple[float, float]:
    mass = float(density.cdf[-1])
    if mass == 0.0:
        return float(density.grid[0]), float(density.grid[-1])
    trimmed = torch.tensor([TRIMMED * mass, (1 - TRIMMED) * mass], dtype=torch.float64)
    first, last = density.grid[torch.searchsorted(density.cdf, trimmed)].tolist()
    margin = MARGIN * (last - first)
    return min(first - margin, 0.0), max(last + margin, 0.0)
