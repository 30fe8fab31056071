"""Which sparsity for which layer. Here: the allocations that look at the weights alone; all of them are in `registry`.

`allocate(weights, sparsity, layer_cap) -> (r_1, ..., r_L)` with `sum_l round(r_l n_l) = round(sparsity * sum_l n_l)`,
or, with a fourth argument, what a zero of each layer is worth, with zeros of that share of the worth of all weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from fcpts_core.allocation.erk import erk
from fcpts_core.allocation.lamp import lamp
from fcpts_core.allocation.magnitude import global_magnitude, l2_global
from fcpts_core.allocation.plus import uniform_plus
from fcpts_core.allocation.uniform import uniform


class OfWeights(Protocol):
    """One way to share the zeros out that looks at the weights alone."""

    def __call__(
        self, weights: Sequence[Tensor], sparsity: float, layer_cap: float = 1.0, worth: Sequence[int] = (), /
    ) -> tuple[float, ...]: ...


OF_WEIGHTS: dict[str, OfWeights] = {
    "uniform": uniform,
    "uniform-plus": uniform_plus,
    "erk": erk,
    "global-magnitude": global_magnitude,
    "l2-global": l2_global,
    "lamp": lamp,
}

__all__ = ["OF_WEIGHTS", "OfWeights", "erk", "global_magnitude", "l2_global", "lamp", "uniform", "uniform_plus"]
