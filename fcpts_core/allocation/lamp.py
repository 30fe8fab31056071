"""LAMP, layer-adaptive magnitude: what a weight is worth beside those of its layer that outlast it.

    score(u) = w_u^2 / sum of w_v^2 over all v of the layer with |w_v| >= |w_u|

One threshold on the scores for the whole network. The largest weight of a layer scores 1, so (equal weights aside) no
layer is emptied while another has two to give. Lee et al., Layer-adaptive Sparsity for the Magnitude-based Pruning,
ICLR 2021; there, equal weights of a layer are told apart by their index, here they share one score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fcpts_core.allocation.magnitude import rank
from fcpts_core.density.sample import checked


def lamp(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` of the layers; weights that are exactly zero go first."""
    return rank([lamp_scores(weight) for weight in weights], [1.0] * len(weights), sparsity, layer_cap, worth)


def lamp_scores(weight: Tensor) -> Tensor:
    """The score of every weight of one layer, shaped like it, double precision, 0 exactly where the weight is 0."""
    magnitudes = np.abs(checked(weight))
    # Relative to the largest, so that no square overflows; scores do not change.
    magnitudes /= magnitudes.max() or 1.0
    ordered = np.sort(magnitudes)
    at_least = np.cumsum(ordered[::-1] ** 2)[::-1]
    first = np.searchsorted(ordered, magnitudes, side="left")
    scores = magnitudes**2 / np.where(at_least[first] > 0, at_least[first], 1.0)
    # A square too small for a number is still not that of a zero.
    scores[magnitudes > 0] = np.maximum(scores[magnitudes > 0], np.finfo(np.float64).tiny)
    return torch.from_numpy(scores).reshape(weight.shape)
