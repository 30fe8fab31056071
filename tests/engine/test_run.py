"""A whole run on toy networks: the events it tells, the model it leaves, and every way it can be refused or stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from fcpts_core.bridge import reachable
from fcpts_core.data.images import ImageSet
from fcpts_core.engine import events as told
from fcpts_core.engine import run as engine
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Finished, Phase, Result, Started, Stepped, Surveyed
from fcpts_core.engine.run import Prepared, Run, execute
from fcpts_core.engine.snapshot import State, tell
from fcpts_core.errors import InputError, RunError
from fcpts_core.methods import METHODS
from fcpts_core.models.cards import MODELS, LoadedModel
from fcpts_core.models.cifar_resnet import CifarResNet, initialise
from fcpts_core.models.layers import prunable_layers
from fcpts_core.reconstruction.norms import recalibrate
from tests.cases import CLASSES, NETWORKS, conv_net, images, zeros_of

STEPS = 5


def config(method: str = "fcpts", **changes: Any) -> RunConfig:
    """A run of few steps on a toy; `changes` of settings go to the method."""
    own = {key: changes.pop(key) for key in list(changes) if key not in RunConfig.__dataclass_fields__}
    usual = {"steps": STEPS, "batch_size": 8} if METHODS[method].learns else {}
    return RunConfig(**{"method": method, "sparsity": 0.6, "overrides": {**usual, **own}, **changes})


@pytest.fixture(params=NETWORKS)
def toy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """In place of the bundled model and its images, for as long as the test lasts: a toy network and toys."""
    return stage(monkeypatch, NETWORKS[request.param])


@pytest.fixture
def conv(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    return stage(monkeypatch, conv_net)


def stage(monkeypatch: pytest.MonkeyPatch, build: Callable[[], nn.Module]) -> nn.Module:
    def load(name: str, weights: str | None = None) -> LoadedModel:
        network = cast(CifarResNet, build())
        data = images(1)
        return LoadedModel(MODELS[name], network, (3, 8, 8), CLASSES, data.mean, data.std, "0" * 64)

    def part(name: str) -> ImageSet:
        return images(9, labelled=True, seed=5) if name == "test" else images(20, labelled=True)

    monkeypatch.setattr(engine, "load_model", load)
    monkeypatch.setattr(engine, "digits", part)
    return build()


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[Prepared]:
    """What the runs of the test have prepared, so that it can look at their networks."""
    found: list[Prepared] = []
    usual = engine.prepare

    def keep(given: RunConfig) -> Prepared:
        found.append(usual(given))
        return found[-1]

    monkeypatch.setattr(engine, "prepare", keep)
    return found


def result(events: list[Event]) -> Result:
    assert isinstance(events[-1], Finished)
    return events[-1].result


def finished(given: RunConfig) -> tuple[Result, dict[str, Tensor]]:
    run = Run(given)
    last = result(list(run.events()))
    assert run.state_dict is not None
    return last, run.state_dict


def assert_clean(prepared: Prepared) -> None:
    for network in (prepared.problem.student, prepared.problem.teacher):
        assert not any(part.training for part in network.modules())
        assert not any(part._forward_hooks for part in network.modules())
        assert not any("parametrizations" in name for name in network.state_dict())
    assert all(layer.weight is layer.module.weight for layer in prepared.problem.layers)


def test_the_order_of_events(toy: nn.Module) -> None:
    events = list(execute(config()))
    assert [type(event) for event in events if not isinstance(event, Surveyed)] == [
        *[Phase, Phase, Started, Phase],
        *[Stepped] * STEPS,
        *[Phase, Phase, Finished],
    ]
    assert [event.step for event in events if isinstance(event, Stepped)] == list(range(1, STEPS + 1))
    assert [event.step for event in events if isinstance(event, Surveyed)] == [0, *range(1, STEPS + 1), STEPS]


def test_surveys_stay_few_in_a_long_run(conv: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SURVEYS", 3)
    surveys = [event.step for event in execute(config(steps=10)) if isinstance(event, Surveyed)]
    assert surveys == [0, 3, 6, 9, 10]


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
    recalibrate(by_hand, images(20))
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
    atoms = [curve.atom for curve in surveys[-1].curves]
    assert atoms == pytest.approx([row.sparsity for row in result(list(execute(config(steps=2)))).layers])


@pytest.mark.parametrize("method", METHODS)
def test_excluded_layers_get_no_zeros_and_do_not_count(conv: nn.Module, method: str) -> None:
    last, state = finished(config(method, exclude=("linear", "Conv1d", "idle"), layer_cap=0.8))
    assert not {"linear", "gain", "idle"} & {row.name for row in last.layers}
    assert not zeros_of([state["linear.weight"], state["gain.weight"]])
    assert last.zeros == round(0.6 * sum(row.weights for row in last.layers))
    assert all(row.sparsity <= 0.8 for row in last.layers)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits(conv: nn.Module, method: str) -> None:
    (_, first), (_, again), (_, other) = (finished(config(method, seed=seed)) for seed in (1, 1, 2))
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
    events = cast("Generator[Event]", run.events())
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


@pytest.mark.parametrize(("size", "used"), [(1, 1), (7, 7), (1024, 20)])
def test_the_calibration_size_is_the_most_images_used(
    conv: nn.Module, prepared: list[Prepared], size: int, used: int
) -> None:
    last, _ = finished(config(calibration_size=size, steps=2))
    assert last.calibration_images == used
    assert prepared[0].calibration.labels is None
    assert torch.equal(prepared[0].calibration.images, images(20).images[:used])


def test_a_normalisation_that_is_given_is_used_for_the_bundled_images_too(
    conv: nn.Module, prepared: list[Prepared]
) -> None:
    finished(config("uniform", mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0)))
    assert prepared[0].calibration.mean == (0.1, 0.2, 0.3)
    assert prepared[0].test is not None
    assert prepared[0].test.std == (1.0, 2.0, 3.0)


def npz(path: Path, count: int, size: int = 32, **more: Any) -> str:
    pixels = np.random.default_rng(3).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    np.savez(path, images=pixels, **more)
    return str(path)


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Any]:
    """A user's own checkpoint with a few images."""
    network = initialise(CifarResNet(20, classes=4))
    safetensors.torch.save_file(network.state_dict(), tmp_path / "own.safetensors")
    return {
        "model": "cifar-resnet20",
        "weights": str(tmp_path / "own.safetensors"),
        "images": npz(tmp_path / "calibration.npz", 4),
        "test": npz(tmp_path / "test.npz", 3, labels=np.array([0, 1, 3])),
    }


def test_a_checkpoint_of_one_s_own(own: dict[str, Any]) -> None:
    last, state = finished(config(**own, steps=1, exclude=("linear",)))
    assert (last.calibration_images, last.test_images) == (4, 3)
    assert last.zeros == round(0.6 * last.weights) == zeros_of([state[f"{row.name}.weight"] for row in last.layers])
    assert last.accuracy in (0, 1 / 3, 2 / 3, 1)
    assert last.agreement in (0, 1 / 3, 2 / 3, 1)


def test_without_labels_there_is_agreement_without_test_images_neither(own: dict[str, Any], tmp_path: Path) -> None:
    unlabelled = npz(tmp_path / "more.npz", 3)
    last, _ = finished(config("uniform", **{**own, "test": unlabelled}))
    assert (last.dense_accuracy, last.accuracy, last.test_images) == (None, None, 3)
    assert last.agreement is not None
    last, _ = finished(config("uniform", **{**own, "test": None}))
    assert (last.dense_accuracy, last.accuracy, last.agreement, last.test_images) == (None, None, None, 0)


def refused(given: RunConfig) -> str:
    """The sentence with which the run is refused, before anything has been learned."""
    events: list[Event] = []
    with pytest.raises(InputError) as error:
        events.extend(execute(given))
    assert not any(isinstance(event, Started) for event in events)
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exclude": ("conv9",)}, "No prunable layer matches the excluded 'conv9'"),
        ({"exclude": ("*",)}, "All 8 prunable layers are excluded"),
        ({"device": "quantum"}, "The device 'quantum' cannot be used here: expected cpu"),
        ({"device": "meta"}, "The device 'meta' cannot be used here"),
        ({"device": ""}, "The device '' cannot be used here"),
        ({"device": "cuda:77"}, "The device 'cuda:77' cannot be used here"),
        ({"sparsity": 0.01}, "cannot be reached: these layers allow 0.0821 to 1."),
        ({"layer_cap": 0.5}, "Choose a target in this range, exclude fewer layers or raise the cap per layer."),
        ({"images": "nowhere.npz"}, "There is no nowhere.npz"),
        ({"test": "nowhere"}, "There is no nowhere"),
        ({"mean": (0.5,)}, "The mean has 1 number(s)"),
        ({"std": (0.5, 0.0, 0.5)}, "The std is 0.5, 0, 0.5: expected numbers above 0."),
        ({"weights": "own.safetensors"}, "digits-resnet20 with weights of your own needs calibration images"),
    ],
)
def test_what_cannot_run_is_refused_before_it_starts(conv: nn.Module, changes: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(config(**changes))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (RunConfig(model="resnet-9000"), "There is no model 'resnet-9000'"),
        (RunConfig(model="cifar-resnet20"), "cifar-resnet20 comes without weights"),
        (RunConfig(model="cifar-resnet20", weights="nowhere.safetensors"), "nowhere.safetensors"),
    ],
)
def test_models_that_are_not_there_are_refused(given: RunConfig, sentence: str) -> None:
    assert sentence in refused(given)


@pytest.mark.parametrize(
    "given",
    [RunConfig(method="lottery"), RunConfig(overrides={"steps": "x"}), RunConfig(method="erk", overrides={"steps": 3})],
)
def test_methods_and_settings_are_refused_when_the_run_is_made(given: RunConfig) -> None:
    with pytest.raises(InputError):
        Run(given)


def test_images_of_the_wrong_size_and_labels_out_of_range_are_refused(own: dict[str, Any], tmp_path: Path) -> None:
    small, labelled = npz(tmp_path / "small.npz", 2, size=8), npz(tmp_path / "odd.npz", 2, labels=np.array([0, 4]))
    assert "32" in refused(config(**{**own, "images": small}))
    assert "labels from 0 to 4: expected labels from 0 to 3" in refused(config(**{**own, "test": labelled}))


@pytest.mark.parametrize("cap", [1.0, 0.7])
def test_the_ends_of_the_reachable_range_run(conv: nn.Module, cap: float) -> None:
    layers = prunable_layers(conv)
    sizes, already = [layer.weights for layer in layers], [zeros_of([layer.weight]) for layer in layers]
    for target in reachable(sizes, already, cap):
        if target < 1:
            last, _ = finished(config(sparsity=target, layer_cap=cap, steps=2))
            assert last.zeros == round(target * last.weights)
