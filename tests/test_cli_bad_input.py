"""Whatever is given wrongly is answered by exit code 2 and one sentence that says what was wrong."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fcpts_core.assets import asset
from fcpts_core.cli import main
from fcpts_core.engine.run import Run


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The sentence with which the command refuses."""
    code = main([*arguments])
    output = capsys.readouterr()
    assert (code, output.out) == (2, "")
    assert output.err.startswith("fcpts: ")
    assert output.err.count("\n") == 1
    assert "Traceback" not in output.err
    return output.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "arguments are required: command"),
        ("prune", "invalid choice: 'prune'"),
        ("run --frobnicate", "--frobnicate"),
        ("run --sparsity", "--sparsity: expected one argument"),
        ("run --model digits-resnet", "no model 'digits-resnet'.*Did you mean digits-resnet20"),
        ("run --method fcpt", "no method 'fcpt'.*Did you mean fcpts"),
        ("run --sparsity 0", "sparsity is 0.0: expected a share"),
        ("run --sparsity 1", "sparsity is 1.0: expected a share"),
        ("run --sparsity -0.5", "sparsity is -0.5: expected a share"),
        ("run --sparsity 95", "sparsity is 95.0: expected a share"),
        ("run --sparsity nan", "sparsity is nan: expected a share"),
        ("run --sparsity inf", "sparsity is inf: expected a share"),
        ("run --sparsity 95%", "95% is a percentage, expected a share such as 0.95"),
        ("run --sparsity lots", "'lots' is not a number"),
        ("run --sparsity 0.9 --set layer_cap=0.5", "0.9.*can be reached.*0.5|0.9.*0.5"),
        ("run --steps -1", "steps is -1: expected a whole number of at least 0"),
        ("run --steps 1.5", "'1.5' is not a whole number"),
        ("run --method uniform --steps 10", "uniform learns nothing"),
        ("run --learning-rate fast", "'fast' is not a number"),
        ("run --learning-rate -1", "learning_rate is -1.0"),
        ("run --set temperature", "no setting, expected KEY=VALUE"),
        ("run --set temperature=", "no setting, expected KEY=VALUE"),
        ("run --set warmth=2", "no setting warmth"),
        ("run --set temperature=hot", "temperature is 'hot': expected a number"),
        ("run --set objective=win", "objective is 'win': expected one of"),
        ("run --set bandwidth=wide", "bandwidth is 'wide': expected silverman, scott, isj or a positive number"),
        ("run --set steps=2 --steps 3", "steps is given more than once"),
        ("run --set clip=2 --set clip=3", "clip is given more than once"),
        ("run --seed -1", "seed is -1"),
        ("run --seed x", "'x' is not a whole number"),
        ("run --calibration-size 0", "calibration size is 0"),
        ("run --threads 0", "0 threads are asked for"),
        ("run --device quantum", "device 'quantum' cannot be used"),
        ("run --mean 0.5,0.5,0.5", "Only one of --mean and --std"),
        ("run --mean a,b,c --std 1,1,1", "'a' is not a number"),
        ("run --mean nan,0,0 --std 1,1,1", "not finite"),
        ("run --mean 0.5 --std 0.5", "one number a channel"),
        ("run --mean 0,0,0 --std 1,0,1", "expected numbers above 0"),
        ("run --exclude nothing-like-it", "matches the excluded 'nothing-like-it'"),
        ("run --exclude Conv2d --exclude Linear", "excluded.*leave at least one"),
        ("run --weights no/such.safetensors", "no weights file no/such.safetensors"),
        ("run --images no/such.npz", "There is no no/such.npz"),
        ("run --test no/such.npz", "There is no no/such.npz"),
        ("run --model cifar-resnet20", "comes without weights"),
        ("run --out /dev/null/results", "/dev/null/results cannot be written to"),
        ("models --sparsity 0.5", "Unrecognized arguments"),
    ],
)
def test_bad_arguments(capsys: pytest.CaptureFixture[str], arguments: str, sentence: str) -> None:
    assert_matches(sentence, refused(capsys, *arguments.split()))


def assert_matches(pattern: str, text: str) -> None:
    assert re.search(pattern, text), f"{text!r} does not match {pattern!r}."


def weights() -> dict[str, torch.Tensor]:
    return load_file(asset("models", "digits-resnet20.safetensors"))


def saved(path: Path, **changes: torch.Tensor | None) -> None:
    """The bundled weights with some tensors changed, added or (None) left out."""
    tensors = {**weights(), **{name.replace("__", "."): tensor for name, tensor in changes.items()}}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)


def truncated(path: Path) -> None:
    path.write_bytes(asset("models", "digits-resnet20.safetensors").read_bytes()[:5000])


class Danger:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (exec, ("raise SystemExit('A pickle was run.')",))


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("cut.safetensors", truncated, "cannot be read as safetensors"),
        ("text.safetensors", lambda path: path.write_text("hello"), "cannot be read as safetensors"),
        ("empty.safetensors", lambda path: path.write_bytes(b""), "is empty"),
        ("folder.safetensors", Path.mkdir, "is a folder"),
        ("weights.txt", lambda path: path.write_text("hello"), "of an unknown kind"),
        (
            "danger.pt",
            lambda path: path.write_bytes(pickle.dumps(Danger())),
            "Python objects besides tensors|cannot be read",
        ),
        ("danger.pth", lambda path: torch.save({"conv1.weight": Danger()}, path), "Python objects besides tensors"),
        ("missing.safetensors", lambda path: saved(path, linear__bias=None), r"missing: linear\.bias"),
        ("more.safetensors", lambda path: saved(path, extra=torch.ones(1)), "unexpected: extra"),
        (
            "shape.safetensors",
            lambda path: saved(path, conv1__weight=torch.ones(16, 3, 5, 5)),
            r"conv1\.weight \[16, 3, 5, 5\] instead of \[16, 3, 3, 3\]",
        ),
        (
            "nan.safetensors",
            lambda path: saved(path, bn1__weight=torch.full((16,), torch.nan)),
            r"not finite.*bn1\.weight",
        ),
    ],
)
def test_bad_weights(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, make: Callable[[Path], object], sentence: str
) -> None:
    make(tmp_path / name)
    assert_matches(sentence, refused(capsys, "run", "--weights", str(tmp_path / name), "--method", "uniform"))


def pixels(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"pictures": pixels(4, 16, 16, 3)}, "no array `images`"),
        ({"images": pixels(4, 16, 16, 3).astype(np.float32)}, "images of type float32: expected uint8"),
        ({"images": pixels(4, 16, 16, 4)}, "4 channel"),
        ({"images": pixels(4, 3, 16, 16)}, "channel"),
        ({"images": pixels(4, 32, 32, 3)}, "32x32 pixels, the model takes 16x16"),
        ({"images": pixels(0, 16, 16, 3)}, "no images"),
        ({"images": pixels(4, 16)}, "shape"),
        ({"images": pixels(4, 16, 16, 3), "labels": np.array([0, 1, 2, 10])}, "labels from 0 to 10"),
        ({"images": pixels(4, 16, 16, 3), "labels": np.array([0, 1, 2, -1])}, "labels from -1 to 2"),
        ({"images": pixels(4, 16, 16, 3), "labels": np.array([0, 1, 2])}, "expected one label an image"),
        ({"images": pixels(4, 16, 16, 3), "labels": np.array([0.5] * 4)}, "expected whole numbers"),
        ({"images": np.array([{}], dtype=object)}, "Python objects"),
    ],
)
@pytest.mark.parametrize("option", ["--images", "--test"])
def test_bad_images(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, arrays: dict[str, np.ndarray], sentence: str
) -> None:
    np.savez(tmp_path / "some.npz", allow_pickle=True, **arrays)
    assert_matches(sentence, refused(capsys, "run", option, str(tmp_path / "some.npz"), "--method", "uniform"))


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("cut.npz", lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "cannot be read as .npz"),
        ("images.txt", lambda path: path.write_text("hello"), "neither an .npz file nor a folder"),
        ("empty", Path.mkdir, "has no images"),
    ],
)
def test_bad_image_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, make: Callable[[Path], object], sentence: str
) -> None:
    make(tmp_path / name)
    assert_matches(sentence, refused(capsys, "run", "--images", str(tmp_path / name), "--method", "uniform"))


def test_own_weights_need_own_images(capsys: pytest.CaptureFixture[str]) -> None:
    own = str(asset("models", "digits-resnet20.safetensors"))
    assert_matches("needs calibration images", refused(capsys, "run", "--weights", own))


def test_a_directory_that_cannot_be_written_to_is_refused_before_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def begin(*given: object) -> None:
        raise AssertionError("The run began.")

    monkeypatch.setattr(Run, "__init__", begin)
    (tmp_path / "file").write_text("mine")
    assert_matches("cannot be written to", refused(capsys, "run", "--out", str(tmp_path / "file")))
    assert (tmp_path / "file").read_text() == "mine"
