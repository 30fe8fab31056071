"""The density as the released FCPTS code has it: a histogram of the weights in 100 equal bins.

    p(x) = #{j : w_j in the bin of x} / (n * width)         constant in each bin, 0 outside

It serves the named variant and the lesson; everything else uses the kernel estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fcpts_core.density.sample import checked

BINS = 100


@dataclass(frozen=True, eq=False)
class Histogram:
    """`heights` `[bins]` float64 on the CPU from `lo` on, `bandwidth` is the width of a bin; unit mass."""

    lo: float
    bandwidth: float
    heights: Tensor

    def pdf_at(self, x: Tensor) -> Tensor:
        """`p(x)`, elementwise; shape, dtype and device are those of `x`. The upper end belongs to the last bin."""
        places = (x.detach().cpu().to(torch.float64) - self.lo) / self.bandwidth
        inside = (places >= 0) & (places <= len(self.heights))
        bins = places.floor().clamp(0, len(self.heights) - 1).long()
        return torch.where(inside, self.heights[bins], 0.0).to(x)

    def slope(self, t: Tensor) -> Tensor:
        """`dr/dt = p(t) + p(-t)`, elementwise."""
        return self.pdf_at(t) + self.pdf_at(-t)


def histogram(weights: Tensor, bins: int = BINS) -> Histogram:
    """Histogram of all weights, exact zeros among them; a layer of equal weights has one unit of width around them."""
    sample = checked(weights)
    heights, edges = np.histogram(sample, bins=bins, density=True)
    return Histogram(float(edges[0]), float(edges[1] - edges[0]), torch.from_numpy(heights))
