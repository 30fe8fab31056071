"""The command line: what it prints, what it writes, how it ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from fcpts_core.assets import asset
from fcpts_core.cli import main
from fcpts_core.engine import artifacts
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Finished, Phase
from fcpts_core.engine.recording import load_recording
from fcpts_core.engine.run import Run
from fcpts_core.errors import RunError
from fcpts_core.methods import METHODS

KEYS = [
    *("model", "method", "target_sparsity", "sparsity", "zeros", "weights", "dense_accuracy", "accuracy", "agreement"),
    *(
        "calibration_images",
        "test_images",
        "steps",
        "seconds",
        "seconds_per_step",
        "peak_rss_mb",
        "layers",
        "flops_kept",
        "budget",
    ),
    *("task", "measure", "top5", "dense_top5", "measures", "dense_measures", "agreements", "skipped_images", "notes"),
    "id",
]
LAYER_KEYS = ["name", "shape", "weights", "zeros", "sparsity", "threshold"]
QUICK = ["--method", "uniform", "--calibration-size", "16"]
FILES = ["allocation.csv", "events.jsonl", "model.safetensors", "recipe.toml", "run.json"]


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The result of a run that must go well, read as a program would read it."""
    code = main(["run", *arguments, "--json"])
    output = capsys.readouterr()
    assert (code, output.err) == (0, "")
    found: dict[str, Any] = json.loads(output.out.splitlines()[-1])
    return found


def test_the_result_as_json_has_exactly_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_json(capsys, *QUICK, "--sparsity", "0.9")
    assert list(result) == KEYS
    assert all(list(layer) == LAYER_KEYS for layer in result["layers"])
    assert (result["model"], result["method"], result["target_sparsity"]) == ("digits-resnet20", "uniform", 0.9)
    assert result["zeros"] == round(0.9 * result["weights"]) == sum(layer["zeros"] for layer in result["layers"])
    assert result["sparsity"] == result["zeros"] / result["weights"]
    assert result["dense_accuracy"] >= 0.985
    assert 0 <= result["accuracy"] <= 1
    assert 0 <= result["agreement"] <= 1
    assert (result["task"], result["measure"], result["notes"]) == ("classification", "top-1", [])
    assert result["measures"] == {"top-1": result["accuracy"], "top-5": result["top5"]}
    assert result["dense_top5"] >= result["dense_accuracy"]
    assert (result["calibration_images"], result["steps"], result["seconds_per_step"]) == (16, 0, None)
    assert result["peak_rss_mb"] > 10


def test_out_gets_the_weights_the_allocation_the_record_and_the_events(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    result = run_json(capsys, *QUICK, "--sparsity", "0.8", "--threads", "1", "--out", str(tmp_path / "new"))
    folder = tmp_path / "new"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    dense, sparse = load_file(asset("models", "digits-resnet20.safetensors")), load_file(folder / "model.safetensors")
    assert {name: tensor.shape for name, tensor in sparse.items()} == {
        name: tensor.shape for name, tensor in dense.items()
    }
    for layer in result["layers"]:
        assert int((sparse[f"{layer['name']}.weight"] == 0).sum()) == layer["zeros"]
    with (folder / "allocation.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [layer["name"] for layer in result["layers"]]
    record = json.loads((folder / "run.json").read_text())
    assert record["torch_threads"] == 1
    assert RunConfig.from_json(record["config"]).sparsity == 0.8
    last = load_recording(folder / "events.jsonl")[-1]
    assert isinstance(last, Finished)
    assert last.result.zeros == result["zeros"]


def test_a_learned_run_gives_the_same_bits_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    short = ["--steps", "2", "--calibration-size", "64", "--set", "batch_size=16", "--learning-rate", "0.01"]
    for name in ("first", "second"):
        result = run_json(capsys, *short, "--seed", "3", "--out", str(tmp_path / name))
        assert (result["steps"], result["zeros"]) == (2, round(0.95 * result["weights"]))
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "second"))
    assert first == second


def test_own_weights_and_images_without_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "some.npz", images=images)
    weights = asset("models", "digits-resnet20.safetensors")
    given = ["--weights", str(weights), "--images", str(tmp_path / "some.npz"), "--mean", "0,0,0", "--std", "1,1,1"]
    result = run_json(capsys, *given, "--method", "erk", "--exclude", "linear", "--exclude", "layer1.*")
    assert (result["dense_accuracy"], result["accuracy"], result["agreement"]) == (None, None, None)
    assert (result["calibration_images"], result["test_images"]) == (8, 0)
    names = {layer["name"] for layer in result["layers"]}
    assert "conv1" in names
    assert not {name for name in names if name == "linear" or name.startswith("layer1.")}


def test_the_summary_is_readable(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", *QUICK, "--sparsity", "0.5", "--out", str(tmp_path)]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "digits-resnet20, uniform, target 0.5" in output.out
    assert "50.0000% (" in output.out
    assert all(name in output.out for name in ("dense accuracy", "sparse accuracy", "agreement", "layer3.2.conv2"))
    assert f"Written to {tmp_path}" in output.out


@pytest.mark.parametrize(("command", "registry"), [("methods", METHODS)])
def test_methods_are_listed(capsys: pytest.CaptureFixture[str], command: str, registry: dict[str, object]) -> None:
    assert main([command]) == 0
    text = capsys.readouterr().out
    assert [line.split(":")[0] for line in text.splitlines() if line and not line.startswith(" ")] == list(registry)
    assert main([command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(registry)
    assert all(row["description"] for row in rows)


def test_help_and_version_need_no_torch() -> None:
    for arguments in (["--help"], ["run", "--help"], ["--version"]):
        code = f"import sys; from fcpts_core.cli import main; print(main({arguments}), 'torch' in sys.modules)"
        seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert seen.stdout.splitlines()[-1] == "0 False"


def test_the_package_is_a_program() -> None:
    command = [sys.executable, "-m", "fcpts_core"]
    seen = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.startswith("fcpts ")
    seen = subprocess.run([*command, "run", "--sparsity", "2"], capture_output=True, text=True, timeout=60)
    assert (seen.returncode, seen.stdout) == (2, "")
    assert seen.stderr == "fcpts: The target sparsity is 2.0: expected a share of zero weights above 0 and below 1.\n"


def test_a_reader_that_stops_reading_is_no_disaster() -> None:
    read, write = os.pipe()
    command = [sys.executable, "-m", "fcpts_core", "methods"]
    program = subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    os.close(read)
    _, complaint = program.communicate(timeout=60)
    assert (program.returncode, complaint) == (1, "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RunError("The loss is not finite."), 1, "fcpts: The loss is not finite.\n"),
        (KeyboardInterrupt(), 130, "fcpts: Interrupted: `fcpts resume broken` goes on with the run.\n"),
    ],
)
def test_runs_that_cannot_go_on_end_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    code: int,
    said: str,
) -> None:
    break_runs(monkeypatch, error)
    assert main(["run", "--id", "broken", "--store", str(tmp_path)]) == code
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", said)


def test_unforeseen_errors_show_where_they_come_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_runs(monkeypatch, ZeroDivisionError("by zero"))
    assert main(["run"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "fcpts: Stopped on an unforeseen error, ZeroDivisionError: report it with the lines above."


def test_a_full_disk_does_not_take_the_result_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "write", fail)
    assert main(["run", *QUICK, "--out", str(tmp_path), "--json"]) == 1
    output = capsys.readouterr()
    assert list(json.loads(output.out)) == KEYS
    assert output.err == f"fcpts: The files could not be written to {tmp_path}: No space left on device.\n"


def break_runs(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def events(self: Run) -> Iterator[Event]:
        yield Phase("reading")
        raise error

    monkeypatch.setattr(Run, "events", events)
