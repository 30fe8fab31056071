"""Which images a run gets: its own, those of a name or a folder with parts, those of the model, or synthetic ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fcpts_core.data import synthetic
from fcpts_core.data.transform import Transform
from fcpts_core.engine.chosen_images import Chosen, chosen_images, transform_of
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError
from fcpts_core.models.cards import LoadedModel, load_model


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model("digits-resnet20")


def choose(loaded: LoadedModel, labelled: bool = False, **changes: Any) -> Chosen:
    return chosen_images(RunConfig(**changes), loaded, labelled)


def put(folder: Path, count: int, side: int = 16) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        (folder / str(index % 10)).mkdir(exist_ok=True)
        Image.fromarray(np.full((side, side, 3), index, dtype=np.uint8)).save(folder / str(index % 10) / f"{index}.png")
    return folder


def test_a_bundled_model_has_its_own(loaded: LoadedModel) -> None:
    plain, named = choose(loaded), choose(loaded, data="digits")
    assert (len(plain.calibration), plain.calibration.labels) == (1024, None)
    assert torch.equal(plain.calibration.images, named.calibration.images)
    assert plain.test is not None
    assert named.test is not None
    assert (len(plain.test), len(named.test)) == (500, 500)
    assert plain.notes == named.notes == ()
    assert choose(loaded, labelled=True).calibration.labels is not None


def test_a_folder_with_parts_gives_both(loaded: LoadedModel, tmp_path: Path) -> None:
    put(tmp_path / "train", 12)
    put(tmp_path / "val", 5)
    chosen = choose(loaded, data=str(tmp_path), calibration_size=11)
    assert chosen.test is not None
    assert (len(chosen.calibration), len(chosen.test)) == (11, 5)
    assert chosen.test.labels is not None
    assert chosen.test.labels.tolist() == [0, 1, 2, 3, 4]


def test_a_folder_without_parts_is_for_calibration(loaded: LoadedModel, tmp_path: Path) -> None:
    chosen = choose(loaded, data=str(put(tmp_path / "photos", 3)))
    assert (len(chosen.calibration), chosen.test) == (3, None)


def test_what_is_given_by_itself_goes_before_the_data(loaded: LoadedModel, tmp_path: Path) -> None:
    chosen = choose(loaded, data="digits", images=str(put(tmp_path / "photos", 3)))
    assert chosen.test is not None
    assert (len(chosen.calibration), len(chosen.test)) == (3, 500)


def test_data_of_other_classes_has_no_labels_and_says_so(loaded: LoadedModel) -> None:
    chosen = choose(replace(loaded, classes=7), data="digits")
    assert chosen.test is not None
    assert chosen.test.labels is None
    assert chosen.notes == ("The classes of digits are not the model's: only agreement is measured.",)


def test_synthetic_calibration_is_told(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "STEPS", 1)
    chosen = choose(loaded, data="synthetic", calibration_size=4)
    assert chosen.test is not None
    assert (len(chosen.calibration), len(chosen.test)) == (4, 500)
    assert chosen.notes == (synthetic.NOTE,)


@pytest.mark.parametrize("name", ["cifar", "../elsewhere/x", "nothing.zip"])
def test_data_that_is_not_there_is_refused(loaded: LoadedModel, name: str) -> None:
    with pytest.raises(InputError, match=r"There is no"):
        choose(loaded, data=name)


def test_a_run_may_change_the_model_s_transform() -> None:
    own = Transform(256, 224, (0.5,) * 3, (0.5,) * 3, enlarge=False)
    assert transform_of(RunConfig(), own) == own
    changed = transform_of(RunConfig(resize=0, crop=100, mean=(0.1,) * 3, std=(0.2,) * 3), own)
    assert (changed.resize, changed.crop, changed.mean, changed.std) == (None, 100, (0.1,) * 3, (0.2,) * 3)
    assert transform_of(RunConfig(resize=300), own).resize == 300


def test_another_crop_is_another_size(loaded: LoadedModel, tmp_path: Path) -> None:
    chosen = choose(loaded, images=str(put(tmp_path / "photos", 2, 40)), crop=24, resize=32)
    assert chosen.calibration.images.shape == (2, 3, 24, 24)
