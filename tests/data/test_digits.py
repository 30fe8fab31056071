"""The bundled digits: the same pixels as scikit-learn's, a split without overlap, and no labels for calibration."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from fcpts_core.data.digits import PARTS, digits
from fcpts_core.errors import InputError


@pytest.fixture(scope="module")
def originals() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits `[1797, 8, 8]` on the 0..1 scale and their labels."""
    found = load_digits()
    return torch.from_numpy(found.images).float() / 16, torch.from_numpy(found.target)


def as_rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def labelled(images: Tensor, labels: Tensor) -> set[bytes]:
    """Label and pixels of each image `[H, W]`."""
    return {bytes([label]) + image.numpy().tobytes() for image, label in zip(images, labels.tolist(), strict=True)}


def test_sizes_and_balance() -> None:
    train, test = digits("train"), digits("test")
    assert (len(train), len(test)) == (1297, 500)
    assert train.images.shape[1:] == (3, 16, 16)
    assert test.labels is not None
    assert test.labels.bincount().tolist() == [50] * 10


def test_no_test_image_is_in_training_or_calibration() -> None:
    test, train, calibration = (as_rows(digits(part).images) for part in ("test", "train", "calibration"))
    assert not test & train
    assert train == calibration


def test_calibration_is_the_training_set_without_labels() -> None:
    assert digits("calibration").labels is None
    assert torch.equal(digits("calibration").images, digits("train").images)


def test_the_first_images_are_about_balanced_by_class() -> None:
    labels = digits("train").labels
    assert labels is not None
    assert labels[:100].bincount(minlength=10).min() >= 5


def test_pixels_are_the_bilinear_enlargement_of_the_originals(originals: tuple[Tensor, Tensor]) -> None:
    small, labels = originals
    large = 255 * F.interpolate(small[:, None], scale_factor=2, mode="bilinear", align_corners=False)[:, 0]
    found: set[bytes] = set()
    for part in ("train", "test"):
        images = digits(part)
        assert images.labels is not None
        assert torch.equal(images.images, images.images[:, :1].expand(-1, 3, -1, -1))
        found |= labelled(images.images[:, 0], images.labels)
    assert found == labelled((large + 0.5).byte(), labels)
    assert len(found) == 1797


def test_mean_and_std_are_those_of_the_training_images() -> None:
    inputs = digits("train").inputs()
    assert abs(inputs.mean()) < 0.01
    assert abs(inputs.std() - 1) < 0.01


def test_digits_are_not_mirrored() -> None:
    assert not any(digits(part).flippable for part in PARTS)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InputError, match="expected one of train, calibration, test"):
        digits("validation")
