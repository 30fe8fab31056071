"""Sparsities that a pattern allows: after the allocation, whatever it was.

An allocation knows of the zeros that a layer has; a pattern may ask for more (`Pattern.floor`). Layers below that are
lifted to it, and all others give back in proportion to the zeros they have.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fcpts_core.allocation.counts import Budget, fill
from fcpts_core.bridge import check_target, most_zeros
from fcpts_core.masks.patterns import pattern


def budget_under(
    text: str, weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> Budget:
    """The budget of these layers under the pattern `text`; a target out of reach is an InputError.

    Where the pattern asks a layer for more zeros than its cap, the pattern prevails.
    """
    kind = pattern(text)
    sizes = tuple(weight.numel() for weight in weights)
    floors = tuple(kind.floor(weight) for weight in weights)
    zeros = check_target(sparsity, sizes, floors, layer_cap, worth)
    return Budget(sizes, floors, most_zeros(sizes, floors, layer_cap), zeros, tuple(worth))


def respect(shares: Sequence[float], budget: Budget) -> tuple[float, ...]:
    """These sparsities `[L]` within the bounds of `budget` and exactly on it; unchanged where they are so already."""
    counts = [round(share * size) for share, size in zip(shares, budget.sizes, strict=True)]
    if budget.met_by(counts):
        return tuple(shares)
    return fill(budget, lambda scale: [scale * count for count in counts])
