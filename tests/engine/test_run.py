"""A whole run on toy networks: the events it tells, the model it leaves, and every way it can be refused or stopped."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fcpts_core.data import synthetic
from fcpts_core.engine import events as told
from fcpts_core.engine import run as engine
from fcpts_core.engine.chosen_images import MAKING
from fcpts_core.engine.events import Allocated, Finished, Phase, Started, Stepped, Surveyed
from fcpts_core.engine.prepare import Prepared
from fcpts_core.engine.run import Run, execute
from fcpts_core.engine.snapshot import State, tell
from fcpts_core.errors import RunError
from fcpts_core.methods import METHODS
from fcpts_core.models.layers import prunable_layers
from fcpts_core.reconstruction.norms import norm_layers, recalibrate
from tests.cases import conv_net, images, plain_net, zeros_of
from tests.engine.toy_runs import STEPS, config, finished, put_on_stage, result


def assert_clean(prepared: Prepared) -> None:
    for network in (prepared.problem.student, prepared.problem.teacher):
        assert not any(part.training for part in network.modules())
        assert not any(part._forward_hooks for part in network.modules())
        assert not any("parametrizations" in name for name in network.state_dict())
    assert all(layer.weight is layer.module.weight for layer in prepared.problem.layers)


def test_the_order_of_events(toy: nn.Module) -> None:
    events = list(execute(config()))
    recalibrating = [Phase] if norm_layers(toy) else []
    assert [type(event) for event in events if not isinstance(event, Surveyed)] == [
        *[Phase, Phase, Started, Allocated, Phase],
        *[Stepped] * STEPS,
        *recalibrating,
        *[Phase, Finished],
    ]
    assert [event.step for event in events if isinstance(event, Stepped)] == list(range(1, STEPS + 1))
    assert [event.step for event in events if isinstance(event, Surveyed)] == [0, *range(1, STEPS + 1)]


def test_measuring_and_making_images_tell_how_far_they_are(conv: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcpts_core.measure.accuracy.MOST_PIXELS", 3 * 64)
    monkeypatch.setattr(synthetic, "STEPS", 4)
    events = list(execute(config("uniform", data="synthetic", calibration_size=20)))
    phases = [(event.text, event.share) for event in events if isinstance(event, Phase) and event.share is not None]
    measuring = [(f"measuring the {which} model", share) for which in ("dense", "sparse") for share in (0.33, 0.66)]
    assert phases == [(MAKING, 0.0), *((MAKING, share) for share in (0.25, 0.5, 0.75)), *measuring]
    assert isinstance(events[-1], Finished)


def test_a_run_can_be_left_while_images_are_made(
    conv: nn.Module, prepared: list[Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = Run(config("uniform", data="synthetic", calibration_size=20)).events()
    assert [next(telling) for _ in range(3)][1:] == [Phase(MAKING, 0.0), Phase(MAKING, 0.01)]
    telling.close()
    assert not prepared


def test_surveys_stay_few_in_a_long_run(conv: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SURVEYS", 3)
    surveys = [event.step for event in execute(config(steps=10)) if isinstance(event, Surveyed)]
    assert surveys == [0, 3, 6, 9, 10]


@pytest.mark.parametrize("method", ["fcpts", "best"])
def test_weights_with_their_norms_folded_in_are_drawn_last(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_stage(monkeypatch, plain_net)
    events = list(execute(config(method, layer_cap=0.8)))
    last = [event for event in events if isinstance(event, Surveyed)][-1]
    assert last.step == STEPS
    for row, curve in zip(result(events).layers, last.curves, strict=True):
        assert curve.atom == pytest.approx(row.sparsity, abs=1e-6)


def test_a_start_that_was_kept_is_drawn_and_told_in_the_result(conv: nn.Module) -> None:
    events = list(execute(config("best", stages=1, ramp=0.0, learning_rate=3.0, step_bound=10.0)))
    last, found = [event for event in events if isinstance(event, Surveyed)][-1], result(events)
    assert last.step == found.steps == STEPS
    for row, curve in zip(found.layers, last.curves, strict=True):
        assert curve.atom == pytest.approx(row.sparsity, abs=1e-6)
    assert any("was undone" in note for note in found.notes)
    allocated = tell(events).allocated
    assert allocated is not None
    assert allocated.layer_sparsity == pytest.approx([row.sparsity for row in found.layers])


@pytest.mark.parametrize("method", METHODS)
def test_the_problem_is_told_before_the_first_step(toy: nn.Module, method: str) -> None:
    given = config(method)
    started = next(event for event in execute(given) if isinstance(event, Started))
    layers = prunable_layers(toy)
    assert [(row.name, row.kind, row.shape, row.weights) for row in started.layers] == [
        (layer.name, layer.kind, layer.shape, layer.weights) for layer in layers
    ]
    assert started.config == given.to_json()
    assert started.weights == sum(layer.weights for layer in layers)
    assert started.target_zeros == round(0.6 * started.weights)
    assert started.steps == (STEPS if METHODS[method].learns else 0)
    assert (started.calibration_images, started.test_images) == (20, 9)
    assert set(started.references) == {"uniform", "erk", "global-magnitude"}
    for shares in started.references.values():
        zeros = sum(round(share * row.weights) for share, row in zip(shares, started.layers, strict=True))
        assert zeros == started.target_zeros


@pytest.mark.parametrize("method", METHODS)
def test_the_model_has_exactly_so_many_zeros_and_the_result_says_so(toy: nn.Module, method: str) -> None:
    last, state = finished(config(method))
    assert state.keys() == toy.state_dict().keys()
    assert {name: tensor.shape for name, tensor in state.items()} == {
        name: tensor.shape for name, tensor in toy.state_dict().items()
    }
    assert all(tensor.isfinite().all() for tensor in state.values())
    weights = [state[f"{row.name}.weight"] for row in last.layers]
    assert zeros_of(weights) == last.zeros == round(0.6 * last.weights)
    assert last.sparsity == last.zeros / last.weights
    assert (last.target_sparsity, last.method, last.model) == (0.6, method, "digits-resnet20")
    for row, weight in zip(last.layers, weights, strict=True):
        assert (row.shape, row.weights, row.zeros) == (tuple(weight.shape), weight.numel(), zeros_of([weight]))
        assert row.sparsity == row.zeros / row.weights
    assert last.steps == (STEPS if METHODS[method].learns else 0)
    assert (last.seconds_per_step is not None) == METHODS[method].learns
    assert last.seconds > 0
    assert last.peak_rss_mb > 1


def test_the_model_is_the_one_that_was_measured(toy: nn.Module) -> None:
    last, state = finished(config())
    data = images(9, labelled=True, seed=5)
    assert data.labels is not None
    with torch.no_grad():
        dense = toy(data.inputs()).argmax(1)
        toy.load_state_dict(state)
        sparse = toy(data.inputs()).argmax(1)
    assert last.dense_accuracy == int((dense == data.labels).sum()) / 9
    assert last.accuracy == int((sparse == data.labels).sum()) / 9
    assert last.agreement == int((sparse == dense).sum()) / 9


@pytest.mark.parametrize("method", ["uniform", "erk", "global-magnitude"])
def test_a_baseline_is_the_dense_model_with_its_smallest_weights_gone(conv: nn.Module, method: str) -> None:
    last, state = finished(config(method))
    for row in last.layers:
        dense, sparse = conv.get_parameter(f"{row.name}.weight"), state[f"{row.name}.weight"]
        assert torch.equal(sparse, torch.where(dense.abs() >= row.threshold, dense, 0))
    by_hand = conv_net()
    by_hand.load_state_dict({**by_hand.state_dict(), **{name: state[name] for name, _ in conv.named_parameters()}})
    recalibrate(by_hand, replace(images(20), channels_last=True))
    assert all(torch.equal(tensor, state[name]) for name, tensor in by_hand.state_dict().items())


def test_thresholds_in_the_result_are_those_that_were_learned(toy: nn.Module) -> None:
    """Weights that do not move: the thresholds stand between pruned and kept, near those of the last step."""
    run = Run(config(steps=40, learning_rate=0, threshold_rate=0.1, ramp=0.2))
    events = list(run.events())
    steps = [event for event in events if isinstance(event, Stepped)]
    for row, t in zip(result(events).layers, steps[-1].thresholds, strict=True):
        dense = toy.get_parameter(f"{row.name}.weight").detach()
        assert int((dense.abs() < row.threshold).sum()) == row.zeros
        if row.name not in ("idle", "gain"):
            assert row.threshold == pytest.approx(t, rel=0.3)


def test_densities_are_drawn_by_the_rule_that_was_chosen(conv: nn.Module) -> None:
    for rule, expected in (("0.25", 0.25), ("silverman", None)):
        surveys = [event for event in execute(config(steps=2, bandwidth=rule)) if isinstance(event, Surveyed)]
        for curve in (curve for survey in surveys for curve in survey.curves):
            assert expected is None or curve.bandwidth == expected
            spacing = (curve.hi - curve.lo) / (len(curve.pdf) - 1)
            assert sum(curve.pdf) * spacing == pytest.approx(1 - curve.atom, abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_excluded_layers_get_no_zeros_and_do_not_count(conv: nn.Module, method: str) -> None:
    last, state = finished(config(method, exclude=("linear", "Conv1d", "idle"), layer_cap=0.8))
    assert not {"linear", "gain", "idle"} & {row.name for row in last.layers}
    assert not zeros_of([state["linear.weight"], state["gain.weight"]])
    assert last.zeros == round(0.6 * sum(row.weights for row in last.layers))
    assert all(row.sparsity <= 0.8 for row in last.layers)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits(conv: nn.Module, method: str) -> None:
    (_, first), (_, again), (_, other) = (finished(config(method, seed=seed, keep_start=False)) for seed in (1, 1, 2))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert all(torch.equal(tensor, other[name]) for name, tensor in first.items()) == (not METHODS[method].learns)


def test_events_are_json_and_tell_the_same_story_again(toy: nn.Module) -> None:
    events = list(execute(config(exclude=("conv1" if toy._get_name() == "ConvNet" else "embed",))))
    lines = list(told.dump_lines(events))
    assert all(json.loads(line)["event"] in told.EVENTS for line in lines)
    assert "NaN" not in "".join(lines)
    again = list(told.load_lines(lines))
    assert again == events
    snapshot = tell(again)
    assert snapshot == tell(events)
    assert snapshot.state is State.DONE
    assert snapshot.result == result(events)
    assert len(snapshot.history) == STEPS


def test_seconds_of_learning_grow_and_leave_pauses_out(conv: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only the consumer moves: the run itself takes no time at all."""
    clock = iter(range(10**6))
    now = [0.0]
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    seconds = []
    for event in execute(config()):
        now[0] += next(clock)
        if isinstance(event, Stepped):
            seconds.append(event.seconds)
    assert seconds == [0.0] * STEPS


def test_a_run_is_lazy_and_closing_it_leaves_all_clean(toy: nn.Module, prepared: list[Prepared]) -> None:
    run = Run(config())
    events = run.events()
    assert not prepared
    assert isinstance(next(event for event in events if isinstance(event, Stepped)), Stepped)
    (used,) = prepared
    assert any("parametrizations" in name for name in used.problem.student.state_dict())
    events.close()
    assert_clean(used)
    assert run.state_dict is None
    assert list(events) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_run_leaves_all_clean(toy: nn.Module, prepared: list[Prepared], method: str) -> None:
    run = Run(config(method))
    for event in run.events():
        assert (run.state_dict is not None) == isinstance(event, Finished)
    assert_clean(prepared[0])
    assert not any(parameter.requires_grad for parameter in prepared[0].problem.teacher.parameters())
    assert run.state_dict is not None
    run.state_dict["probe"] = torch.zeros(1)
    assert "probe" not in prepared[0].problem.student.state_dict()


def test_a_loss_that_runs_away_ends_the_run_with_a_sentence(conv: nn.Module, prepared: list[Prepared]) -> None:
    run = Run(config(learning_rate=1e30, clip=1e30, warmup=0))
    with pytest.raises(RunError, match=r"no longer finite after \d steps.*smaller learning rate \(it is 1e\+30\)\.$"):
        list(run.events())
    assert_clean(prepared[0])
    assert run.state_dict is None
    assert all(tensor.isfinite().all() for tensor in prepared[0].problem.student.state_dict().values())


def test_pauses_do_not_count_as_time(conv: nn.Module) -> None:
    began = time.perf_counter()
    events = []
    for event in execute(config(steps=2)):
        events.append(event)
        time.sleep(0.05)
    assert result(events).seconds <= time.perf_counter() - began - 0.05 * (len(events) - 1)
