"""What a run will take: measured on a batch, in parts that add up, and refused where memory would not do."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fcpts_core.cli import main
from fcpts_core.data import room
from fcpts_core.engine import needed
from fcpts_core.engine.estimate import Estimate, estimate
from fcpts_core.engine.prepare import prepare
from fcpts_core.engine.run import Run
from fcpts_core.errors import InputError
from fcpts_core.estimate_text import about, estimate_text
from tests.cases import ConvNet
from tests.engine.toy_runs import config, put_on_stage


@pytest.fixture
def conv(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    return put_on_stage(monkeypatch, ConvNet)


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        ("fcpts", {"reading", "measuring", "learning", "recalibrating"}),
        ("best", {"reading", "measuring", "least squares", "learning", "recalibrating", "comparing with the start"}),
        ("unipts", {"reading", "measuring", "allocation", "learning", "recalibrating"}),
        ("uniform:learned", {"reading", "measuring", "allocation", "recalibrating"}),
        ("uniform:priced", {"reading", "measuring", "allocation", "recalibrating"}),
        ("uniform", {"reading", "measuring", "recalibrating"}),
        ("obc", {"reading", "measuring", "least squares", "recalibrating"}),
        ("pot", {"reading", "measuring", "learning", "recalibrating"}),
    ],
)
def test_its_parts_are_what_the_method_does(conv: nn.Module, method: str, parts: set[str]) -> None:
    method, _, allocation = method.partition(":")
    found = estimate(config(method, **({"allocation": allocation} if allocation else {})))
    assert parts <= found.parts.keys() <= parts | {"recalibrating", "allocation"}
    assert found.seconds == pytest.approx(sum(found.parts.values()))
    assert min(found.parts.values()) > 0
    assert found.memory_bytes > 10_000_000
    assert (found.seconds_per_step is None) == ("learning" not in parts)
    assert Estimate.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_more_steps_take_longer(conv: nn.Module) -> None:
    few, many = estimate(config(steps=10)), estimate(config(steps=100_000))
    assert many.parts["learning"] > 100 * few.parts["learning"]


def test_a_search_by_learning_takes_as_long_as_its_steps(conv: nn.Module) -> None:
    few, many = (estimate(config("uniform", allocation="learned", search_steps=steps)) for steps in (10, 100_000))
    assert many.parts["allocation"] > 100 * few.parts["allocation"]
    measuring, learning = (
        needed.working_bytes(prepare(config("uniform", batch_size=32, allocation=allocation)).problem)
        for allocation in ("uniform", "learned")
    )
    assert learning > measuring


def test_a_step_of_layers_one_by_one_is_the_mean_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first layer's steps end before the slow one begins."""

    def slow() -> nn.Module:
        network = ConvNet()
        network.linear.register_forward_pre_hook(lambda *_: time.sleep(0.3))
        return network

    put_on_stage(monkeypatch, slow)
    step = estimate(config("pot", steps=100_000)).seconds_per_step
    assert step is not None
    assert step > 0.02


def test_larger_batches_need_more_memory(conv: nn.Module) -> None:
    small, large = (needed.working_bytes(prepare(config(batch_size=size)).problem) for size in (8, 16))
    image = prepare(config()).problem.images.inputs(torch.arange(1))
    every, largest = needed.activation_bytes(ConvNet(), image)
    assert large - small == 8 * round(every * needed.EXTRA)
    assert largest < every


def test_a_layer_that_is_solved_needs_squares_of_its_inputs(conv: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    task = prepare(config("best", steps=0)).problem
    most = 0
    for layer in task.layers:
        if isinstance(layer.module, nn.Conv2d | nn.Linear):
            groups = getattr(layer.module, "groups", 1)
            most = max(most, groups * (layer.weight.numel() // len(layer.weight)) ** 2)
    both = config("best", steps=0), config("uniform")
    whole, without = (needed.working_bytes(prepare(given).problem) for given in both)
    monkeypatch.setattr(needed, "SQUARES", needed.SQUARES - 2)
    assert whole - needed.working_bytes(task) == 2 * 8 * most
    assert needed.working_bytes(prepare(config("uniform")).problem) == without


def test_the_largest_block_is_a_layers_outputs_of_all_images_at_once(conv: nn.Module) -> None:
    images = prepare(config()).problem.images
    _, largest = needed.activation_bytes(ConvNet(), images.inputs(torch.arange(1)))
    for size, given in (
        (0, config("uniform")),
        (8, config(batch_size=8)),
        (len(images), config(batch_size=1000)),
        (len(images), config("best", steps=0)),
    ):
        assert needed.largest_block(prepare(given).problem) == size * largest


def test_a_run_that_cannot_fit_is_refused_with_its_reason(conv: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda: 30_000)
    sentence = r"The run would need .* of memory, .* are free: choose a smaller model .*batch_size=4"
    with pytest.raises(InputError, match=sentence):
        list(Run(config(batch_size=8)).events())
    with pytest.raises(InputError, match=sentence):
        estimate(config(batch_size=8))


def test_a_start_that_cannot_fit_is_refused_with_what_makes_it_smaller(
    conv: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config("best", steps=0)
    monkeypatch.setattr(room, "available_bytes", lambda: 30_000)
    with pytest.raises(InputError, match=r"are free: choose a smaller model or a smaller crop\.$"):
        list(Run(given).events())  # more images than the squares of the inputs of its largest layer are not the matter
    monkeypatch.setattr(needed, "SQUARES", 0)
    with pytest.raises(InputError, match=r"fewer calibration images \(--calibration-size (\d+)\)\.$") as refused:
        list(Run(given).events())
    fewer = int(str(refused.value).split()[-1].rstrip(")."))
    images = prepare(given).problem.images
    assert fewer == len(images) // 2
    whole, half = (
        needed.working_bytes(prepare(config("best", steps=0, calibration_size=size)).problem)
        for size in (len(images), fewer)
    )
    assert half < whole


def test_words_for_people() -> None:
    found = Estimate(540.0, 1_400_000_000, 8_000_000_000, 10, 0.5, {"learning": 539.0, "reading": 1.0})
    text = estimate_text(found)
    assert "about 9 minutes on this machine" in text
    assert "about 1.4 GB, 8.0 GB are free" in text
    assert "539.0 s learning" in text
    assert [about(seconds) for seconds in (0.2, 60, 7200)] == ["about 1 seconds", "about 60 seconds", "about 2.0 hours"]


def test_a_dry_run_says_what_it_would_take_and_runs_nothing(
    conv: nn.Module, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["run", "--method", "uniform", "--sparsity", "0.6", "--dry-run", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(told) == {"seconds", "memory_bytes", "free_bytes", "steps", "seconds_per_step", "parts"}
    assert main(arguments) == 0
    assert "on this machine" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
