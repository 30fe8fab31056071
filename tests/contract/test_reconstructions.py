"""What every reconstruction owes, whatever the sparsities: these to the weight, and networks as clean as they came."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.engine.events import Allocated, Measured, Phase
from fcpts_core.engine.solve import rebuild
from fcpts_core.errors import RunError
from fcpts_core.masks.patterns import pattern
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.registry import RECONSTRUCTIONS
from tests.cases import NETWORKS, images, problem, told_by, zeros_of

STEPS = 9  # more than there are layers or blocks, not a multiple of them
LEARNED = ("fcpts",)  # whose thresholds decide on the share of each layer

pytestmark = [pytest.mark.parametrize("network", NETWORKS), pytest.mark.parametrize("name", RECONSTRUCTIONS)]


def task_of(network: str, name: str, counts: str = "half", **given: Any) -> tuple[Problem, tuple[int, ...]]:
    """The problem, and the zeros of its layers.

    `half` of each are zero, or `few`, one that is not so already, or `whole` layers and half of the others.
    """
    steps = STEPS if RECONSTRUCTIONS[name].learns else 0
    given = {"reconstruction": name, "steps": steps, "data": images(16), **given}
    layers = problem(NETWORKS[network](), "fcpts", **given).layers
    kind = pattern(given.get("pattern", "unstructured"))
    zeros = [kind.floor(layer.weight) for layer in layers]
    if counts == "few":
        zeros[0] += 1
    else:
        zeros = [max(floor, layer.weights // 2) for floor, layer in zip(zeros, layers, strict=True)]
    if counts == "whole":
        zeros[2], zeros[-1] = layers[2].weights, layers[-1].weights
    sparsity = sum(zeros) / sum(layer.weights for layer in layers)
    return problem(NETWORKS[network](), "fcpts", **{**given, "sparsity": sparsity}), tuple(zeros)


def shares_of(task: Problem, zeros: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(count / layer.weights for count, layer in zip(zeros, task.layers, strict=True))


def told(task: Problem, zeros: tuple[int, ...]) -> tuple[list[Measured], tuple[float, ...]]:
    """The steps and the thresholds."""
    events, thresholds = told_by(rebuild(task, shares_of(task, zeros)))
    assert all(isinstance(event, Allocated | Measured | Phase) for event in events)
    return [event for event in events if isinstance(event, Measured)], thresholds


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("counts", ["few", "half", "whole"])
def test_every_layer_has_exactly_its_zeros(network: str, name: str, counts: str) -> None:
    task, zeros = task_of(network, name, counts)
    _, thresholds = told(task, zeros)
    found = [zeros_of([layer.weight]) for layer in task.layers]
    assert sum(found) == sum(zeros)
    assert name in LEARNED or tuple(found) == zeros
    for layer, count, threshold in zip(task.layers, found, thresholds, strict=True):
        assert bool(layer.weight.isfinite().all())
        assert name in LEARNED or int((layer.weight.abs() < threshold).sum()) == count


@pytest.mark.parametrize("text", ["2:4", "block:2"])
def test_patterns_hold(network: str, name: str, text: str) -> None:
    if name in LEARNED:
        pytest.skip("learned thresholds know no patterns")
    task, zeros = task_of(network, name, pattern=text)
    told(task, zeros)
    kind = pattern(text)
    for layer, count in zip(task.layers, zeros, strict=True):
        assert zeros_of([layer.weight]) == count
        again = kind.choose(layer.weight.detach().abs(), count)
        assert torch.equal(layer.weight * again, layer.weight)


def test_what_the_model_came_without_stays_away(network: str, name: str) -> None:
    task, zeros = task_of(network, name)
    told(task, zeros)
    for layer, dense in zip(task.layers, task.dense, strict=True):
        assert not layer.weight[dense == 0].any()


def test_excluded_layers_get_no_zeros(network: str, name: str) -> None:
    exclude = ("linear", "stage.0.conv1") if network == "conv" else ("head", "encoders.0.*")
    task, zeros = task_of(network, name, exclude=exclude)
    assert len(task.layers) < len(task_of(network, name)[0].layers)
    told(task, zeros)
    named = {layer.name for layer in task.layers}
    assert sum(zeros_of([layer.weight]) for layer in task.layers) == sum(zeros)
    for key, parameter in task.student.named_parameters():
        if key.endswith(".weight") and key.removesuffix(".weight") not in named:
            assert not zeros_of([parameter])


def test_the_same_seed_gives_the_same_bits(network: str, name: str) -> None:
    def run() -> dict[str, Tensor]:
        task, zeros = task_of(network, name, seed=3)
        told(task, zeros)
        return tensors(task.student)

    first, again = run(), run()
    assert all(torch.equal(tensor, again[key]) for key, tensor in first.items())


def test_it_tells_as_many_steps_as_were_asked_for(network: str, name: str) -> None:
    task, zeros = task_of(network, name)
    steps, thresholds = told(task, zeros)
    assert [step.step for step in steps] == list(range(1, task.settings.steps + 1))
    assert len(thresholds) == len(task.layers)
    for step in steps:
        assert step.total == pytest.approx(step.reconstruction + step.control)
        assert len(step.layer_sparsity) == len(step.thresholds) == len(task.layers)
        assert 0 <= step.sparsity <= 1
        assert step.scheduled_target <= task.sparsity + 1e-9


def assert_clean(task: Problem, network: str) -> None:
    fresh = NETWORKS[network]()
    for left in (task.student, task.teacher):
        assert left.state_dict().keys() == fresh.state_dict().keys()
        for part, other in zip(left.modules(), fresh.modules(), strict=True):
            assert type(part) is type(other)
            assert not part.training
            assert vars(part).keys() == vars(other).keys()
            assert not part._forward_hooks
            assert not part._forward_pre_hooks
    assert all(parameter.requires_grad for parameter in task.student.parameters())
    assert not any(parameter._backward_hooks for parameter in task.student.parameters())
    assert all(layer.weight is layer.module.weight for layer in task.layers)
    assert all(torch.equal(tensor, fresh.state_dict()[key]) for key, tensor in task.teacher.state_dict().items())
    copy.deepcopy(task.student)(images(2).inputs())


def test_networks_are_as_clean_as_they_came(network: str, name: str) -> None:
    task, zeros = task_of(network, name)
    told(task, zeros)
    assert_clean(task, network)


def test_they_are_clean_too_when_whoever_listens_stops(network: str, name: str) -> None:
    for stop in range(1, task_of(network, name)[0].settings.steps + 1, 3):
        task, zeros = task_of(network, name)
        telling = rebuild(task, shares_of(task, zeros))
        while not (isinstance(event := next(telling), Measured) and event.step == stop):
            pass
        telling.close()
        assert_clean(task, network)


def test_they_are_clean_too_after_a_loss_that_runs_away(network: str, name: str) -> None:
    if not RECONSTRUCTIONS[name].learns:
        pytest.skip("this one learns nothing")
    runaway: dict[str, Any] = {"learning_rate": 1e30, "step_bound": 1e30, "clip": 1e30, "warmup": 0}
    task, zeros = task_of(network, name, **runaway, optimizer="sgd", steps=40)
    with pytest.raises(RunError, match="no longer finite"):
        told(task, zeros)
    assert_clean(task, network)
