"""Intersection over union on maps that are easy to count, and against a count pixel by pixel."""

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.tasks.segmentation import IGNORED, POSITIONS, Segmentation, confusion

TASK = Segmentation()


def maps(*rows: list[list[int]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.uint8)


def judged(said: Tensor, meant: Tensor) -> tuple[float, ...]:
    data = ImageSet("maps", torch.zeros(len(said), 1, *said.shape[1:], dtype=torch.uint8), meant, (0.5,), (0.5,))
    return tuple(TASK.judged(said, data).values())


class Dense(nn.Module):
    """Classes by position: a 1x1 convolution, made smaller by `shrink`, in a dict as torchvision has it."""

    def __init__(self, shrink: int = 1) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 4, 1)
        self.pool = nn.AvgPool2d(shrink)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": self.pool(self.conv(x)), "aux": x}


def photos(size: int = 8) -> ImageSet:
    pixels = torch.randint(256, (5, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet("some", pixels, None, (0.5,) * 3, (0.5,) * 3)


@pytest.mark.parametrize(
    ("said", "meant", "miou", "pixels"),
    [
        (maps([[0, 1], [1, 1]]), maps([[0, 1], [1, 1]]), 1.0, 1.0),
        (maps([[0, 0], [1, 1]]), maps([[0, 1], [1, 1]]), (1 / 2 + 2 / 3) / 2, 0.75),
        (maps([[0, 0], [1, 1]]), maps([[IGNORED, 0], [IGNORED, 1]]), 1.0, 1.0),
        (maps([[2, 2], [2, 2]]), maps([[0, 0], [0, 0]]), 0.0, 0.0),
        (maps([[3, 0], [0, 0]]), maps([[0, 0], [0, 0]]), 0.75 / 2, 0.75),
        (maps([[0, 0], [0, 0]]), maps([[IGNORED] * 2] * 2), 0.0, 0.0),
        (
            maps([[0, 0], [0, 0]], [[1, 1], [1, 1]]),
            maps([[0, 0], [0, 1]], [[1, 1], [1, 1]]),
            (3 / 4 + 4 / 5) / 2,
            7 / 8,
        ),
    ],
)
def test_maps_that_are_counted_by_hand(said: Tensor, meant: Tensor, miou: float, pixels: float) -> None:
    assert judged(said, meant) == pytest.approx((miou, pixels))


def test_it_counts_as_a_walk_over_all_pixels_does() -> None:
    generator = torch.Generator().manual_seed(2)
    said = torch.randint(5, (4, 9, 7), generator=generator).to(torch.uint8)
    meant = torch.randint(6, (4, 9, 7), generator=generator).to(torch.uint8)
    meant[meant == 5] = IGNORED
    counts = torch.zeros(5, 5, dtype=torch.int64)
    for mine, theirs in zip(said.flatten().tolist(), meant.flatten().tolist(), strict=True):
        if theirs != IGNORED:
            counts[theirs, mine] += 1
    assert torch.equal(confusion(said, meant, 5), counts)
    shares = [counts[c, c].item() / (counts[c].sum() + counts[:, c].sum() - counts[c, c]).item() for c in range(5)]
    assert judged(said, meant)[0] == pytest.approx(sum(shares) / 5)


def test_a_network_agrees_with_itself() -> None:
    said = TASK.predict(Dense(), photos())
    assert set(TASK.agreed(said, said).values()) == {1.0}


@pytest.mark.parametrize("shrink", [1, 2])
def test_maps_have_the_size_of_the_image(shrink: int) -> None:
    assert TASK.predict(Dense(shrink), photos()).shape == (5, 8, 8)


def test_rows_are_positions_with_all_their_classes() -> None:
    network, batch = Dense(), photos().inputs()
    rows, logits = TASK.rows(network, batch), network(batch)["out"]
    assert rows.shape == (5 * 8 * 8, 4)
    assert torch.equal(rows[64 + 8 * 2 + 3], logits[1, :, 2, 3])
    assert rows.requires_grad


def test_rows_of_large_maps_are_thinned_out() -> None:
    rows = TASK.rows(Dense(), photos(3 * POSITIONS).inputs(torch.arange(1)))
    assert rows.shape == (POSITIONS**2, 4)


def test_a_network_that_says_one_class_an_image_is_refused() -> None:
    with pytest.raises(InputError, match=r"\[5, 2\]: expected \[N, classes, H, W\]"):
        TASK.rows(nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), photos().inputs())
