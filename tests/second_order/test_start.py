"""A whole network through second-order pruning: exact zeros, what is told on the way, and all left as it should be."""

import pytest
import torch
from torch import nn

from fcpts_core.allocation import uniform
from fcpts_core.allocation.respect import budget_under, respect
from fcpts_core.engine.events import Allocated, Phase
from fcpts_core.problem import told_silently
from fcpts_core.reconstruction.magnitude import prune_by_magnitude
from fcpts_core.second_order.patches import unfoldable
from fcpts_core.second_order.start import second_order_start
from tests.cases import NETWORKS, conv_net, problem, transformer, zeros_of
from tests.second_order.order import IN_ORDER, assert_as_it_came


@pytest.mark.parametrize("start", ["magnitude", "admm", "obs"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_start_has_exactly_the_zeros_of_each_layer(name: str, start: str) -> None:
    task = problem(NETWORKS[name](), "uniform", start=start, sparsity=0.7)
    shares = tuple(1.0 if zeros_of([layer.weight]) else 0.6 for layer in task.layers)
    told_silently(second_order_start(task, shares))
    for layer, count in zip(task.layers, task.counts(shares), strict=True):
        assert zeros_of([layer.weight]) == count
        assert bool(layer.weight.isfinite().all())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_start_tells_of_each_layer_what_all_have_reached(name: str) -> None:
    task = problem(NETWORKS[name](), "uniform", start="admm", sparsity=0.7)
    shares = tuple(1.0 if zeros_of([layer.weight]) else 0.5 for layer in task.layers)
    dense = [zeros_of([layer.weight]) / layer.weights for layer in task.layers]
    names, count = [layer.name for layer in task.layers], len(task.layers)
    texts, reached = [], []
    for event in second_order_start(task, shares):
        if isinstance(event, Phase):
            texts.append(event.text)
        elif isinstance(event, Allocated):
            reached.append(event.layer_sparsity)
            solved = [index for index, share in enumerate(event.layer_sparsity) if share != dense[index]]
            assert all(event.layer_sparsity[index] == shares[index] for index in solved)
    assert texts == [f"solving layer {layer} of {count}" for layer in range(1, count + 1)]
    assert reached[0] == tuple(dense)
    assert reached[-1] == shares
    first = names.index(IN_ORDER[name][0])
    assert reached[1] == tuple(shares[i] if i == first else share for i, share in enumerate(dense))


@pytest.mark.parametrize("stop", [1, 2, 4])
def test_stopping_between_layers_leaves_the_network_without_hooks(stop: int) -> None:
    task = problem(conv_net(), "uniform", start="obs")
    telling = second_order_start(task, (0.6,) * len(task.layers))
    for _ in range(2 * stop):
        next(telling)
    telling.close()
    assert_as_it_came(task.student, conv_net())
    changed = sum(
        zeros_of([layer.weight]) != zeros_of([old]) for layer, old in zip(task.layers, task.dense, strict=True)
    )
    assert changed < stop


def test_what_is_neither_conv2d_nor_linear_falls_back_to_magnitude() -> None:
    network = nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 4, 2), nn.Flatten(), nn.Linear(4 * 63, 3)).eval()
    task = problem(network, "uniform", start="admm", sparsity=0.5)
    conv = task.layers[0]
    assert not unfoldable(conv.module)
    dense = conv.weight.detach().clone()
    told_silently(second_order_start(task, (0.5, 0.5)))
    assert torch.equal(conv.weight, dense * (dense.abs() >= dense.abs().flatten().sort().values[12]))
    assert zeros_of([task.layers[1].weight]) == 378


@pytest.mark.parametrize("start", ["admm", "obs"])
def test_a_start_imitates_the_dense_network_better_than_magnitude(start: str) -> None:
    def error(start: str) -> float:
        task = problem(transformer(), "uniform", start=start)
        told_silently(second_order_start(task, (0.6,) * len(task.layers)))
        with torch.no_grad():
            x = task.images.inputs()
            return float((task.student(x) - task.teacher(x)).square().mean())

    assert error(start) < error("magnitude")


@pytest.mark.parametrize("text", ["unstructured", "2:4", "block:2"])
@pytest.mark.parametrize("name", NETWORKS)
def test_plain_pruning_after_a_start_finds_nothing_left_to_do(name: str, text: str) -> None:
    task = problem(NETWORKS[name](), "uniform", start="admm", pattern=text, sparsity=0.75)
    budget = budget_under(text, task.dense, 0.75)
    shares = respect(uniform(task.dense, 0.75), budget)
    told_silently(second_order_start(task, shares))
    before = [layer.weight.detach().clone() for layer in task.layers]
    thresholds = told_silently(prune_by_magnitude(task, shares))
    for layer, weight, count, threshold in zip(task.layers, before, task.counts(shares), thresholds, strict=True):
        assert torch.equal(layer.weight, weight)
        assert int((weight.abs() < threshold).sum()) == count
