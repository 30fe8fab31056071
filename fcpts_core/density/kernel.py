"""The Gaussian kernel, summed directly and as a filter of binned weights.

    K(u) = exp(-u^2 / 2) / sqrt(2 pi)          Phi(u) = integral_{-inf}^{u} K
    p(x) = 1/n  sum_j  K((x - w_j) / h) / h    P(x)   = 1/n  sum_j  Phi((x - w_j) / h)

The direct sums cost O(n) a point; `smooth` costs O(m log m) for all `m` points of a uniform grid at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCK = 2**14


def gaussian(u: Tensor) -> Tensor:
    """`K(u)`, elementwise."""
    return torch.exp(-0.5 * u.square()) / math.sqrt(2 * math.pi)


def gaussian_cdf(u: Tensor) -> Tensor:
    """`Phi(u)`, elementwise."""
    probability: Tensor = torch.special.ndtr(u)
    return probability


def direct_sum(kernel: Callable[[Tensor], Tensor], x: Tensor, weights: Tensor, bandwidth: float) -> Tensor:
    """`sum_j kernel((x - w_j) / h)` for `x` of any shape and `weights` `[n]`, in blocks so that memory stays small."""
    total = torch.zeros_like(x)
    for block in weights.split(_BLOCK):
        total = total + kernel((x.unsqueeze(-1) - block) / bandwidth).sum(-1)
    return total


def smooth(masses: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """Masses `[m]` on a uniform grid spread by a Gaussian `ratio` grid spacings wide; their sum is kept.

    The discrete Fourier transform of the masses is multiplied by the kernel's own, `exp(-(omega ratio)^2 / 2)`, which
    is exact while `ratio` is well above 1. The filter is circular: the outer grid points must be empty.
    """
    omega = 2 * math.pi * np.fft.rfftfreq(masses.size)
    spectrum = np.fft.rfft(masses) * np.exp(-0.5 * np.square(omega * ratio))
    return np.maximum(np.fft.irfft(spectrum, n=masses.size), 0.0)
