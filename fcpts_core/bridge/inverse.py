"""The bridge read backwards: from a sparsity to the threshold with which it is met, by order statistics.

    m_1 <= m_2 <= ... <= m_n  the magnitudes |w|;     every t in (m_k, m_(k+1)] prunes exactly k weights, |w| < t

The middle of that interval is taken. Where `m_k = m_(k+1)` no threshold prunes exactly `k`; then `t = m_k`, which
prunes only what lies strictly below the tie. At the ends: for `k = 0` the middle between 0 and the smallest magnitude
(0 if that is 0), for `k = n` one per cent above the largest.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from fcpts_core.bridge.budget import zeros_for
from fcpts_core.density.sample import flat
from fcpts_core.errors import InputError


def threshold_for(weights: Tensor, sparsity: float) -> float:
    """The threshold with which `round(sparsity * n)` of the weights (any shape) satisfy `|w| < t`, ties aside."""
    return threshold_for_count(weights.detach().abs(), zeros_for(sparsity, weights.numel()))


def threshold_for_count(magnitudes: Tensor, k: int) -> float:
    """The threshold with which exactly `k` of the magnitudes (any shape, not negative) lie below it, ties aside.

    It is a number that the magnitudes' own type can hold, so a comparison in that type counts the same.
    """
    sample = flat(magnitudes)
    if not 0 <= k <= sample.size:
        raise InputError(f"{k} zeros were asked of a layer of {sample.size} weights.")
    ordered = np.partition(sample, [rank for rank in (k - 1, k) if 0 <= rank < sample.size])
    below = float(ordered[k - 1]) if k > 0 else 0.0
    above = float(ordered[k]) if k < sample.size else math.inf
    return between(below, above, magnitudes.dtype)


def between(below: float, above: float, dtype: torch.dtype) -> float:
    """A number of type `dtype` in `(below, above]`, the middle if it can hold that; `below` if the two are equal."""
    middle = 0.5 * below + 0.5 * above if above < math.inf else max(1.01 * below, torch.finfo(dtype).tiny)
    rounded = float(torch.tensor(middle, dtype=torch.float64).to(dtype))
    return rounded if below < rounded <= above else above
