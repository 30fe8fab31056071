"""What one batch says of the student, with whatever networks do to the memory of their outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.reconstruction.losses import OBJECTIVES, View
from fcpts_core.reconstruction.training import Training, distance, watched, weight_optimizer
from tests.cases import CLASSES, problem


class Block(nn.Module):
    """Says what `said` makes of it and of its input."""

    def __init__(self, said: Callable[[Block, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.still = nn.Parameter(torch.randn(8, 3, 8, 8))
        self.said = said

    def forward(self, x: Tensor) -> Tensor:
        return self.said(self, x)


BLOCKS: dict[str, Callable[[Block, Tensor], Tensor]] = {
    "apart": lambda block, x: block.conv(x).relu(),
    "in place": lambda block, x: x.add_(block.conv(x)),
    "views": lambda block, x: (x + block.conv(x))[:, [2, 0, 1]].transpose(2, 3),
    "its own": lambda block, x: block.still[: len(x)],
}


class Network(nn.Module):
    def __init__(self, said: Callable[[Block, Tensor], Tensor]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(said) for _ in range(3)))
        self.fc = nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.blocks(self.stem(x)).mean(dim=(2, 3)))
        return out


@pytest.mark.parametrize("objective", ["blocks+logits", "blocks-mse"])
@pytest.mark.parametrize("name", BLOCKS)
def test_it_is_the_objective_of_what_both_networks_say(name: str, objective: str) -> None:
    task = problem(Network(BLOCKS[name]), objective=objective)
    with torch.no_grad():
        for parameter in task.student.parameters():
            parameter.mul_(0.9)
    teacher, batch = copy.deepcopy(task.teacher.state_dict()), torch.randn(4, 3, 8, 8)
    state = Training(
        weights=weight_optimizer(task.student, task.settings), generator=torch.Generator().manual_seed(task.seed)
    )
    views: list[View] = []
    for network in (task.student, task.teacher):
        found: list[Tensor] = []
        handles = [
            block.register_forward_hook(lambda m, a, out, found=found: found.append(out))
            for block in network.get_submodule("blocks").children()
        ]
        views.append(View(network(batch), found))
        for handle in handles:
            handle.remove()
    expected = OBJECTIVES[objective](views[0], views[1], task.settings)
    with watched(task, state):
        assert torch.equal(distance(task, batch.clone(), state), expected)
    assert all(torch.equal(tensor, teacher[key]) for key, tensor in task.teacher.state_dict().items())
