"""Which sparsity for which layer: every allocation takes the weights and the target and gives one sparsity a layer.

`allocate(weights, sparsity, layer_cap) -> (r_1, ..., r_L)` with `sum_l round(r_l n_l) = round(sparsity * sum_l n_l)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from fcpts_core.allocation.erk import erk
from fcpts_core.allocation.magnitude import global_magnitude
from fcpts_core.allocation.uniform import uniform

Allocation = Callable[[Sequence[Tensor], float, float], tuple[float, ...]]

ALLOCATIONS: dict[str, Allocation] = {"uniform": uniform, "erk": erk, "global-magnitude": global_magnitude}

__all__ = ["ALLOCATIONS", "Allocation", "erk", "global_magnitude", "uniform"]
