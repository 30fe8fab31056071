"""The bound on steps: it holds for every tensor, says nothing where norms follow, and lets networks without learn."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.engine.events import Measured
from fcpts_core.engine.solve import solve
from fcpts_core.models.layers import all_layers
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.bounding import SMALLEST, bound, units, unnormalised
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.reconstruction.settings import Settings
from tests.cases import NETWORKS, conv_net, images, problem, transformer
from tests.reconstruction.folded import folded, resnet


def losses(task: Problem) -> list[float]:
    return [event.reconstruction for event in solve(task) if isinstance(event, Measured)]


def names(task: Problem) -> set[str]:
    chosen = {id(parameter) for parameter in unnormalised(task)}
    return {name for name, parameter in task.student.named_parameters() if id(parameter) in chosen}


def test_a_network_with_a_norm_behind_all_but_the_last_layer_is_not_bounded() -> None:
    assert names(problem(resnet())) == set()


def test_without_norms_everything_is_bounded() -> None:
    task = problem(folded())
    assert names(task) == {name for name, _ in task.student.named_parameters()}


def test_norms_that_keep_their_statistics_do_not_count() -> None:
    assert names(problem(resnet(), student_norms="eval")) == {name for name, _ in resnet().named_parameters()}


def test_in_a_mixed_network_the_layers_behind_the_last_norm_are_bounded() -> None:
    def layers(network: nn.Module) -> set[str]:
        return {name.rpartition(".")[0] for name in names(problem(network))}

    assert layers(conv_net()) == {"idle", "gain", "linear"}
    assert layers(transformer()) == {"encoders.1.mix", "encoders.1.expand", "encoders.1.contract", "head"}


def test_layers_with_a_norm_right_behind_can_be_scaled_without_a_change() -> None:
    task = problem(resnet())
    batch = images(16).inputs()
    with torch.no_grad(), norm_mode(task.student, "train"):
        before = task.student(batch)
        for layer in all_layers(task.student)[:-1]:
            layer.weight.mul_(3.0)
        torch.testing.assert_close(task.student(batch), before, rtol=1e-3, atol=1e-3)


def test_a_layer_that_is_called_again_behind_the_last_norm_is_bounded() -> None:
    class Twice(nn.Module):
        channels, classes = 3, 3

        def __init__(self, both: bool) -> None:
            super().__init__()
            self.both = both
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(2))
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.norms[0](self.conv(x))
            x = self.conv(x)
            logits: Tensor = self.linear((self.norms[1](x) if self.both else x).mean(dim=(2, 3)))
            return logits

    assert names(problem(Twice(True).eval())) == set()
    assert "conv.weight" in names(problem(Twice(False).eval()))


def test_layers_that_are_never_called_do_not_decide() -> None:
    network = resnet()
    network.add_module("beside", nn.Conv2d(3, 3, 1))
    assert names(problem(network)) == set()


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3, 3), (6,)])
@pytest.mark.parametrize("size", [0.0, 1e-4, 2.0])
@pytest.mark.parametrize("slope", [0.0, 1e-9, 1.0, 1e9])
def test_gradients_are_clipped_unit_by_unit_and_keep_their_directions(
    shape: tuple[int, ...], size: float, slope: float
) -> None:
    settings = Settings()
    generator = torch.Generator().manual_seed(0)
    parameter = nn.Parameter(size * torch.rand(shape, generator=generator))
    gradient = slope * torch.randn(shape, generator=generator)
    parameter.grad = gradient.clone()
    bound([parameter], settings)
    whole = len(shape) == 1
    for weights, before, after in (
        [(parameter, gradient, parameter.grad)] if whole else zip(parameter, gradient, parameter.grad, strict=True)
    ):
        floor = SMALLEST * weights.numel() ** 0.5
        most = settings.step_bound * (1 - settings.momentum) / settings.learning_rate
        most *= max(float(weights.detach().norm()), floor)
        torch.testing.assert_close(after, before * min(1.0, most / max(float(before.norm()), 1e-30)))


@pytest.mark.parametrize("name", ["fcpts", "net-wise", "block-wise"])
@pytest.mark.parametrize(
    ("network", "rate"), [("conv", 0.05), ("transformer", 0.05), ("folded", 0.05), ("folded", 1e4)]
)
def test_no_step_carries_a_tensor_past_the_bound_whatever_the_rate(name: str, network: str, rate: float) -> None:
    task = problem(
        (folded if network == "folded" else NETWORKS[network])(),
        reconstruction=name,
        learning_rate=rate,
        step_bound=0.05,
        steps=8,
        stages=1,  # between two of them masks are applied
        student_norms="eval",
    )
    loose = unnormalised(task)
    sizes = [units(parameter.detach()).norm(dim=1) for parameter in loose]
    before = [parameter.detach().clone() for parameter in loose]
    moved = 0
    for event in solve(task):
        if not isinstance(event, Measured) or event.step == task.settings.steps:
            continue  # after the last step the mask is applied
        for place, parameter in enumerate(loose):
            now = parameter.detach()
            sizes[place] = sizes[place].maximum(units(now).norm(dim=1))
            least = sizes[place].clamp(min=SMALLEST * units(now).shape[1] ** 0.5)
            assert bool((units(now - before[place]).norm(dim=1) <= 0.05 * least * (1 + 1e-4) + 1e-7).all())
            moved += not torch.equal(now, before[place])
            before[place] = now.clone()
    assert moved


def test_a_network_with_norms_learns_the_same_bits_under_any_bound() -> None:
    def learned(bound: float) -> dict[str, Tensor]:
        task = problem(resnet(), step_bound=bound)
        losses(task)
        return copy.deepcopy(task.student.state_dict())

    tight, loose = learned(1e-6), learned(1e6)
    assert all(torch.equal(tensor, loose[key]) for key, tensor in tight.items())


@pytest.mark.parametrize("given", [{}, {"reconstruction": "net-wise"}, {"learning_rate": 5.0}])
def test_a_folded_network_learns_at_any_rate(given: dict[str, Any]) -> None:
    given = {"sparsity": 0.5, "steps": 30, "batch_size": 16, "ramp": 0.0, "augment": "none", **given}
    found = losses(problem(folded(), **given))
    assert sum(found[-3:]) < 0.8 * sum(found[:3])
