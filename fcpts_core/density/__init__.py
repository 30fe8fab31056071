"""Kernel density estimates of a layer's weights: bandwidth rules, the curve on a grid, and the curve to draw."""

from fcpts_core.density.bandwidth import BANDWIDTHS, bandwidth_rule, isj, scott, silverman
from fcpts_core.density.drawing import resample
from fcpts_core.density.histogram import Histogram, histogram
from fcpts_core.density.kde import Density, estimate

__all__ = [
    "BANDWIDTHS",
    "Density",
    "Histogram",
    "bandwidth_rule",
    "estimate",
    "histogram",
    "isj",
    "resample",
    "scott",
    "silverman",
]
