"""Random views: every one is a window of the padded image, mirrored or not, and the generator decides alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fcpts_core.data.augment import augment
from fcpts_core.errors import InputError

BLACK = torch.tensor([-1.0, -2.0, -3.0])


@pytest.fixture
def batch() -> Tensor:
    return torch.randn(40, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def windows(image: Tensor, border: str, margin: int) -> list[Tensor]:
    """All crops of one padded image `[C, H, W]`, by slicing."""
    if border == "reflect":
        padded = F.pad(image[None], (margin,) * 4, mode="reflect")[0]
    else:
        padded = torch.stack(
            [F.pad(plane, (margin,) * 4, value=float(v)) for plane, v in zip(image, BLACK, strict=True)]
        )
    size = image.shape[1]
    shifts = range(2 * margin + 1)
    return [padded[:, y : y + size, x : x + size] for y in shifts for x in shifts]


@pytest.mark.parametrize("border", ["reflect", "black"])
@pytest.mark.parametrize("padding", [None, 1])
def test_a_crop_is_a_window_of_the_padded_image(batch: Tensor, border: str, padding: int | None) -> None:
    views = augment(batch, "crop", generator=seeded(), border=border, padding=padding, black=BLACK)
    for view, image in zip(views, batch, strict=True):
        assert any(torch.equal(view, window) for window in windows(image, border, padding or 2))
    moved = sum(not torch.equal(view, image) for view, image in zip(views, batch, strict=True))
    assert moved > 20


def test_every_window_comes_up() -> None:
    image = torch.randn(1, 3, 8, 8)
    views = augment(image.expand(400, -1, -1, -1), "crop", generator=seeded())
    found = [
        next(i for i, window in enumerate(windows(image[0], "reflect", 1)) if torch.equal(v, window)) for v in views
    ]
    assert min(torch.bincount(torch.tensor(found), minlength=9)) > 20


def test_a_flip_mirrors_about_half_of_the_images(batch: Tensor) -> None:
    views = augment(batch, "flip", generator=seeded())
    mirrored = [torch.equal(view, image.flip(2)) for view, image in zip(views, batch, strict=True)]
    same = [torch.equal(view, image) for view, image in zip(views, batch, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 10 < sum(mirrored) < 30


def test_nothing_is_nothing(batch: Tensor) -> None:
    assert augment(batch, "none", generator=seeded()) is batch


def test_the_same_seed_gives_the_same_views(batch: Tensor) -> None:
    first, again, other = (augment(batch, "crop-flip", generator=seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_batch_itself_stays_as_it_was(batch: Tensor) -> None:
    before = batch.clone()
    augment(batch, "crop-flip", generator=seeded(), border="black", black=BLACK)
    assert torch.equal(batch, before)


@pytest.mark.parametrize(("how", "border"), [("mirror", "reflect"), ("crop", "grey")])
def test_unknown_words_are_refused(batch: Tensor, how: str, border: str) -> None:
    with pytest.raises(InputError, match="expected one of none, flip, crop, crop-flip with one of reflect, black"):
        augment(batch, how, generator=seeded(), border=border)
