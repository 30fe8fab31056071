"""Erdos-Renyi-Kernel: keep ratio proportional to (sum of the weight's dimensions) / (their product).

`k_l = min(1, c * sum(shape_l) / n_l)`, `c` such that the budget is met; a layer whose ratio would pass 1 stays dense
and its share goes to the others. Evci et al., Rigging the Lottery, ICML 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fcpts_core.allocation.counts import Budget, keep_in_proportion


def erk(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` of the layers, from the shapes alone."""
    budget = Budget.of(weights, sparsity, layer_cap, worth)
    return keep_in_proportion(budget, [float(sum(weight.shape)) for weight in weights])
