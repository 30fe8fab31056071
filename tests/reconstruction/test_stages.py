"""Stages: every one removes about the same share of what is left, the last one is the target to the weight."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from fcpts_core.engine.events import Measured
from fcpts_core.engine.solve import rebuild
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.schedule import rate_at
from fcpts_core.reconstruction.stages import count_of, stages
from tests.cases import NETWORKS, conv_net, images, plain_net, problem, transformer, zeros_of


def task(**given: Any) -> Problem:
    return problem(
        NETWORKS["conv"](), "uniform", **{"reconstruction": "net-wise", "steps": 9, "data": images(16), **given}
    )


def test_one_stage_is_the_problem_itself() -> None:
    given = task()
    (only,) = stages(given, (0.5,) * len(given.layers))
    assert only.problem is given
    assert only.last
    assert only.before == 0


@pytest.mark.parametrize("count", [2, 3, 5])
def test_keep_ratios_are_powers_of_those_at_the_end(count: int) -> None:
    given = task(sparsity=0.9, stages=count, stage_start=0.4, ramp=0.5, steps=40)
    shares = tuple(0.9 for _ in given.layers)
    found = list(stages(given, shares))
    assert [stage.number for stage in found] == list(range(1, count + 1))
    assert found[-1].shares == shares
    assert found[-1].problem.zeros == given.zeros
    for index, stage in enumerate(found[:-1]):
        power = 0.4 + 0.6 * index / (count - 1)
        for share, layer, weight in zip(stage.shares, given.layers, given.dense, strict=True):
            already = weight.numel() - int(weight.count_nonzero())
            wished = max((1 - 0.1**power) * layer.weights, already)
            assert abs(share * layer.weights - wished) <= 1
        assert stage.problem.zeros == sum(stage.problem.counts(stage.shares))


def test_the_steps_of_all_stages_are_those_of_the_run() -> None:
    given = task(stages=4, ramp=0.5, steps=41)
    found = list(stages(given, tuple(0.5 for _ in given.layers)))
    assert sum(stage.problem.settings.steps for stage in found) == 41
    before = 0
    for stage in found:
        assert stage.before == before
        before += stage.problem.settings.steps
    assert [stage.problem.settings.steps for stage in found[:-1]] == [7, 7, 7]


def test_every_stage_shuffles_its_images_anew() -> None:
    given = task(stages=3)
    assert len({stage.problem.seed for stage in stages(given, tuple(0.5 for _ in given.layers))}) == 3


def test_only_the_last_stage_follows_a_pattern() -> None:
    given = task(stages=2, pattern="2:4", sparsity=0.6)
    assert [s.problem.settings.pattern for s in stages(given, tuple(0.6 for _ in given.layers))] == [
        "unstructured",
        "2:4",
    ]


@pytest.mark.parametrize("start", ["magnitude", "admm", "obs"])
def test_a_run_in_stages_counts_its_steps_on_and_ends_at_the_target(start: str) -> None:
    given = task(stages=3, ramp=0.5, steps=9, start=start, sparsity=0.8)
    shares = tuple(max(0.8, zeros_of([dense]) / dense.numel()) for dense in given.dense)
    target = given.counts(shares)
    steps = [event for event in rebuild(given, shares) if isinstance(event, Measured)]
    assert [event.step for event in steps] == list(range(1, 10))
    assert [event.sparsity for event in steps] == sorted(event.sparsity for event in steps)
    for layer, count in zip(given.layers, target, strict=True):
        assert zeros_of([layer.weight]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_all_stages_learn_at_the_rate_of_the_target(count: int) -> None:
    given = task(sparsity=0.6, stages=count, stage_start=0.5, ramp=0.5, steps=40, rate_power=1, learning_rate=0.1)
    found = list(stages(given, tuple(0.6 for _ in given.layers)))
    assert {stage.problem.settings.learning_rate for stage in found} == {rate_at(given.settings, 0.6)}
    assert len(found) == count


@pytest.mark.parametrize(
    ("network", "factor"), [(conv_net, 1), (plain_net, 1), (transformer, 0.2)], ids=["batch", "none", "layer"]
)
def test_networks_with_layer_norms_alone_learn_more_gently(network: Callable[[], nn.Module], factor: float) -> None:
    given = problem(network(), sparsity=0.6, stages=3, ramp=0.4, steps=40, rate_power=1, layer_norm_rate=0.2)
    rates = [stage.problem.settings.learning_rate for stage in stages(given, (0.6,) * len(given.layers))]
    assert rates == pytest.approx([factor * rate_at(given.settings, 0.6)] * 3)


@pytest.mark.parametrize(
    ("network", "count"), [(conv_net, 3), (plain_net, 3), (transformer, 2)], ids=["batch", "none", "layer"]
)
def test_networks_with_layer_norms_alone_have_stages_of_their_own(network: Callable[[], nn.Module], count: int) -> None:
    given = problem(network(), sparsity=0.6, stages=3, layer_norm_stages=2, ramp=0.4, steps=40)
    assert count_of(given) == len(list(stages(given, (0.6,) * len(given.layers)))) == count
    assert count_of(replace(given, settings=given.settings.changed({"layer_norm_stages": 0}))) == 3


def test_one_stage_instead_of_several_learns_at_the_target_from_the_first_step() -> None:
    given = problem(transformer(), sparsity=0.6, stages=3, layer_norm_stages=1, ramp=0.4, steps=40)
    (only,) = stages(given, (0.6,) * len(given.layers))
    assert (only.problem.settings.ramp, only.problem.settings.steps, only.problem.zeros) == (0, 40, given.zeros)
