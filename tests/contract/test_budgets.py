"""What every allocation owes its callers under a budget of multiply-adds, against sums done the slow way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.allocation.respect import budget_under, respect
from fcpts_core.engine.solve import solve
from fcpts_core.errors import InputError
from fcpts_core.masks.patterns import pattern
from fcpts_core.methods import METHODS
from fcpts_core.problem import Problem, told_silently
from tests.cases import NETWORKS, conv_net, images, problem, zeros_of

BUDGETS = ("weights", "flops")


def task(network: str, name: str = "uniform", **given: Any) -> Problem:
    return problem(NETWORKS[network](), name, data=images(12, labelled=True), **{"search_steps": 2, **given})


def slow_uses(given: Problem) -> list[int]:
    """How often a weight of each layer is multiplied for one image, told by what happens to the gradient of a sum."""
    found = []
    for layer in given.layers:
        outputs: list[torch.Size] = []
        handle = layer.module.register_forward_hook(
            lambda module, args, output, seen=outputs: seen.append(output.shape)
        )
        with torch.no_grad():
            given.student(given.images.inputs(torch.arange(1)))
        handle.remove()
        channels = layer.weight.shape[0]
        found.append(sum(shape.numel() // channels for shape in outputs))
    return found


def missing_without(counts: list[int], floors: list[int], worth: list[int], goal: Fraction) -> bool:
    """Whether every single zero that might be taken back is one that the goal needs."""
    saved = sum(u * k for u, k in zip(worth, counts, strict=True))
    return saved >= goal and all(
        saved - u < goal for u, k, floor in zip(worth, counts, floors, strict=True) if k > floor
    )


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", ALLOCATIONS)
@pytest.mark.parametrize("sparsity", [0.2, 0.6, 0.9, 0.97])
@pytest.mark.parametrize("budget", BUDGETS)
def test_the_budget_is_met_and_not_one_zero_more(network: str, name: str, sparsity: float, budget: str) -> None:
    given = task(network, allocation=name, sparsity=sparsity, budget=budget)
    shares = told_silently(ALLOCATIONS[name].allocate(given))
    counts, floors = list(given.counts(shares)), [zeros_of([weight]) for weight in given.dense]
    assert all(floor <= k <= layer.weights for floor, k, layer in zip(floors, counts, given.layers, strict=True))
    total = sum(layer.weights for layer in given.layers)
    if budget == "weights":
        assert sum(counts) == round(sparsity * total)
        return
    worth = slow_uses(given)
    assert list(given.worth) == worth
    whole = sum(u * layer.weights for u, layer in zip(worth, given.layers, strict=True))
    assert missing_without(counts, floors, worth, Fraction(str(sparsity)) * whole)


@pytest.mark.parametrize("text", ["2:4", "block:2"])
@pytest.mark.parametrize("name", ["uniform", "global-magnitude", "sensitivity", "evolutionary"])
def test_patterns_are_respected_under_it(name: str, text: str) -> None:
    given = task("transformer", allocation=name, sparsity=0.8, budget="flops", pattern=text, reconstruction="norms")
    bounds = budget_under(text, given.dense, 0.8, 1.0, given.worth)
    shares = respect(told_silently(ALLOCATIONS[name].allocate(given)), bounds)
    assert bounds.met_by(given.counts(shares))
    told_silently(solve(given))
    for layer in given.layers:
        kept = pattern(text).choose(layer.weight.detach().abs(), zeros_of([layer.weight]))
        assert torch.equal(kept, layer.weight != 0)


def test_a_pattern_that_leaves_no_room_is_refused_with_the_range() -> None:
    with pytest.raises(InputError, match=r"A saving of 0\.02.* multiply-adds\) cannot be reached: .* allow 0\.\d+ to"):
        task("transformer", sparsity=0.02, budget="flops", pattern="2:4")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_ends_with_what_was_asked(name: str) -> None:
    given = task("conv", name, budget="flops", sparsity=0.7)
    told_silently(solve(given))
    counts, floors = [zeros_of([layer.weight]) for layer in given.layers], [zeros_of([w]) for w in given.dense]
    whole = sum(u * layer.weights for u, layer in zip(given.worth, given.layers, strict=True))
    assert missing_without(counts, floors, list(given.worth), Fraction(7, 10) * whole)


def test_a_layer_that_no_image_reaches_keeps_its_weights() -> None:
    network = conv_net()
    network.spare = torch.nn.Linear(5, 5)
    given = problem(network, "fcpts", budget="flops", sparsity=0.8)
    told_silently(solve(given))
    by_name = {layer.name: layer for layer in given.layers}
    assert zeros_of([by_name["spare"].weight]) == 0


def test_both_budgets_are_one_where_all_weights_are_used_alike() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3))
    for name in ALLOCATIONS:
        shares = [
            told_silently(ALLOCATIONS[name].allocate(problem(network, "uniform", allocation=name, budget=budget)))
            for budget in BUDGETS
        ]
        assert shares[0] == shares[1]
