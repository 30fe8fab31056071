"""Global magnitude: one threshold on `|w|` for the whole network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fcpts_core.allocation.counts import Budget
from fcpts_core.bridge import project


def global_magnitude(weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0) -> tuple[float, ...]:
    """Sparsities `[L]` when the smallest weights of all layers together go."""
    budget = Budget.of(weights, sparsity, layer_cap)
    masks = project(weights, [1.0] * len(weights), budget.zeros, layer_cap).masks
    return budget.sparsities([mask.numel() - int(mask.sum()) for mask in masks])
