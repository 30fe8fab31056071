"""How many zeros a target sparsity means, and whether the layers allow it.

    zeros = round(R* sum n_l),     sum z_l <= zeros <= sum max(floor(cap n_l), z_l)

`n_l` weights of layer `l`, `z_l` of them exactly zero already, at most `floor(cap n_l)` may become zero. Excluded
layers are simply not among these.

Where zeros have a worth, a whole number `u_l` for each of layer `l`, such as the multiply-adds that it saves, the goal
is what all zeros are worth together, and met by the fewest zeros: any one less would miss it.

    goal = ceil(R* sum u_l n_l),     sum u_l K_l >= goal,     sum u_l K_l - u_l < goal  for every l with K_l > z_l
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from operator import mul

from fcpts_core.errors import InputError


def zeros_for(sparsity: float, total: int) -> int:
    """`round(sparsity * total)`: how many of `total` weights are zero at this sparsity, in [0, 1]."""
    if not 0.0 <= sparsity <= 1.0:
        raise InputError(f"The sparsity is {sparsity}: expected a share of zero weights from 0 to 1, such as 0.9.")
    return round(sparsity * total)


def goal_for(sparsity: float, sizes: Sequence[int], worth: Sequence[int] = ()) -> int:
    """What the zeros are to be worth at this sparsity; without `worth`, `zeros_for`."""
    if not worth:
        return zeros_for(sparsity, sum(sizes))
    zeros_for(sparsity, 0)  # refuses what is no share
    return math.ceil(Fraction(str(sparsity)) * worth_of(sizes, worth))


def worth_of(counts: Sequence[int], worth: Sequence[int] = ()) -> int:
    """`sum_l u_l K_l`, or `sum_l K_l` without `worth`."""
    return sum(map(mul, counts, worth)) if worth else sum(counts)


def fewest(counts: Sequence[int], floors: Sequence[int], goal: int, worth: Sequence[int]) -> list[int]:
    """The counts `[L]`, worth at least `goal`, without the zeros that the goal does not need.

    What is over goes back to the layers in the order of their worth, the dearest that fit first, as one gives change:
    so no layer gives back more than it has to. Zeros that are worth nothing go back altogether.
    """
    left, over = list(counts), worth_of(counts, worth) - goal
    for layer in sorted(range(len(left)), key=lambda layer: -worth[layer]):
        spare = left[layer] - floors[layer]
        back = min(spare, over // worth[layer]) if worth[layer] else spare
        left[layer] -= back
        over -= back * worth[layer]
    return left


def most_zeros(sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0) -> tuple[int, ...]:
    """How many zeros each layer may have: `floor(cap n_l)`, or what it has already if that is more."""
    if not 0.0 <= layer_cap <= 1.0:
        raise InputError(f"The cap per layer is {layer_cap}: expected a sparsity from 0 to 1, such as 0.99.")
    return tuple(max(math.floor(layer_cap * n), zeros) for n, zeros in zip(sizes, zeros_already, strict=True))


def reachable(
    sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> tuple[float, float]:
    """The lowest and the highest global sparsity that these layers allow, in the currency of `worth`."""
    total = worth_of(sizes, worth)
    if total == 0:
        raise InputError("There are no weights to prune: every layer is excluded, or the model has none.")
    highest = most_zeros(sizes, zeros_already, layer_cap)
    return worth_of(zeros_already, worth) / total, worth_of(highest, worth) / total


def check_target(
    sparsity: float,
    sizes: Sequence[int],
    zeros_already: Sequence[int],
    layer_cap: float = 1.0,
    worth: Sequence[int] = (),
) -> int:
    """What `sparsity` asks of these layers, a number of zeros or their worth; InputError if they do not allow it."""
    goal = goal_for(sparsity, sizes, worth)
    check_zeros(goal, sizes, zeros_already, layer_cap, worth)
    return goal


def check_zeros(
    zeros: int, sizes: Sequence[int], zeros_already: Sequence[int], layer_cap: float = 1.0, worth: Sequence[int] = ()
) -> None:
    """InputError with the reachable range if these layers cannot have exactly `zeros` zeros, or zeros of that worth."""
    lowest, highest = reachable(sizes, zeros_already, layer_cap, worth)
    total = worth_of(sizes, worth)
    most = worth_of(most_zeros(sizes, zeros_already, layer_cap), worth)
    if not worth_of(zeros_already, worth) <= zeros <= most:
        # Rounded inwards, so that both ends of the range given are themselves accepted.
        low, high = math.ceil(lowest * 1e4) / 1e4, math.floor(highest * 1e4) / 1e4
        what, of = ("saving", "multiply-adds") if worth else ("sparsity", "weights")
        raise InputError(
            f"A {what} of {zeros / total:.4g} ({zeros:,} of {total:,} {of}) cannot be reached: these layers allow "
            f"{low:.4g} to {high:.4g}. Choose a target in this range, exclude fewer layers or raise the cap per layer."
        )
