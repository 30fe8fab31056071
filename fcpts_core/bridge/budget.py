"""How many zeros a target sparsity means, and whether the layers allow it.

    zeros = round(R* sum n_l),     sum z_l <= zeros <= sum max(floor(cap n_l), z_l)

`n_l` weights of layer `l`, `z_l` of them exactly zero already, at most `floor(cap n_l)` may become zero. Excluded
layers are simply not among these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fcpts_core.errors import InputError


def zeros_for(sparsity: float, total: int) -> int:
    """`round(sparsity * total)`: how many of `total` weights are zero at this sparsity, in [0, 1]."""
    if not 0.0 <= sparsity <= 1.0:
        raise InputError(f"The sparsity is {sparsity}: expected a share of zero weights from 0 to 1, such as 0.9.")
    return round(sparsity * total)


def most_zeros(sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0) -> tuple[int, ...]:
    """How many zeros each layer may have: `floor(cap n_l)`, or what it has already if that is more."""
    if not 0.0 <= layer_cap <= 1.0:
        raise InputError(f"The cap per layer is {layer_cap}: expected a sparsity from 0 to 1, such as 0.99.")
    return tuple(max(math.floor(layer_cap * n), zeros) for n, zeros in zip(sizes, zeros_already, strict=True))


def reachable(sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0) -> tuple[float, float]:
    """The lowest and the highest global sparsity that these layers allow."""
    total = sum(sizes)
    if total == 0:
        raise InputError("There are no weights to prune: every layer is excluded, or the model has none.")
    return sum(zeros_already) / total, sum(most_zeros(sizes, zeros_already, layer_cap)) / total


def check_target(sparsity: float, sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0) -> int:
    """The number of zeros that `sparsity` means for these layers; InputError if they do not allow it."""
    zeros = zeros_for(sparsity, sum(sizes))
    check_zeros(zeros, sizes, zeros_already, layer_cap)
    return zeros


def check_zeros(zeros: int, sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0) -> None:
    """InputError with the reachable range if these layers cannot have exactly `zeros` zeros."""
    lowest, highest = reachable(sizes, zeros_already, layer_cap)
    total = sum(sizes)
    if not sum(zeros_already) <= zeros <= sum(most_zeros(sizes, zeros_already, layer_cap)):
        # Rounded inwards, so that both ends of the range given are themselves accepted.
        low, high = math.ceil(lowest * 1e4) / 1e4, math.floor(highest * 1e4) / 1e4
        raise InputError(
            f"A sparsity of {zeros / total:.4g} ({zeros:,} of {total:,} weights) cannot be reached: these layers allow "
            f"{low:.4g} to {high:.4g}. Choose a target in this range, exclude fewer layers or raise the cap per layer."
        )
