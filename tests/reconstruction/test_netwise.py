"""Learning under a fixed allocation: how many zeros there are at each step, which ones, and what the gradient sees."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.engine.events import Measured
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.netwise import Following, netwise
from fcpts_core.reconstruction.training import thresholds_of
from tests.cases import NETWORKS, conv_net, images, problem, transformer


def task_of(network: torch.nn.Module, **given: Any) -> Problem:
    return problem(network, "fcpts", reconstruction="net-wise", **{"steps": 6, "batch_size": 8, **given})


def followed(task: Problem) -> tuple[list[Measured], tuple[float, ...], tuple[float, ...]]:
    """The steps, the sparsities asked for and the thresholds returned."""
    shares = told_silently(ALLOCATIONS[task.settings.allocation].allocate(task))
    telling = netwise(task, shares)
    steps: list[Measured] = []
    while True:
        try:
            told = next(telling)
        except StopIteration as end:
            return steps, shares, end.value
        assert isinstance(told, Measured)
        steps.append(told)


@pytest.mark.parametrize("masks", ["anew", "fixed"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_step_has_the_zeros_of_the_allocation(network: str, masks: str) -> None:
    task = task_of(NETWORKS[network](), masks=masks, ramp=0.0, sparsity=0.7)
    steps, shares, _ = followed(task)
    assert [step.step for step in steps] == list(range(1, 7))
    for step in steps:
        assert step.layer_sparsity == shares
        assert step.sparsity == task.zeros / task.total
        assert (step.control, step.total) == (0.0, step.reconstruction)


def test_the_target_rises_to_the_allocation() -> None:
    steps, shares, _ = followed(task_of(transformer(), steps=10, ramp=0.7, ramp_start=0.4))
    reached = [step.sparsity for step in steps]
    assert reached == sorted(reached)
    assert reached[0] == pytest.approx(0.4 * reached[-1], abs=0.02)
    assert all(step.layer_sparsity == shares for step in steps[7:])
    assert all(step.sparsity == pytest.approx(step.scheduled_target, abs=0.02) for step in steps)


@pytest.mark.parametrize("network", NETWORKS)
def test_thresholds_are_those_of_the_zeros(network: str) -> None:
    task = task_of(NETWORKS[network]())
    _, shares, thresholds = followed(task)
    for layer, share, threshold in zip(task.layers, shares, thresholds, strict=True):
        assert int((layer.weight.abs() < threshold).sum()) == round(share * layer.weights)


def test_thresholds_stay_where_they_are_when_learning_ends() -> None:
    """What is drawn last are the densities of the weights beneath the masks, and their threshold belongs there."""
    task = task_of(conv_net(), ramp=0.0, learning_rate=1e-6)
    steps, _, thresholds = followed(task)
    assert thresholds == pytest.approx(steps[-1].thresholds, rel=1e-3)


@pytest.mark.parametrize("pattern", ["1:2", "block:2"])
def test_where_no_threshold_tells_what_a_pattern_took_it_is_below_all_that_stays(pattern: str) -> None:
    task = task_of(conv_net(), pattern=pattern, ramp=0.0, sparsity=0.6)
    _, _, thresholds = followed(task)
    for layer, threshold in zip(task.layers, thresholds, strict=True):
        assert torch.equal(layer.weight.abs() >= threshold, layer.weight != 0)


def support(task: Problem) -> list[Tensor]:
    return [layer.weight.detach() != 0 for layer in task.layers]


def test_masks_taken_anew_let_weights_come_back_and_fixed_ones_do_not() -> None:
    def moved(masks: str) -> bool:
        task = task_of(conv_net(), masks=masks, ramp=0.0, learning_rate=0.1, steps=12)
        first = task_of(conv_net(), masks=masks, ramp=0.0, steps=0)
        followed(task), followed(first)
        return any(not torch.equal(a, b) for a, b in zip(support(task), support(first), strict=True))

    assert moved("anew")
    assert not moved("fixed")


def test_the_gradient_of_the_masked_weight_reaches_all_and_decays_the_pruned() -> None:
    weight = torch.tensor([0.1, -0.4, 0.3, -0.2], requires_grad=True)
    mask = Following(weight, 2, "unstructured", decay=0.5, fixed=False)
    masked = mask(weight)
    assert masked.tolist() == pytest.approx([0, -0.4, 0.3, 0])
    masked.backward(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert weight.grad is not None
    assert weight.grad.tolist() == pytest.approx([1.0 + 0.5 * 0.1, 2.0, 3.0, 4.0 - 0.5 * 0.2])


def test_a_fixed_mask_lets_no_gradient_through_to_what_it_prunes() -> None:
    weight = torch.tensor([0.1, -0.4, 0.3, -0.2], requires_grad=True)
    Following(weight, 2, "unstructured", decay=0.0, fixed=True)(weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [0, 1, 1, 0]


def test_learning_brings_the_student_nearer() -> None:
    task = task_of(conv_net(), steps=40, ramp=0.0, augment="none", batch_size=24, learning_rate=0.02, data=images(24))
    steps, _, _ = followed(task)
    assert steps[-1].reconstruction < 0.8 * steps[0].reconstruction


def test_thresholds_tell_zeros_from_the_rest() -> None:
    weights = [torch.tensor([0.0, -0.3, 0.5]), torch.zeros(2), torch.tensor([[1.0, -2.0]])]
    for weight, threshold in zip(weights, thresholds_of(weights), strict=True):
        assert math.isfinite(threshold)
        assert torch.equal(weight.abs() >= threshold, weight != 0)
