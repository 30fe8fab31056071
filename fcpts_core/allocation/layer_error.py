"""What pruning one layer takes from its own output, beyond what least squares on the kept weights brings back.

    tr((W - W0) H (W - W0)') / tr(W0 H W0')

`W0` `[groups, out, d]` are the dense weights, `H` `[groups, d, d]` the second moment of the layer's inputs in the dense
network (about their mean, if the layer may add an offset to its outputs), `W` the least-squares weights on what the
mask keeps. One forward pass gives all the `H`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.offsets import norms_behind
from fcpts_core.second_order.patches import Unfoldable, rows, weight_rows
from fcpts_core.second_order.problem import LeastSquares, solve_on

ROWS = 16
"""In how many output channels of each group the least squares are solved: for a share, a sample is enough."""


@dataclass(frozen=True, eq=False)
class OneLayer:
    """The least squares of some output channels, `chosen`, of one layer; `error` is a share from 0 to 1."""

    module: Unfoldable
    chosen: Tensor
    task: LeastSquares

    @classmethod
    def of(cls, module: Unfoldable, moments: Moments, damping: float, seed: int) -> OneLayer:
        weight = weight_rows(module, module.weight.detach())
        chosen = torch.randperm(weight.shape[1], generator=torch.Generator().manual_seed(seed))[:ROWS]
        chosen = chosen.sort().values.to(weight.device)
        return cls(module, chosen, LeastSquares.of(moments, weight[:, chosen], damping))

    def error(self, mask: Tensor) -> float:
        """`mask` is shaped like the layer's weight, True = kept."""
        task, kept = self.task, weight_rows(self.module, mask)[:, self.chosen]
        return share(_power(solve_on(task, kept) - task.W0, task.H), _power(task.W0, task.H))


def one_layer_each(
    network: nn.Module, names: Sequence[str], batches: Sequence[Tensor], positions: int, damping: float, seed: int
) -> list[OneLayer | None]:
    """For each of the named layers its least squares, from one pass over `batches`; None where there is none."""
    network = copy.deepcopy(network).eval()
    found: dict[int, tuple[Unfoldable, Moments]] = {}
    modules = [network.get_submodule(name) for name in names]
    norms = norms_behind(network, modules, batches[0][:1]) if batches else {}
    for layer, module in enumerate(modules):
        if isinstance(module, nn.Conv2d | nn.Linear):
            found[layer] = module, Moments(centred=module in norms or module.bias is not None)
    generator = torch.Generator().manual_seed(seed)

    def look(layer: int, module: Any, inputs: tuple[Tensor, ...]) -> None:
        taken = rows(module, inputs[0], positions, generator)
        found[layer][1].add(taken, taken)

    for layer, (module, _) in found.items():
        module.register_forward_pre_hook(partial(look, layer))
    with torch.no_grad():
        for batch in batches:
            network(batch)
    seen = {layer: pair for layer, pair in found.items() if pair[1].count}
    return [OneLayer.of(*seen[layer], damping, seed + layer) if layer in seen else None for layer in range(len(names))]


def share(part: Tensor, whole: Tensor) -> float:
    """`part / whole`, 0 where there is nothing to share."""
    return float(part / whole) if whole > 0 else 0.0


def _power(weights: Tensor, H: Tensor) -> Tensor:
    return ((weights @ H) * weights).sum().clamp(min=0)
