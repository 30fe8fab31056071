"""A layer's weights as the sample that all estimates start from: `[n]`, double precision, on the CPU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, float64

from fcpts_core.errors import InputError

LARGEST_WEIGHT = 1e100
"""Squares and quotients of weights up to here stay finite; single precision ends at 3e38."""


def flat(weights: Tensor) -> NDArray[np.float64]:
    """The weights, of any shape, type and device, as they are; shares their memory where it can: do not write to it."""
    # Two steps, since MPS has no float64 to convert to before the copy.
    sample: NDArray[np.float64] = weights.detach().cpu().to(float64).reshape(-1).numpy()
    return sample


def checked(weights: Tensor) -> NDArray[np.float64]:
    """`flat`, or InputError where there are no weights or not all of them are finite floating point numbers."""
    if not weights.is_floating_point():
        raise InputError(f"The weights are of type {weights.dtype}: expected floating point numbers.")
    if weights.numel() == 0:
        raise InputError("The layer has no weights: expected at least one.")
    sample = flat(weights)
    # A NaN anywhere makes both of these NaN, and no comparison with NaN holds.
    if not (sample.min() >= -LARGEST_WEIGHT and sample.max() <= LARGEST_WEIGHT):
        raise InputError(
            "The layer has weights that are NaN, infinite or beyond 1e100: expected finite numbers. "
            "The file is damaged or training went astray; use other weights."
        )
    return sample
