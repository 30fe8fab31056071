"""Norms for the time of learning: nothing changes when they come, nothing of them stays, and the network learns."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data.digits import digits
from fcpts_core.engine.solve import solve
from fcpts_core.models.cards import load_model
from fcpts_core.models.cifar_resnet import CifarResNet
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.features import blocks
from fcpts_core.reconstruction.norms import norm_layers, norm_mode, recalibrate
from fcpts_core.reconstruction.registry import gets_norms
from fcpts_core.reconstruction.unfolding import lacking, renormed
from tests.cases import CLASSES, PlainNet, conv_net, images, plain_net, problem, transformer, zeros_of
from tests.reconstruction.folded import folded


def names(task: Problem) -> list[str]:
    found = {module: name for name, module in task.student.named_modules()}
    return [found[module] for module in lacking(task)]


def stem_of(task: Problem) -> nn.Conv2d:
    assert isinstance(task.student, PlainNet)
    return task.student.stem


def first_of(network: PlainNet) -> nn.Conv2d:
    found = network.get_submodule("stage.0.0")
    assert isinstance(found, nn.Conv2d)
    return found


def said(task: Problem) -> Tensor:
    with torch.no_grad(), norm_mode(task.student, "eval"):
        logits: Tensor = task.student(images(16, seed=5).inputs())
        return logits


def test_convolutions_with_a_bias_and_more_than_one_position_get_one() -> None:
    assert names(problem(plain_net())) == ["stem", "stage.0.0", "stage.1.0"]


@pytest.mark.parametrize("overrides", [{"unfold": False}, {"recalibrate": False}, {"student_norms": "eval"}], ids=str)
def test_nothing_gets_one_where_it_could_not_be_used(overrides: dict[str, Any]) -> None:
    assert names(problem(plain_net(), **overrides)) == []


@pytest.mark.parametrize(
    ("overrides", "gets"),
    [
        ({"reconstruction": "fcpts"}, True),
        ({"reconstruction": "net-wise"}, True),
        ({"reconstruction": "fcpts", "steps": 0}, False),
        ({"reconstruction": "block-wise"}, False),
        ({"reconstruction": "none", "steps": 0}, False),
        ({"reconstruction": "none", "steps": 0, "allocation": "learned"}, True),
        ({"reconstruction": "none", "steps": 0, "allocation": "learned", "search_steps": 0}, False),
    ],
    ids=str,
)
def test_they_come_only_where_all_weights_learn_together(overrides: dict[str, Any], gets: bool) -> None:
    assert gets_norms(problem(plain_net(), **overrides)) == gets
    assert not gets_norms(problem(conv_net(), **overrides))


def test_networks_with_norms_of_any_kind_get_none() -> None:
    assert names(problem(conv_net())) == []
    assert names(problem(transformer())) == []


def test_frozen_shared_and_repeated_convolutions_get_none() -> None:
    class Odd(PlainNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + 0 * self.stem(x).mean())

    network = Odd()
    first_of(network).weight.requires_grad_(False)
    assert names(problem(network)) == ["stage.1.0"]
    shared = plain_net()
    twin = nn.Conv2d(8, 8, 3, padding=1)
    twin.weight = first_of(shared).weight
    shared.stage.append(nn.Sequential(twin))
    assert names(problem(shared)) == ["stem", "stage.1.0"]


def test_a_last_convolution_keeps_its_own_scale() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, CLASSES, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    assert names(problem(network)) == ["0"]


def test_they_change_nothing_when_they_come_nor_when_they_go() -> None:
    task = problem(plain_net())
    before, tensors = said(task), copy.deepcopy(task.student.state_dict())
    parts = [type(part) for part in blocks(task.student)]
    with renormed(task) as there:
        assert there
        assert len(norm_layers(task.student)) == 3
        assert [type(part) for part in blocks(task.student)] == parts
        torch.testing.assert_close(said(task), before, rtol=1e-4, atol=1e-5)
    assert list(task.student.state_dict()) == list(tensors)
    for name, tensor in task.student.state_dict().items():
        # Batches are normalised by their own variance, the average that is kept is the unbiased one.
        torch.testing.assert_close(tensor, tensors[name], rtol=2e-3, atol=2e-4)


def test_what_they_have_learned_is_folded_in_channel_by_channel() -> None:
    task = problem(plain_net())
    with torch.no_grad(), renormed(task):
        for norm in norm_layers(task.student):
            norm.weight.mul_(torch.linspace(-2, 2, 8))
            norm.bias.add_(0.3)
        stem_of(task).weight[:, 0] = 0
        recalibrate(task.student, task.images)  # as in the end
        meant = said(task)
    torch.testing.assert_close(said(task), meant, rtol=1e-4, atol=1e-5)
    assert zeros_of([stem_of(task).weight]) == 8 * 9


def test_a_channel_that_says_nothing_gets_no_zeros() -> None:
    task = problem(plain_net())
    with torch.no_grad(), renormed(task):
        next(iter(norm_layers(task.student))).weight.zero_()
    assert zeros_of([stem_of(task).weight]) == 0
    assert bool(torch.isfinite(said(task)).all())


def test_an_error_leaves_the_network_as_it_came() -> None:
    task = problem(plain_net())
    kinds, before = [type(part) for part in task.student.modules()], said(task)
    with pytest.raises(RuntimeError, match="on the way"), renormed(task):
        raise RuntimeError("on the way")
    assert [type(part) for part in task.student.modules()] == kinds
    assert all(not module._forward_hooks for module in task.student.modules())
    torch.testing.assert_close(said(task), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["fcpts", "best", "unipts"])
def test_methods_end_with_exactly_the_zeros_and_the_tensors_of_before(name: str) -> None:
    task = problem(plain_net(), name, sparsity=0.7)
    found = told_silently(solve(task))
    assert sum(int((layer.weight == 0).sum()) for layer in task.layers) == task.zeros
    assert task.student.state_dict().keys() == plain_net().state_dict().keys()
    for layer, threshold in zip(task.layers, found, strict=True):
        assert int((layer.weight.abs() < threshold).sum()) == int((layer.weight == 0).sum())


def test_they_help_a_network_without_norms_to_learn() -> None:
    """The bundled ResNet with its norms folded away: the same steps end nearer to what it said before."""
    dense = load_model("digits-resnet20").module
    assert isinstance(dense, CifarResNet)
    tests = digits("test").inputs(torch.arange(200))

    def agreement(unfold: bool) -> float:
        task = problem(folded(dense), sparsity=0.9, steps=20, batch_size=32, data=digits("train"), unfold=unfold)
        told_silently(solve(task))
        with torch.no_grad(), norm_mode(task.student, "eval"):
            return float((task.student(tests).argmax(1) == task.teacher(tests).argmax(1)).float().mean())

    assert agreement(unfold=True) > agreement(unfold=False) + 0.2
