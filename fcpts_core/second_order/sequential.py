"""Layer after layer in one forward pass: each is solved with what the sparse layers before it really give.

The student runs once on each batch of calibration images, which it is given twice. At every prunable layer the first
half is what the sparse model so far says (`A`), the second what the dense one says (`B`): the layer is solved from the
two, then the first half goes on through the new weights and the second through the old ones. In eval mode everything
between the layers treats each image alone, so no second network and no second pass is needed.

A layer is solved when all batches have come to it. The passes of the batches take turns: each stands still at the layer
to be solved, with nothing in memory but what it needs to go on, while the next one catches up. So there may be far more
images than could pass at once.

A layer that may add an offset to its outputs (`offsets`) adds it to the first half alone, since the norm behind it is
the same for both; when the passes are over, the running mean of the norm takes it up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from threading import local
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fcpts_core.models.layers import PrunableLayer
from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.observed import Observed
from fcpts_core.second_order.offsets import along_channels, norms_behind
from fcpts_core.second_order.patches import Unfoldable, rows, weight_rows
from fcpts_core.within import Tell, told_within

Solve = Callable[[int, Observed | None], Tensor | None]
"""Index of the layer and what is known of it in, new rows `[groups, out, d]` out; None leaves the layer as it is.

Nothing is known of a layer that is no `unfoldable` one.
"""

PART = 64
"""Images whose rows are looked at together."""


@dataclass(eq=False)
class _Task:
    """One layer to be solved: what has been seen of its inputs, and what its outputs are to be shifted by."""

    layer: PrunableLayer
    index: int
    solve: Solve
    positions: int
    seed: int
    normed: bool
    solved: bool = False
    offset: Tensor | None = None
    parts: int = 0
    halves: tuple[Moments, Moments] = field(init=False)

    def __post_init__(self) -> None:
        centred = self.normed or getattr(self.layer.module, "bias", None) is not None
        self.halves = Moments(centred), Moments(centred)

    @property
    def unfoldable(self) -> Unfoldable | None:
        module = self.layer.module
        return module if isinstance(module, nn.Conv2d | nn.Linear) else None

    def look(self, sparse: Tensor, dense: Tensor) -> None:
        """One more batch of inputs of the sparse and of the dense model."""
        if (module := self.unfoldable) is None:
            return
        size = min(PART, max(1, len(sparse) // 2))
        for a, b in zip(sparse.split(size), dense.split(size), strict=True):
            taken = []
            for half in (a, b):  # both look at the same positions
                generator = torch.Generator().manual_seed(self.seed + self.parts)
                taken.append(rows(module, half, self.positions, generator))
            self.halves[self.parts % 2].add(*taken)
            self.parts += 1

    def finish(self) -> None:
        """Gives the layer the weights found; an offset is added to its bias if it has one, or else kept."""
        self.solved = True
        if (module := self.unfoldable) is None:
            self.solve(self.index, None)
            return
        known = Observed(self.halves, weight_rows(module, module.weight.detach().clone()))
        self.halves = Moments(), Moments()  # the square of a layer's inputs, four times, of every layer would add up
        found = self.solve(self.index, known)
        if found is None:
            return
        module.weight.copy_(found.reshape(module.weight.shape))
        offset = known.offset(found)
        if offset is not None and module.bias is not None:
            module.bias += offset
        elif offset is not None:
            self.offset = offset.to(module.weight.dtype)


class _Here(local):
    """Whose turn it is, by its thread: `wait` stands still until a layer is solved."""

    wait: Tell[_Task]


class _Twice:
    """Stands in for one module's forward while the doubled batches pass; its layer is solved before it answers."""

    def __init__(self, module: nn.Module, task: _Task | None, here: _Here) -> None:
        self.module, self.task, self.here, self.forward = module, task, here, module.forward
        self.dense = [p.detach().clone() for p in module.parameters(recurse=False)]

    def __call__(self, inputs: Tensor, *args: Any, **named: Any) -> Tensor:
        sparse, dense = inputs.tensor_split(2)
        if self.task is not None and not self.task.solved:
            self.task.look(sparse, dense)
            self.here.wait(self.task)
        said = self.forward(sparse, *args, **named)
        if self.task is not None and self.task.offset is not None:
            said = said + along_channels(self.task.offset, said)
        parameters = list(self.module.parameters(recurse=False))
        solution = [p.detach().clone() for p in parameters]
        _set(parameters, self.dense)
        try:
            meant = self.forward(dense, *args, **named)
        finally:
            _set(parameters, solution)
        return torch.cat([said, meant])


def _set(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data = value


@contextmanager
def _replaced(
    network: nn.Module, tasks: Sequence[_Task], norms: Mapping[nn.Module, _BatchNorm], here: _Here
) -> Iterator[None]:
    """The layers' forwards replaced for a while; so are those of all other modules that share a layer's weight.

    In the end, whatever the end is, the running means of `norms` take up the offsets of the layers before them.
    """
    by_module = {task.layer.module: task for task in tasks}
    weights = {id(task.layer.weight) for task in tasks}
    modules = [part for part in network.modules() if id(getattr(part, "weight", None)) in weights]
    for module in modules:
        module.forward = _Twice(module, by_module.get(module), here)
    try:
        yield
    finally:
        for module in modules:
            del module.forward
        for task in tasks:
            if task.offset is not None:
                mean = norms[task.layer.module].running_mean
                assert mean is not None
                mean -= task.offset


def _passing(network: nn.Module, batch: Tensor, here: _Here) -> Generator[_Task, None, None]:
    """One batch on its way: tells each layer that is to be solved before it can go on."""

    @torch.no_grad()
    def work(tell: Tell[_Task]) -> None:
        here.wait = tell
        network(torch.cat([batch, batch]))

    return told_within(work)


@torch.no_grad()
def solve_in_order(
    network: nn.Module,
    layers: Sequence[PrunableLayer],
    batches: Sequence[Tensor],
    solve: Solve,
    *,
    positions: int,
    seed: int,
) -> None:
    """Gives every layer of `network`, in the order in which they are reached, the weights that `solve` finds."""
    norms = norms_behind(network, [layer.module for layer in layers], batches[0][:1])
    tasks = [
        _Task(layer, index, solve, positions, seed * 7919 + index, layer.module in norms)
        for index, layer in enumerate(layers)
    ]
    modes, here = [(part, part.training) for part in network.modules()], _Here()
    network.eval()
    try:
        with _replaced(network, tasks, norms, here), ExitStack() as stack:
            waiting: dict[_Task, list[Generator[_Task, None, None]]] = {}  # those that were reached first come first

            def go_on(each: Generator[_Task, None, None]) -> None:
                if task := next(each, None):
                    waiting.setdefault(task, []).append(each)

            for batch in batches:
                go_on(stack.enter_context(closing(_passing(network, batch, here))))
            while waiting:
                task = next(iter(waiting))
                there = waiting.pop(task)
                task.finish()
                for each in there:
                    go_on(each)
    finally:
        for part, training in modes:
            part.training = training
