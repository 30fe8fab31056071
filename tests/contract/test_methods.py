"""What every method owes: exactly so many zeros, networks as clean as they came, the same bits for the same seed."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.engine.solve import solve
from fcpts_core.masks.estimators import ESTIMATORS
from fcpts_core.methods import METHODS
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.registry import RECONSTRUCTIONS
from tests.cases import NETWORKS, images, problem, zeros_of

pytestmark = [pytest.mark.parametrize("network", NETWORKS), pytest.mark.parametrize("name", METHODS)]


def solved(network: str, name: str, **given: Any) -> Problem:
    """The problem with its student as the method leaves it."""
    task = problem(NETWORKS[network](), name, data=images(16, labelled=name == "unipts-labels"), **given)
    told_silently(solve(task))
    return task


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_it_names_itself_and_parts_that_exist(network: str, name: str) -> None:
    method = METHODS[name]
    assert method.name == name
    assert method.title
    assert method.description.endswith(".")
    assert method.allocation in ALLOCATIONS
    assert method.reconstruction in RECONSTRUCTIONS
    assert method.settings.estimator in ESTIMATORS
    assert method.learns == (method.settings.steps > 0)


@pytest.mark.parametrize("sparsity", [0.15, 0.5, 0.77, 0.99])
def test_exactly_so_many_zeros(network: str, name: str, sparsity: float) -> None:
    task = solved(network, name, sparsity=sparsity)
    assert task.zeros == round(sparsity * task.total)
    assert zeros_of([layer.weight for layer in task.layers]) == task.zeros


def test_excluded_layers_stay_dense_and_capped_ones_below_their_cap(network: str, name: str) -> None:
    exclude = ("linear", "idle") if network == "conv" else ("head",)
    task = solved(network, name, sparsity=0.6, exclude=exclude, layer_cap=0.7)
    dense = dict(NETWORKS[network]().named_parameters())
    assert zeros_of([layer.weight for layer in task.layers]) == task.zeros
    assert all(zeros_of([layer.weight]) <= 0.7 * layer.weights for layer in task.layers)
    for left in exclude:
        weight = task.student.get_parameter(f"{left}.weight")
        assert zeros_of([weight]) <= zeros_of([dense[f"{left}.weight"]])


def test_networks_are_as_clean_as_they_came(network: str, name: str) -> None:
    task = solved(network, name)
    fresh = NETWORKS[network]()
    for left in (task.student, task.teacher):
        assert left.state_dict().keys() == fresh.state_dict().keys()
        assert [(n, type(part)) for n, part in left.named_modules()] == [
            (n, type(part)) for n, part in fresh.named_modules()
        ]
        for part in left.modules():
            assert not part.training
            assert not part._forward_hooks
            assert not part._forward_pre_hooks
    assert all(layer.weight is layer.module.weight for layer in task.layers)
    copy.deepcopy(task.student)(images(2).inputs())


def test_the_same_seed_gives_the_same_bits(network: str, name: str) -> None:
    learned = {"keep_start": False}  # or toys, which have next to nothing to learn, may end as they began
    first, again = (tensors(solved(network, name, seed=3, **learned).student) for _ in range(2))
    assert all(torch.equal(tensor, again[key]) for key, tensor in first.items())
    other = tensors(solved(network, name, seed=4, **learned).student)
    assert all(torch.equal(tensor, other[key]) for key, tensor in first.items()) == (not METHODS[name].learns)


def test_without_steps_what_is_kept_keeps_its_bits(network: str, name: str) -> None:
    if METHODS[name].settings.start != "magnitude" or METHODS[name].reconstruction in ("statistics", "layer-wise"):
        pytest.skip("this one gives what is kept new values before any step")
    task, dense = solved(network, name, steps=0), dict(NETWORKS[network]().named_parameters())
    for key, parameter in task.student.named_parameters():
        assert torch.equal(parameter, torch.where(parameter == 0, parameter, dense[key]))
