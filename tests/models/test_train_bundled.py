"""The training command: its random views, its split, its learning rate, and that a seed decides the weights."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from fcpts_core.data.digits import digits
from fcpts_core.models import train_bundled
from fcpts_core.models.train_bundled import RECIPES, main, moved, split

BLACK = torch.tensor([-1.0, -1.0, -1.0])


def test_moved_images_keep_the_black_around_them() -> None:
    dark = BLACK.view(1, 3, 1, 1).expand(5, 3, 16, 16)
    torch.testing.assert_close(moved(dark, BLACK, torch.Generator().manual_seed(0)), dark)


def test_moved_images_stay_within_the_promised_range() -> None:
    batch = BLACK.view(1, 3, 1, 1).repeat(200, 1, 16, 16)
    batch[:, :, 7:9, 7:9] = 1
    mass = moved(batch, BLACK, torch.Generator().manual_seed(0))[:, 0] + 1
    place = torch.arange(16) - 7.5
    total = mass.sum((1, 2))
    for axis in (1, 2):
        centre = (mass.sum(3 - axis) * place).sum(1) / total
        assert centre.abs().max() <= 1.5 * 1.3
        assert centre.abs().max() > 1


def test_the_held_out_images_are_training_images_left_out() -> None:
    training, judging = split(digits("train"))
    assert len(training) + len(judging) == len(digits("train"))
    rows = [{image.numpy().tobytes() for image in part.images} for part in (training, judging)]
    assert not rows[0] & rows[1]


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    rates = [train_bundled._rate(step / 1000) for step in range(1001)]
    assert rates[0] == 0
    assert max(rates) == rates[100] == 1
    assert math.isclose(rates[-1], 0, abs_tol=1e-12)


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_same_seed_gives_the_same_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], epochs=1, batch_size=256))
    few = {part: digits(part).take(256) for part in ("train", "test")}
    monkeypatch.setattr(train_bundled, "digits", few.__getitem__)
    threads = torch.get_num_threads()
    try:
        for folder in ("a", "b"):
            main([name, "--seed", "5", "--out", str(tmp_path / folder)])
    finally:
        torch.set_num_threads(threads)
    first, second = (tmp_path / folder / f"{name}.safetensors" for folder in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    with safe_open(first, "pt") as file:
        facts = json.loads(file.metadata()["training"])
    assert facts["seed"] == 5
    assert name in facts["command"]
    assert f"{facts['test_accuracy']:.2%}" in capsys.readouterr().out


def test_an_unknown_network_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["resnet"])
    assert "expected some of digits-resnet20, digits-vit" in capsys.readouterr().err
