"""What every allocation that takes the whole problem owes: the budget to the weight, and networks left as they were.

Unlike those of the weights alone they may give a layer weights back as the target rises: errors need not be convex, so
the cheapest sum jumps, and every target has a search of its own.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.engine.events import Allocated, Measured, Phase, Sensed
from fcpts_core.errors import InputError
from fcpts_core.problem import Problem, Told
from tests.cases import NETWORKS, images, problem, told_by, zeros_of

SEARCHING = [name for name, entry in ALLOCATIONS.items() if entry.of_network is not None or name == "power"]
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "power": [{}, {"keep_power": -1.0}, {"keep_power": 2.0}],
    "sensitivity": [{}, {"sensitivity_error": "layer"}],
    "evolutionary": [{}, {"fitness": "labels"}],
    "given": [{}, {"given": "*@0.5"}],
}
CASES = [(name, given) for name in SEARCHING for given in VARIANTS.get(name, [{}])]

pytestmark = [pytest.mark.parametrize("network", NETWORKS), pytest.mark.parametrize(("name", "given"), CASES)]


def task(network: str, name: str, given: dict[str, Any], **more: Any) -> Problem:
    usual = {"allocation": name, "search_steps": 2, "data": images(12, labelled=True)}
    return problem(NETWORKS[network](), **{**usual, **given, **more})


def found(task: Problem) -> tuple[tuple[float, ...], list[Told]]:
    told, shares = told_by(ALLOCATIONS[task.settings.allocation].allocate(task))
    return shares, told


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def parts(network: nn.Module) -> list[Any]:
    """Everything about a network that is no tensor."""
    return [
        (name, type(part), part.training, len(part._forward_hooks), len(part._forward_pre_hooks), sorted(vars(part)))
        for name, part in network.named_modules()
    ] + [(name, parameter.requires_grad, parameter.grad) for name, parameter in network.named_parameters()]


@pytest.mark.parametrize("sparsity", [0.15, 0.5, 0.9, 0.99])
def test_the_budget_is_met_to_the_weight(network: str, name: str, given: dict[str, Any], sparsity: float) -> None:
    problem = task(network, name, given, sparsity=sparsity)
    shares, _ = found(problem)
    counts = problem.counts(shares)
    assert sum(counts) == problem.zeros == round(sparsity * problem.total)
    for share, count, layer in zip(shares, counts, problem.layers, strict=True):
        assert share == count / layer.weights
        assert zeros_of([layer.weight]) <= count <= layer.weights


def test_excluded_layers_and_caps_are_respected(network: str, name: str, given: dict[str, Any]) -> None:
    exclude = ("linear", "conv1") if network == "conv" else ("head", "embed")
    problem = task(network, name, given, sparsity=0.6, exclude=exclude, layer_cap=0.7)
    counts = problem.counts(found(problem)[0])
    assert sum(counts) == problem.zeros
    for count, layer in zip(counts, problem.layers, strict=True):
        assert count <= max(0.7 * layer.weights, zeros_of([layer.weight]))


def test_layers_of_one_weight_and_of_zeros_alone_are_no_trouble(network: str, name: str, given: dict[str, Any]) -> None:
    others = ("conv1", "stage.*") if network == "conv" else ("encoders.*", "embed")
    problem = task(network, name, given, sparsity=0.8 if network == "conv" else 0.5, exclude=others)
    assert sum(problem.counts(found(problem)[0])) == problem.zeros


def test_both_networks_are_left_as_they_were(network: str, name: str, given: dict[str, Any]) -> None:
    problem = task(network, name, given)
    both = (problem.student, problem.teacher)
    before = [(tensors(one), parts(one)) for one in both]
    found(problem)
    for one, (values, rest) in zip(both, before, strict=True):
        assert parts(one) == rest
        after = tensors(one)
        assert after.keys() == values.keys()
        assert all(torch.equal(after[key], value) for key, value in values.items())


def test_the_same_seed_finds_the_same(network: str, name: str, given: dict[str, Any]) -> None:
    torch.manual_seed(1)
    first, _ = found(task(network, name, given, seed=5))
    torch.manual_seed(2)
    assert found(task(network, name, given, seed=5))[0] == first


def test_what_is_told_are_phases_in_words(network: str, name: str, given: dict[str, Any]) -> None:
    _, told = found(task(network, name, given))
    assert all(event.text for event in told if isinstance(event, Phase))
    assert all(isinstance(event, Phase | Allocated | Sensed | Measured) for event in told)


def test_a_pattern_is_kept_in_mind(network: str, name: str, given: dict[str, Any]) -> None:
    problem = task(network, name, given, sparsity=0.7, pattern="2:4", reconstruction="norms", steps=0)
    assert sum(problem.counts(found(problem)[0])) == problem.zeros


def test_what_cannot_be_reached_is_refused(network: str, name: str, given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        found(task(network, name, given, sparsity=0.9, layer_cap=0.5))
