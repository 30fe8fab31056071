"""Average precision on boxes that are easy to count, and against the definition in its plainest form."""

from collections.abc import Sequence

import pytest
import torch

from fcpts_core.data.boxes import Boxes
from fcpts_core.tasks.boxes import OVERLAPS, Found, match, mean_average_precision, overlap

Corners = tuple[float, float, float, float]
A, B, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (50.0, 50.0, 60.0, 60.0)


def found(*rows: tuple[int, float, Corners]) -> Found:
    ranked = sorted(rows, key=lambda row: -row[1])
    return Found(
        torch.tensor([corners for _, _, corners in ranked]).reshape(-1, 4),
        torch.tensor([label for label, _, _ in ranked], dtype=torch.int64),
        torch.tensor([score for _, score, _ in ranked]),
    )


def meant(*rows: tuple[int, Corners, bool]) -> Boxes:
    return Boxes.of(list(rows))


def average_precision(said: Sequence[Found], truth: Sequence[Boxes], label: int, least: float) -> float:
    """By walking through all answers, surest first, and taking the best precision right of each recall."""
    answers = sorted(
        (
            (-float(score), image, corners)
            for image, one in enumerate(said)
            for corners, kind, score in zip(one.corners, one.classes, one.scores, strict=True)
            if int(kind) == label
        ),
        key=lambda answer: answer[0],
    )
    asked = sum(int(((one.classes == label) & ~one.difficult).sum()) for one in truth)
    taken: set[tuple[int, int]] = set()
    points, right, wrong = [], 0, 0
    for _, image, corners in answers:
        best, choice = least, None
        for index, (other, kind) in enumerate(zip(truth[image].corners, truth[image].classes, strict=True)):
            share = float(overlap(corners[None], other[None]))
            if int(kind) == label and (image, index) not in taken and share >= best:
                best, choice = share, index
        if choice is not None:
            taken.add((image, choice))
        right, wrong = right + (choice is not None), wrong + (choice is None)
        points.append((right / asked, right / (right + wrong)))
    steps = [max([p for r, p in points if r >= step / 100], default=0.0) for step in range(101)]
    return sum(steps) / 101


def test_overlaps_counted_by_hand() -> None:
    boxes = torch.tensor([A, (5.0, 0.0, 15.0, 10.0), FAR])
    assert overlap(boxes, torch.tensor([A])).squeeze(1).tolist() == pytest.approx([1, 1 / 3, 0])
    assert overlap(torch.tensor([[1.0, 1.0, 1.0, 5.0]]), torch.tensor([A])).item() == 0


def test_everything_found_is_one_whatever_the_overlap() -> None:
    said, truth = [found((1, 0.9, A), (2, 0.8, B))], [meant((1, A, False), (2, B, False))]
    assert mean_average_precision(said, truth) == dict.fromkeys(OVERLAPS, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("said", "truth", "expected"),
    [
        ([found()], [meant((1, A, False))], 0.0),
        ([found((1, 0.9, A))], [meant()], 0.0),
        ([found((1, 0.9, FAR), (1, 0.8, A))], [meant((1, A, False))], 0.5),
        ([found((1, 0.9, A), (1, 0.8, A))], [meant((1, A, False))], 1.0),
        ([found((1, 0.9, A))], [meant((1, A, False), (1, B, False))], 51 / 101),
        ([found((2, 0.9, A))], [meant((1, A, False))], 0.0),
        ([found((1, 0.9, B), (1, 0.8, A))], [meant((1, A, False), (1, B, True))], 1.0),
        ([found((1, 0.9, B), (1, 0.8, B), (1, 0.7, A))], [meant((1, A, False), (1, B, True))], 1.0),
        ([found((1, 0.9, A)), found()], [meant((1, A, False)), meant((2, B, False))], 0.5),
    ],
)
def test_precisions_counted_by_hand(said: list[Found], truth: list[Boxes], expected: float) -> None:
    assert mean_average_precision(said, truth)[0.5] == pytest.approx(expected)


@pytest.mark.parametrize("least", [0.5, 0.75])
def test_random_boxes_are_judged_as_by_the_definition(least: float) -> None:
    generator = torch.Generator().manual_seed(4)

    def corners(count: int) -> list[Corners]:
        low = torch.randint(8, (count, 2), generator=generator).float()
        high = low + torch.randint(3, 9, (count, 2), generator=generator)
        return [tuple(row) for row in torch.cat([low, high], 1).tolist()]

    def one(count: int) -> Found:
        scores = torch.rand(count, generator=generator).tolist()
        return found(
            *[(1 + k % 2, score, box) for k, (score, box) in enumerate(zip(scores, corners(count), strict=True))]
        )

    said = [one(count) for count in (12, 0, 9, 15)]
    truth = [meant(*[(1 + k % 2, box, False) for k, box in enumerate(corners(count))]) for count in (6, 3, 0, 8)]
    expected = sum(average_precision(said, truth, label, least) for label in (1, 2)) / 2
    assert 0 < mean_average_precision(said, truth)[least] == pytest.approx(expected)


def test_a_box_is_taken_once() -> None:
    easy = torch.zeros(2, dtype=torch.bool)
    assert match(torch.tensor([A, A, B]), torch.tensor([A, B]), easy, 0.5) == [0, None, 1]
    assert match(torch.tensor([A]), torch.empty(0, 4), torch.empty(0, dtype=torch.bool), 0.5) == [None]
