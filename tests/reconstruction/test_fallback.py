"""What least squares found is kept where learning made the answers worse, and only there."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fcpts_core.bookmark import Bookmark, tensors_of
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Allocated, Phase
from fcpts_core.engine.prepare import prepare
from fcpts_core.engine.solve import solve
from fcpts_core.problem import Problem, Told
from fcpts_core.reconstruction import fallback
from fcpts_core.reconstruction.fallback import answers_apart
from fcpts_core.silently import returned
from tests.cases import NETWORKS, images, plain_net, problem, told_by, zeros_of

CASES = {**NETWORKS, "plain": plain_net}


def solved(network: str, **settings: Any) -> tuple[Problem, list[Told], tuple[float, ...]]:
    task = new_task(network, **settings)
    return task, *told_by(solve(task))


def new_task(network: str, **settings: Any) -> Problem:
    return problem(CASES[network](), "best", data=images(16), sparsity=0.6, **{"allocation": "power", **settings})


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = tensors_of(one), tensors_of(other)
    return all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


@pytest.mark.parametrize("network", CASES)
def test_steps_that_do_harm_leave_the_start_to_the_bit(network: str) -> None:
    harm = {"stages": 1, "ramp": 0.0, "learning_rate": 3.0, "step_bound": 10.0}
    task, told, thresholds = solved(network, steps=8, **harm)
    start, _, _ = solved(network, steps=0, stages=1, ramp=0.0, recalibrate=False)
    assert same(task.student, start.student)
    (note,) = task.bookmark.notes
    assert "Learning at 60.0% zeros was undone" in note
    weights = [layer.weight.detach() for layer in task.layers]
    assert zeros_of(weights) == task.zeros
    for weight, threshold in zip(weights, thresholds, strict=True):
        assert torch.equal(weight.abs() >= threshold, weight != 0) or threshold == 0
    reached = [event for event in told if isinstance(event, Allocated)][-1].layer_sparsity
    assert sum(round(share * weight.numel()) for share, weight in zip(reached, weights, strict=True)) == task.zeros


@pytest.mark.parametrize("network", ["conv", "plain"])
def test_harm_on_the_way_is_undone_too_and_told_for_each_stage(network: str) -> None:
    task, _, _ = solved(network, steps=12, learning_rate=3.0, step_bound=10.0)
    start, _, _ = solved(network, steps=0, recalibrate=False)
    assert same(task.student, start.student)
    assert len(task.bookmark.notes) == 3


def test_what_was_told_on_the_way_is_told_by_a_run_that_goes_on() -> None:
    given = {"steps": 12, "learning_rate": 3.0, "step_bound": 10.0}
    whole, _, _ = solved("conv", **given)
    first, second = (new_task("conv", **given) for _ in range(2))
    first.bookmark.wanted = True
    telling = solve(first)
    while first.bookmark.stage_begun < 2 or first.bookmark.state() is None:
        next(telling)
    second = replace(second, bookmark=Bookmark(first.bookmark.state(), first.bookmark.start))
    telling.close()
    told_by(solve(second))
    assert len(first.bookmark.notes) == 1
    assert second.bookmark.notes == whole.bookmark.notes
    assert same(second.student, whole.student)


def test_steps_that_help_stay_and_nothing_else_changes() -> None:
    ends = []
    for keep in (True, False):
        given = {"allocation": "power", "stages": 1, "ramp": 0.0, "steps": 20, "batch_size": 32, "keep_start": keep}
        config = RunConfig("digits-resnet20", method="best", sparsity=0.95, calibration_size=64, overrides=given)
        prepared = prepare(config)
        ends.append((prepared.problem, *told_by(solve(prepared.problem))))
    (task, told, thresholds), (without, _, others) = ends
    assert [event for event in told if isinstance(event, Phase) and event.text.startswith("comparing")]
    assert not task.bookmark.notes
    assert same(task.student, without.student)
    assert thresholds == others


def test_methods_that_do_not_ask_for_it_end_where_learning_does() -> None:
    harm = {"stages": 1, "ramp": 0.0, "learning_rate": 3.0, "step_bound": 10.0}
    task, _, _ = solved("conv", steps=8, keep_start=False, **harm)
    start, _, _ = solved("conv", steps=0, stages=1, ramp=0.0, recalibrate=False)
    assert not task.bookmark.notes
    assert not same(task.student, start.student)


def test_nothing_is_compared_without_least_squares_or_steps() -> None:
    for settings in ({"start": "magnitude", "steps": 4}, {"steps": 0}):
        _, told, _ = solved("conv", **settings)
        assert not [event for event in told if isinstance(event, Phase) and event.text.startswith("comparing")]


@pytest.mark.parametrize("asked", [5, 256])
def test_the_distance_is_the_mean_divergence_of_the_last_images(asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "ASKED", asked)
    task, _, _ = solved("conv", steps=0)
    batch = task.images.inputs()[-asked:]
    expected = 0.0
    with torch.no_grad():
        for image in batch:
            said, meant = (F.softmax(net.eval()(image[None]).double(), 1) for net in (task.student, task.teacher))
            expected += float((meant * (meant.log() - said.log())).sum()) / len(batch)
    assert answers_apart(task) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_a_network_compared_with_itself_is_not_apart() -> None:
    task = problem(NETWORKS["conv"](), "best", data=images(16))
    assert answers_apart(task) == pytest.approx(0, abs=1e-6)


def test_a_start_without_finite_answers_is_never_kept() -> None:
    task = problem(NETWORKS["conv"](), "best", data=images(16))
    broken = fallback.Start(tensors_of(task.student), float("nan"), (0.0,) * len(task.layers))
    assert returned(broken.kept_if_better(task)) is False
