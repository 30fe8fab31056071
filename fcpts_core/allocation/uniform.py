"""Uniform: every layer gets the global sparsity, `r_l = R*`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fcpts_core.allocation.counts import Budget, fill


def uniform(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` of the layers; where a layer cannot take its share, the others take it up equally."""
    budget = Budget.of(weights, sparsity, layer_cap, worth)
    return fill(budget, lambda scale: [scale * size for size in budget.sizes])
