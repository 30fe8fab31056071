"""Each layer alone: its error falls, its support stays, its rates are those of POT, and its inputs are as chosen."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.engine.events import Measured
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.layerwise import layerwise
from fcpts_core.reconstruction.losses import relative_error
from fcpts_core.reconstruction.reached import input_of
from fcpts_core.reconstruction.statistics import repair_statistics
from tests.cases import NETWORKS, conv_net, images, problem, transformer, zeros_of


def task_of(network: nn.Module, **given: Any) -> Problem:
    usual = {"reconstruction": "layer-wise", "data": images(16), "sparsity": 0.5, "batch_size": 16}
    return problem(network, "fcpts", **{**usual, **given})


def shares(task: Problem) -> tuple[float, ...]:
    return tuple(1.0 if zeros_of([layer.weight]) else 0.45 for layer in task.layers)


def followed(task: Problem) -> list[Measured]:
    return [event for event in layerwise(task, shares(task)) if isinstance(event, Measured)]


def errors(task: Problem) -> list[float]:
    """Of each layer on the inputs that the dense model gives it."""
    found = []
    with torch.no_grad():
        for layer in task.layers:
            dense = task.teacher.get_submodule(layer.name)
            x = input_of(task.teacher, dense, images(16).inputs())
            found.append(float(relative_error(layer.module(x), dense(x))))
    return found


@pytest.mark.parametrize("network", NETWORKS)
def test_every_layer_comes_nearer_to_its_dense_self(network: str) -> None:
    repaired, learned = (task_of(NETWORKS[network](), steps=300, learning_rate=1e-3) for _ in range(2))
    told_silently(repair_statistics(repaired, shares(repaired)))
    followed(learned)
    for before, after, layer in zip(errors(repaired), errors(learned), learned.layers, strict=True):
        assert after < 0.98 * before or before < 1e-6 or not layer.weight.any()


def test_the_support_is_that_of_magnitude_throughout() -> None:
    task = task_of(conv_net(), learning_rate=0.1, steps=30)
    wanted = shares(task)
    steps = followed(task)
    for layer, weight, share in zip(task.layers, task.dense, wanted, strict=True):
        order = weight.abs().flatten().argsort()
        assert not layer.weight.flatten()[order[: round(share * layer.weights)]].any()
    sparsities = {step.layer_sparsity for step in steps}
    assert len(sparsities) == 1


def test_rates_are_ten_times_higher_for_biases_and_stay() -> None:
    """Adam's first step is as long as its rate."""
    task = task_of(transformer(), steps=1, learning_rate=1e-4, batch_size=4)
    before = task_of(transformer(), steps=0)
    (step,), _ = followed(task), followed(before)
    first, same = task.layers[0].module, before.layers[0].module
    moved = (first.weight - same.weight).detach().abs()  # type: ignore[operator]
    assert float(moved.max()) == pytest.approx(1e-4, rel=1e-2)
    assert float((first.bias - same.bias).detach().abs().max()) == pytest.approx(1e-3, rel=1e-2)  # type: ignore[operator]
    assert step.learning_rate == 1e-4


def test_only_the_layer_whose_turn_it_is_learns_in_the_order_of_the_network() -> None:
    task = task_of(conv_net(), steps=8)
    changed: list[str] = []
    before: dict[str, Tensor] = {}
    for event in layerwise(task, shares(task)):
        assert isinstance(event, Measured)
        now = {layer.name: layer.weight.detach().clone() for layer in task.layers}
        if before:
            changed += [name for name, weight in now.items() if not torch.equal(weight, before[name])]
        before = now
    assert changed == ["stage.0.conv1", "stage.0.conv2", "stage.1.depthwise", "stage.1.pointwise", "linear"]


def test_inputs_are_those_of_the_dense_or_of_the_sparse_model() -> None:
    """The first layer has the same inputs in both, the others have not."""
    dense, sparse = (followed(task_of(conv_net(), steps=8, layer_inputs=which)) for which in ("dense", "sparse"))
    assert dense[0].reconstruction == sparse[0].reconstruction
    assert all(a.reconstruction != b.reconstruction for a, b in zip(dense[1:5], sparse[1:5], strict=True))


class Idle(nn.Module):
    """Has a layer that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(192, 3), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.used(x.flatten(1))
        return found


def test_a_layer_that_is_never_called_is_pruned_and_takes_no_steps() -> None:
    task = task_of(Idle().eval(), steps=4)
    unused = task.layers[1].weight.detach().clone()
    assert len(followed(task)) == 4
    assert zeros_of([task.layers[1].weight]) == round(0.45 * 16)
    assert not torch.equal(task.layers[1].weight, unused)
