"""Global magnitude: one threshold for the whole network, on `|w|` or on `|w|` relative to its layer.

global      |w|                  one scale for all layers
L2          |w| / ||W_l||_2      every layer on its own scale; POT (Lazarevich et al., ICCVW 2021)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from fcpts_core.allocation.counts import Budget
from fcpts_core.bridge import project
from fcpts_core.density.sample import checked


def global_magnitude(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` when the smallest weights of all layers together go."""
    return rank(weights, [1.0] * len(weights), sparsity, layer_cap, worth)


def l2_global(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` when the weights go that are the smallest shares of their layer's Euclidean norm."""
    return rank(weights, [float(np.linalg.norm(checked(weight))) for weight in weights], sparsity, layer_cap, worth)


def rank(
    scores: Sequence[Tensor],
    scales: Sequence[float],
    sparsity: float,
    layer_cap: float = 1.0,
    worth: Sequence[int] = (),
) -> tuple[float, ...]:
    """Sparsities `[L]` when the smallest `|score| / scale_l` of all layers together go.

    Scores are shaped like the weights and 0 only where these are; such go first. Ties go by layer.
    """
    budget = Budget.of(scores, sparsity, layer_cap, worth)
    masks = project(scores, scales, budget.zeros, layer_cap, worth=worth).masks
    return budget.sparsities([mask.numel() - int(mask.sum()) for mask in masks])
