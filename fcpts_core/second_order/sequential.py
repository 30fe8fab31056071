"""Layer after layer in one forward pass: each is solved with what the sparse layers before it really give.

The student runs once on a batch that holds the calibration images twice. At every prunable layer the first half is what
the sparse model so far says (`A`), the second what the dense one says (`B`): the layer is solved from the two, then the
first half goes on through the new weights and the second through the old ones. In eval mode everything between the
layers treats each image alone, so no second network and no second pass is needed.

A layer that may add an offset to its outputs (`offsets`) adds it to the first half alone, since the norm behind it is
the same for both; when the pass is over, the running mean of the norm takes it up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fcpts_core.models.layers import PrunableLayer
from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.offsets import along_channels, norms_behind
from fcpts_core.second_order.patches import rows, weight_rows
from fcpts_core.second_order.problem import LeastSquares

Solve = Callable[[int, LeastSquares | None], Tensor | None]
"""Index of the layer and its problem in, new rows `[groups, out, d]` out; None leaves the layer as it is.

The problem is None for a layer that is no `unfoldable` one.
"""


class _Twice:
    """Stands in for one module's forward while the doubled batch passes; `solve` sees both halves the first time.

    It returns what the outputs of the first half are to be shifted by, None if by nothing.
    """

    def __init__(self, module: nn.Module, solve: Callable[[Tensor, Tensor], Tensor | None] | None = None) -> None:
        self.module, self.solve, self.forward = module, solve, module.forward
        self.offset: Tensor | None = None
        self.dense = [p.detach().clone() for p in module.parameters(recurse=False)]

    def __call__(self, inputs: Tensor, *args: Any, **named: Any) -> Tensor:
        sparse, dense = inputs.tensor_split(2)
        if self.solve is not None:
            solve, self.solve = self.solve, None
            self.offset = solve(sparse, dense)
        said = self.forward(sparse, *args, **named)
        if self.offset is not None:
            said = said + along_channels(self.offset, said)
        parameters = list(self.module.parameters(recurse=False))
        solution = [p.detach().clone() for p in parameters]
        _set(parameters, self.dense)
        try:
            meant = self.forward(dense, *args, **named)
        finally:
            _set(parameters, solution)
        return torch.cat([said, meant])


@dataclass(frozen=True)
class _Task:
    """One layer to be solved, and how."""

    layer: PrunableLayer
    index: int
    solve: Solve
    positions: int
    damping: float
    seed: int
    normed: bool

    def __call__(self, sparse: Tensor, dense: Tensor) -> Tensor | None:
        """Gives the layer the weights found for these inputs of the sparse and of the dense model.

        An offset is added to its bias if it has one, returned if there is a norm behind.
        """
        module = self.layer.module
        if not isinstance(module, nn.Conv2d | nn.Linear):
            self.solve(self.index, None)
            return None
        moments = Moments(centred=self.normed or module.bias is not None)
        for part, (a, b) in enumerate(zip(sparse.split(64), dense.split(64), strict=True)):
            taken = []
            for half in (a, b):  # both halves look at the same positions
                generator = torch.Generator().manual_seed(self.seed + part)
                taken.append(rows(module, half, self.positions, generator))
            moments.add(*taken)
        task = LeastSquares.of(moments, weight_rows(module, module.weight.detach()), self.damping)
        found = self.solve(self.index, task)
        if found is None:
            return None
        module.weight.copy_(found.reshape(module.weight.shape))
        offset = task.offset(found)
        if offset is None or module.bias is None:
            return None if offset is None else offset.to(module.weight.dtype)
        module.bias += offset
        return None


def _set(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data = value


@contextmanager
def _replaced(network: nn.Module, tasks: Sequence[_Task], norms: Mapping[nn.Module, _BatchNorm]) -> Iterator[None]:
    """The layers' forwards replaced for a while; so are those of all other modules that share a layer's weight.

    In the end, whatever the end is, the running means of `norms` take up the offsets of the layers before them.
    """
    solves = {task.layer.module: task for task in tasks}
    weights = {id(task.layer.weight) for task in tasks}
    modules = [part for part in network.modules() if id(getattr(part, "weight", None)) in weights]
    twice = {module: _Twice(module, solves.get(module)) for module in modules}
    for module, both in twice.items():
        module.forward = both
    try:
        yield
    finally:
        for module, both in twice.items():
            del module.forward
            if both.offset is not None:
                mean = norms[module].running_mean
                assert mean is not None
                mean -= both.offset


@torch.no_grad()
def solve_in_order(
    network: nn.Module,
    layers: Sequence[PrunableLayer],
    inputs: Tensor,
    solve: Solve,
    *,
    positions: int,
    damping: float,
    seed: int,
) -> None:
    """Gives every layer of `network`, in the order in which they are reached, the weights that `solve` finds."""
    norms = norms_behind(network, [layer.module for layer in layers], inputs[:1])
    tasks = [
        _Task(layer, index, solve, positions, damping, seed * 7919 + index, layer.module in norms)
        for index, layer in enumerate(layers)
    ]
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        with _replaced(network, tasks, norms):
            network(torch.cat([inputs, inputs]))
    finally:
        for part, training in modes:
            part.training = training
