"""Masks beside pictures: classes for pixels that are moved with the picture and never mixed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fcpts_core.data.images import ImageSet, load_images
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

MEAN, STD = (0.5,) * 3, (0.5,) * 3


def halves(height: int = 8, width: int = 12) -> np.ndarray:
    """Class 1 on the left, 5 on the right."""
    values = np.ones((height, width), dtype=np.uint8)
    values[:, width // 2 :] = 5
    return values


def put(root: Path, name: str, values: np.ndarray, mode: str | None = None) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if mode == "P":
        image = Image.fromarray(values)
        image.putpalette(list(range(255, -1, -1)) * 3)
    image.save(path)


def load(path: Path, **changes: Any) -> ImageSet:
    transform = Transform(**{"resize": None, "crop": (8, 12), "mean": MEAN, "std": STD, **changes})
    return load_images(path, MEAN, STD, classes=6, transform=transform)


@pytest.mark.parametrize("mode", [None, "P"])
def test_values_are_classes_with_a_palette_too(tmp_path: Path, mode: str | None) -> None:
    put(tmp_path, "images/a.jpg", np.zeros((8, 12, 3), dtype=np.uint8))
    put(tmp_path, "masks/a.png", halves(), mode)
    labels = load(tmp_path).labels
    assert labels is not None
    assert torch.equal(labels, torch.from_numpy(halves())[None])


def test_masks_are_scaled_without_mixing_and_filled_up_with_255(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", np.zeros((8, 12, 3), dtype=np.uint8))
    put(tmp_path, "masks/a.png", halves())
    labels = load(tmp_path, resize=24, crop=24, fit="longer").labels
    assert labels is not None
    assert labels.shape == (1, 24, 24)
    assert set(labels[0, :16].unique().tolist()) == {1, 5}
    assert set(labels[0, 16:].unique().tolist()) == {255}
    assert (labels[0, :16, :12] == 1).all()


def test_an_image_without_a_mask_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", np.zeros((8, 12, 3), dtype=np.uint8))
    put(tmp_path, "masks/b.png", halves())
    with pytest.raises(InputError, match=r"1 of 1 images have no mask, such as images/a\.png"):
        load(tmp_path)


def test_a_mask_in_colours_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", np.zeros((8, 12, 3), dtype=np.uint8))
    put(tmp_path, "masks/a.png", np.zeros((8, 12, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="has colours: expected a grey picture"):
        load(tmp_path)


def test_a_damaged_mask_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", np.zeros((8, 12, 3), dtype=np.uint8))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.png").write_bytes(b"none")
    with pytest.raises(InputError, match=r"mask masks/a\.png cannot be read"):
        load(tmp_path)
