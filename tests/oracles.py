"""Slow references: each says the same as a fast routine in the plainest way there is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.optimize import brentq
from scipy.special import ndtr

Array = NDArray[np.float64]


def direct_pdf(x: Array, weights: Array, bandwidth: float) -> Array:
    """`1/N sum_{w_j != 0} K((x - w_j) / h) / h`, every pair of position and weight by itself."""
    u = (x[:, None] - weights[weights != 0][None, :]) / bandwidth
    kernels = np.exp(-0.5 * np.square(u)) / math.sqrt(2 * math.pi) / bandwidth
    return np.asarray(kernels.sum(axis=1) / weights.size)


def direct_cdf(x: Array, weights: Array, bandwidth: float) -> Array:
    """`1/N sum_{w_j != 0} Phi((x - w_j) / h)`."""
    return np.asarray(ndtr((x[:, None] - weights[weights != 0][None, :]) / bandwidth).sum(axis=1) / weights.size)


def botev_bandwidth(weights: Array, bins: int = 2**14) -> float:
    """Improved Sheather-Jones after the authors' own program: nearest bins, a cosine transform, a bracketed root."""
    low, high = weights.min(), weights.max()
    width = 1.2 * (high - low)
    edges = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), bins + 1)
    masses = np.histogram(weights, edges)[0] / weights.size
    a2 = np.square(dct(masses)[1:] / 2)
    k2 = np.arange(1, bins, dtype=np.float64) ** 2

    def functional(s: int, t: float) -> float:
        return float(2 * np.pi ** (2 * s) * np.sum(k2**s * a2 * np.exp(-k2 * np.pi**2 * t)))

    def excess(t: float) -> float:
        f = functional(7, t)
        for s in range(6, 1, -1):
            k0 = np.prod(np.arange(1, 2 * s, 2)) / np.sqrt(2 * np.pi)
            f = functional(s, (2 * (1 + 0.5 ** (s + 0.5)) / 3 * k0 / weights.size / f) ** (2 / (3 + 2 * s)))
        return t - (2 * weights.size * np.sqrt(np.pi) * f) ** (-2 / 5)

    return float(np.sqrt(brentq(excess, 1e-10, 0.1, xtol=1e-14)) * width)


def pruned_by_ranking(
    layers: Sequence[Sequence[float]], thresholds: Sequence[float], zeros: int, layer_cap: float = 1.0
) -> list[list[bool]]:
    """Walks down the ranking, True = pruned: zeros first, layers with threshold 0 last, full layers skipped."""

    def rank(layer: int, index: int) -> tuple[int, float, int, int]:
        magnitude, t = abs(layers[layer][index]), thresholds[layer]
        if magnitude == 0:
            return (0, 0.0, layer, index)
        return (2, magnitude, layer, index) if t == 0 else (1, magnitude / t, layer, index)

    room = [max(math.floor(layer_cap * len(row)), row.count(0.0)) for row in layers]
    pruned = [[False] * len(row) for row in layers]
    for layer, index in sorted(
        ((i, j) for i, row in enumerate(layers) for j in range(len(row))), key=lambda at: rank(*at)
    ):
        if zeros > 0 and room[layer] > 0:
            pruned[layer][index] = True
            room[layer] -= 1
            zeros -= 1
    assert zeros == 0
    return pruned
