"""What is measured of each layer alone, against the same done the long way round."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.allocation.counts import Budget
from fcpts_core.allocation.layer_error import one_layer_each
from fcpts_core.allocation.measuring import MEASURES, alone, measured
from fcpts_core.engine.events import Phase
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.settings import CHOICES
from tests.cases import NETWORKS, images, problem, told_by

NAMES = [(network, error) for network in NETWORKS for error in MEASURES]


def task(network: str, error: str = "logits", **given: Any) -> Problem:
    return problem(NETWORKS[network](), data=images(16), sensitivity_error=error, **given)


def budget(task: Problem) -> Budget:
    return Budget.of([layer.weight.detach() for layer in task.layers], task.sparsity, task.settings.layer_cap)


def smallest_gone(weight: Tensor, zeros: int) -> Tensor:
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[weight.abs().flatten().argsort()[:zeros]] = False
    return mask.view(weight.shape)


def test_every_choice_is_a_measure() -> None:
    assert tuple(MEASURES) == CHOICES["sensitivity_error"]


@pytest.mark.parametrize(("network", "error"), NAMES)
def test_what_costs_nothing_has_no_error(network: str, error: str) -> None:
    """Nothing pruned, or only zeros: `idle` has nothing else."""
    given = task(network, error)
    measure = MEASURES[error](given)
    for index, dense in enumerate(given.dense):
        assert measure(index, dense != 0) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(("network", "error"), NAMES)
def test_measuring_one_layer_leaves_no_trace_in_the_next(network: str, error: str) -> None:
    given = task(network, error)
    measure, masks = MEASURES[error](given), [smallest_gone(dense, dense.numel() // 2) for dense in given.dense]
    first = [measure(index, mask) for index, mask in enumerate(masks)]
    assert first == [measure(index, mask) for index, mask in enumerate(masks)]
    assert sum(value > 0 for value in first) >= len(first) - 2


def test_the_logits_are_those_of_a_network_with_one_layer_pruned() -> None:
    """Without batch norm there are no modes to mind."""
    given = task("transformer")
    network, inputs = copy.deepcopy(given.teacher), given.images.inputs()
    mask = smallest_gone(given.dense[2], 20)
    with torch.no_grad():
        meant = network(inputs)
        network.get_parameter(f"{given.layers[2].name}.weight").mul_(mask)
        expected = (network(inputs) - meant).square().mean().item()
    assert MEASURES["logits"](given)(2, mask) == pytest.approx(expected, rel=1e-4)


def test_a_norm_that_follows_hides_a_change_of_scale() -> None:
    """A layer's weights halved say the same once its norm has been taken anew."""
    given = task("conv")
    assert given.layers[0].name == "conv1"
    halved = torch.full_like(given.dense[0], 0.5)
    scale = MEASURES["logits"](given)(0, smallest_gone(given.dense[0], 30))
    assert MEASURES["logits"](given)(0, halved) < 1e-3 * scale


@pytest.mark.parametrize("bias", [True, False])
def test_the_share_that_a_layer_loses_is_that_of_least_squares_on_its_outputs(bias: bool) -> None:
    """With a bias, the share of what differs from row to row."""
    generator = torch.Generator().manual_seed(3)
    layer = nn.Linear(5, 4, bias=bias)
    inputs = torch.randn(40, 5, generator=generator) @ torch.randn(5, 5, generator=generator) + 1
    mask = smallest_gone(layer.weight.detach(), 9)
    found = one_layer_each(nn.Sequential(layer), ["0"], [inputs], 64, 1e-12, 0)[0]
    assert found is not None
    lost = whole = 0.0
    columns = torch.cat([inputs, torch.ones(40, 1)], dim=1).double() if bias else inputs.double()
    for row, kept in zip(layer.weight.detach().double(), mask, strict=True):
        output = inputs.double() @ row
        chosen = columns[:, torch.cat([kept, torch.tensor([True])]) if bias else kept]
        if chosen.shape[1]:
            output = output - chosen @ torch.linalg.lstsq(chosen, output.unsqueeze(1)).solution.squeeze(1)
        lost += float(output.square().sum())
        output = inputs.double() @ row
        whole += float((output - bias * output.mean()).square().sum())
    assert found.error(mask) == pytest.approx(lost / whole, rel=1e-6)


def test_a_convolution_loses_what_its_outputs_lose() -> None:
    """One kept weight a channel more or less: more kept never costs more, nothing kept costs all."""
    given = task("conv", "layer")
    measure = MEASURES["layer"](given)
    for index, (layer, dense) in enumerate(zip(given.layers, given.dense, strict=True)):
        if not dense.count_nonzero():
            continue
        errors = [measure(index, smallest_gone(dense, zeros)) for zeros in range(0, dense.numel() + 1)]
        assert errors[0] == pytest.approx(0, abs=1e-8)
        assert errors == sorted(errors) or layer.name == "gain"
        assert errors[-1] == pytest.approx(1)


def test_a_layer_without_least_squares_loses_the_share_of_its_squares() -> None:
    given = task("conv", "layer")
    index = next(i for i, layer in enumerate(given.layers) if layer.kind == "Conv1d")
    measure = MEASURES["layer"](given)
    assert measure(index, torch.zeros(1, 1, 1, dtype=torch.bool)) == 1.0
    assert measure(index, torch.ones(1, 1, 1, dtype=torch.bool)) == 0.0


@pytest.mark.parametrize(("network", "error"), NAMES)
def test_the_table_has_every_layer_between_its_bounds_and_says_how_far_it_is(network: str, error: str) -> None:
    given = task(network, error, layer_cap=0.9)
    told, table = told_by(measured(given, budget(given)))
    layers = len(given.layers)
    assert told == [Phase(f"measuring sensitivity: layer {i + 1} of {layers}", i / layers) for i in range(layers)]
    assert table.names == tuple(layer.name for layer in given.layers)
    assert table.error == error
    bounds = budget(given)
    assert [(row[0], row[-1]) for row in table.zeros] == list(zip(bounds.floors, bounds.ceilings, strict=True))
    assert all(row[0] == 0 for row in table.errors)


def test_one_image_is_enough() -> None:
    given = task("conv")
    table = told_silently(measured(replace(given, images=given.images.take(1)), budget(given)))
    assert max(map(max, table.errors)) > 0


def test_one_layer_alone_is_measured_as_in_the_table_of_all() -> None:
    given = task("conv")
    counts, errors = alone(given, 1)
    table = told_silently(measured(given, budget(given)))
    known = dict(zip(table.zeros[1], table.errors[1], strict=True))
    shared = [place for place, count in enumerate(counts) if count in known]
    assert len(shared) > 5
    assert [errors[place] for place in shared] == [known[counts[place]] for place in shared]
    assert counts[-1] == given.layers[1].weights
