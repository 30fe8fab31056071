"""Uniform+: the first convolution stays dense, the last layer is at most 80 % sparse, the others meet the budget.

Gale et al., The State of Sparsity in Deep Neural Networks, 2019. Where the others cannot give all the zeros, the last
layer's bound is raised first and the first convolution is pruned last, both by no more than what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fcpts_core.allocation.counts import Budget, fill


def uniform_plus(
    weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, ...]:
    """Sparsities `[L]` of the layers.

    The first convolution is the first weight with more than two dimensions, the last layer the last weight; layers that
    are excluded from pruning are not among them. A network without convolutions has only the second bound.
    """
    budget = Budget.of(weights, sparsity, layer_cap, worth)
    first = next((layer for layer, weight in enumerate(weights) if weight.ndim > 2), None)
    last = len(weights) - 1

    def wish(scale: float) -> list[float]:
        """In three equal parts of the scale: all up to the two bounds, then the last layer, then the first."""
        everywhere, beyond, dense = (min(max(3 * scale - part, 0.0), 1.0) for part in range(3))
        wishes = [everywhere * size for size in budget.sizes]
        at_most = 4 * budget.sizes[last] // 5
        wishes[last] = min(wishes[last], at_most) + beyond * (budget.sizes[last] - at_most)
        if first is not None:
            wishes[first] = dense * budget.sizes[first]
        return wishes

    return fill(budget, wish)
