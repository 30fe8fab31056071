"""Keep ratio proportional to a power of the layer's size: the larger a layer, the smaller the share that it keeps.

`k_l = min(1, c * n_l^-q)`, `c` such that the budget is met. `q = 0` is uniform, `q = 1` keeps the same number of
weights in every layer, and a negative `q` keeps more of the larger ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fcpts_core.allocation.counts import Budget, keep_in_proportion


def power(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float, q: float, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` of the layers, from their sizes alone; a layer that would keep more than all stays dense."""
    budget = Budget.of(weights, sparsity, layer_cap, worth)
    # n^(1 - q), taken relative to the largest layer so that no power overflows.
    largest = max(budget.sizes)
    return keep_in_proportion(budget, [(size / largest) ** (1 - q) for size in budget.sizes])
