"""What a run is given: a user's own files, sizes and ends of ranges, and every way it can be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from fcpts_core.bridge import reachable
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Started
from fcpts_core.engine.prepare import Prepared, prepare
from fcpts_core.engine.run import Run, execute
from fcpts_core.errors import InputError
from fcpts_core.models.cifar_resnet import CifarResNet, initialise
from fcpts_core.models.layers import prunable_layers
from fcpts_core.summary import result_text
from tests.cases import conv_net, images, zeros_of
from tests.engine.toy_runs import config, finished, npz, put_on_stage, result


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


def test_calibration_images_keep_their_labels_only_for_a_search_by_labels(
    own: dict[str, Any], tmp_path: Path, prepared: list[Prepared]
) -> None:
    labelled = {**own, "images": npz(tmp_path / "labelled.npz", 4, labels=np.array([0, 1, 2, 3]))}
    for method in ("unipts", "unipts-labels", "fcpts"):
        next(event for event in execute(config(method, **labelled, steps=1)) if isinstance(event, Started))
    assert [one.problem.images.labels is None for one in prepared] == [True, False, True]
    told = refused(config("unipts-labels", **own))
    assert told.startswith(
        "The method unipts-labels searches by labels, but the calibration images have none: expected"
    )


def test_a_search_by_labels_takes_those_that_come_with_a_bundled_model() -> None:
    task = prepare(RunConfig(method="unipts-labels", calibration_size=9)).problem
    assert task.images.labels is not None
    assert torch.equal(task.images.images, prepare(RunConfig(calibration_size=9)).problem.images.images)


@pytest.mark.parametrize(("text", "low"), [("2:4", 0.4), ("block:4", 0.0)])
def test_targets_that_a_pattern_does_not_allow_are_refused_at_once(own: dict[str, Any], text: str, low: float) -> None:
    given = {"method": "uniform", **own, "pattern": text, "steps": 0}
    assert (f"cannot be reached: these layers allow {low}" in refused(config(**given, sparsity=0.3))) if low else True
    last, _ = finished(config(**given, sparsity=0.7))
    assert last.zeros == round(0.7 * last.weights)


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


def test_what_must_be_known_of_a_model_is_said_at_the_start_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> nn.Module:
        network = conv_net()
        network.linear.weight.requires_grad_(False)
        with torch.no_grad():
            network.get_parameter("stage.0.conv1.weight")[:2] = 0
        return network

    put_on_stage(monkeypatch, build)
    events = list(Run(config("uniform")).events())
    started = next(event for event in events if isinstance(event, Started))
    last = result(events)
    assert started.notes == last.notes
    asleep, before = last.notes
    assert asleep.startswith("linear take no gradient")
    assert "weights were zero before" in before
    assert "linear" not in [row.name for row in last.layers]


def test_random_weights_are_said_loudly() -> None:
    events = list(Run(RunConfig(method="uniform", random_weights=True, calibration_size=8)).events())
    last = result(events)
    assert "The weights are random" in last.notes[0]
    assert "NOTE: The weights are random" in result_text(last)
    assert last.zeros == round(0.95 * last.weights)


def test_a_model_that_is_frozen_altogether_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_stage(monkeypatch, lambda: conv_net().requires_grad_(False))
    with pytest.raises(InputError, match="All 8 layers of digits-resnet20 take no gradient"):
        prepare(config("uniform"))
