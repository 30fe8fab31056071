"""What networks were trained on, made from pictures of any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fcpts_core.data.transform import Transform
from fcpts_core.models.torchvision_guard import import_torchvision

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def picture(height: int = 37, width: int = 53) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("sides", [(37, 53), (53, 37), (24, 24), (20, 90)])
def test_it_is_what_torchvision_publishes_with_its_weights(sides: tuple[int, int], interpolation: str) -> None:
    import_torchvision()
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    image = Image.fromarray(picture(*sides))
    theirs = ImageClassification(
        crop_size=24, resize_size=28, mean=MEAN, std=STD, interpolation=InterpolationMode(interpolation)
    )
    mine = Transform(28, 24, MEAN, STD, interpolation)
    torch.testing.assert_close(mine.apply(image), theirs(image))


def test_without_a_size_the_pixels_stay_as_they_are() -> None:
    values = picture()
    pixels = Transform(None, None, MEAN, STD).pixels(values)
    assert torch.equal(pixels, torch.from_numpy(values).permute(2, 0, 1))


def test_the_middle_is_cut_out() -> None:
    values = picture(227, 227)
    pixels = Transform(None, 224, MEAN, STD).pixels(values)
    # the half pixel left over goes to the even side, as in torchvision
    assert torch.equal(pixels, torch.from_numpy(values[2:226, 2:226]).permute(2, 0, 1))


def test_a_picture_that_covers_the_crop_need_not_be_enlarged() -> None:
    transform = Transform(30, 24, MEAN, STD, enlarge=False)
    values = picture(28, 26)
    assert torch.equal(transform.pixels(values), torch.from_numpy(values[2:26, 1:25]).permute(2, 0, 1))
    small, large = picture(20, 40), picture(40, 50)
    usual = Transform(30, 24, MEAN, STD)
    assert torch.equal(transform.pixels(small), usual.pixels(small))
    assert torch.equal(transform.pixels(large), usual.pixels(large))


def test_channels_can_be_wanted_the_other_way_round() -> None:
    values = picture()
    pixels = Transform(None, None, MEAN, STD, order="BGR").pixels(values)
    assert torch.equal(pixels, torch.from_numpy(values).permute(2, 0, 1).flip(0))


def test_by_the_longer_side_nothing_is_cut_off_and_the_rest_is_mean() -> None:
    transform = Transform(53, 60, (0.5,) * 3, (0.5,) * 3, fit="longer")
    pixels = transform.pixels(picture())
    assert pixels.shape == (3, 60, 60)
    assert torch.equal(pixels[:, :37, :53], torch.from_numpy(picture()).permute(2, 0, 1))
    assert transform.normalise(pixels)[:, 37:].abs().max() < 0.01


def test_grey_pictures_serve_networks_of_either_number_of_channels() -> None:
    grey = picture()[..., 0]
    assert Transform(20, 16, (0.5,), (0.5,)).apply(grey).shape == (1, 16, 16)
    assert Transform(20, 16, MEAN, STD).apply(grey[..., None]).shape == (3, 16, 16)


def test_without_antialiasing_only_the_nearest_pixels_count() -> None:
    values = np.zeros((64, 64, 3), dtype=np.uint8)
    values[::8] = 255  # far from the lines that are sampled
    transform = Transform(8, None, (0.5,) * 3, (0.5,) * 3, antialias=False)
    assert not transform.pixels(values).any()
