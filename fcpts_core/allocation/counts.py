"""From wished-for sparsities to whole zeros: the budget is met to the weight.

Notation: `n_l` weights of layer `l`, of which `z_l` are zero already and at most `floor(cap * n_l)` may become zero;
`K` zeros in all. `a_l` is a wish, a real number of zeros. Where zeros have a worth, `K` is what all of them are worth
together, and no zero is given that it does not need (see `bridge.budget`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import mul

from torch import Tensor

from fcpts_core.bridge.budget import check_target, fewest, most_zeros, worth_of


@dataclass(frozen=True)
class Budget:
    """`zeros` of `sum(sizes)` weights are to be zero, of layer `l` between `floors[l]` and `ceilings[l]`.

    With a `worth` `[L]`, each zero of layer `l` counts `worth[l]` times towards `zeros`.
    """

    sizes: tuple[int, ...]
    floors: tuple[int, ...]
    ceilings: tuple[int, ...]
    zeros: int
    worth: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        least, most = self.worth_of(self.floors), self.worth_of(self.ceilings)
        if not least <= self.zeros <= most:
            raise ValueError(f"{self.zeros} zeros lie outside of {least} to {most}.")

    @classmethod
    def of(
        cls, weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = ()
    ) -> Budget:
        """The budget of these layers at a global sparsity; a target out of reach is an InputError."""
        sizes = tuple(weight.numel() for weight in weights)
        floors = tuple(weight.numel() - int(weight.count_nonzero()) for weight in weights)
        zeros = check_target(sparsity, sizes, floors, layer_cap, worth)
        return cls(sizes, floors, most_zeros(sizes, floors, layer_cap), zeros, tuple(worth))

    @property
    def worths(self) -> tuple[int, ...]:
        """What a zero of each layer counts, `[L]`."""
        return self.worth or (1,) * len(self.sizes)

    def worth_of(self, counts: Sequence[int]) -> int:
        """What so many zeros `[L]` count."""
        return worth_of(counts, self.worth)

    def met_by(self, counts: Sequence[int]) -> bool:
        """Whether so many zeros `[L]` are within all bounds and meet the goal, and no zero less would do."""
        bounds = zip(self.floors, counts, self.ceilings, strict=True)
        over = self.worth_of(counts) - self.zeros
        spare = [worth for worth, count, floor in zip(self.worths, counts, self.floors, strict=True) if count > floor]
        return all(low <= count <= high for low, count, high in bounds) and 0 <= over < min(spare, default=over + 1)

    def sparsities(self, counts: Sequence[int]) -> tuple[float, ...]:
        return tuple(count / size for count, size in zip(counts, self.sizes, strict=True))


def fill(budget: Budget, wish: Callable[[float], Sequence[float]]) -> tuple[float, ...]:
    """The sparsities `[L]` of the scale `c` at which `sum_l u_l clip(wish(c)_l, floor_l, ceiling_l) = K`, in zeros.

    `wish` must not fall in any layer as `c` grows from 0 to 1. The scale is found by bisection; the fractions that
    remain are settled by largest remainder, ties to the earlier layer.
    """

    def clipped(scale: float) -> list[float]:
        bounds = zip(wish(scale), budget.floors, budget.ceilings, strict=True)
        return [min(max(value, floor), ceiling) for value, floor, ceiling in bounds]

    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if sum(map(mul, budget.worths, clipped(middle))) < budget.zeros:
            low = middle
        else:
            high = middle
    return budget.sparsities(_round(clipped(high), budget))


def keep_in_proportion(budget: Budget, parts: Sequence[float]) -> tuple[float, ...]:
    """The sparsities `[L]` at which layer `l` keeps `min(n_l, C parts_l)` weights, `C` such that the budget is met.

    A layer whose part would be more than it has stays dense, and what is over goes to the others in proportion.
    """
    most = max(size / part for size, part in zip(budget.sizes, parts, strict=True))

    def wish(scale: float) -> list[float]:
        return [max(size - (1 - scale) * most * part, 0.0) for size, part in zip(budget.sizes, parts, strict=True)]

    return fill(budget, wish)


def _round(values: Sequence[float], budget: Budget) -> list[int]:
    counts = [math.floor(value) for value in values]
    # Remainders that differ by the rounding of the scale alone are ties.
    remainders = [round(value - count, 6) for value, count in zip(values, counts, strict=True)]
    order = sorted(range(len(values)), key=lambda layer: (-remainders[layer], layer))
    worths = budget.worths
    while (missing := budget.zeros - budget.worth_of(counts)) > 0:
        for layer in order:
            if missing > 0 and worths[layer] and counts[layer] < budget.ceilings[layer]:
                counts[layer] += 1
                missing -= worths[layer]
    return fewest(counts, budget.floors, budget.zeros, worths)
