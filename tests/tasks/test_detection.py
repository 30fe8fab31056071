"""Detection on torchvision's own detectors with small backbones: what is compared, found and agreed on."""

import copy
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data.boxes import Boxes
from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.models.torchvision_guard import import_torchvision
from fcpts_core.models.torchvision_ops import nms
from fcpts_core.tasks.boxes import Found, overlap
from fcpts_core.tasks.detection import Detection

import_torchvision()

from torchvision.models.detection import FasterRCNN, RetinaNet  # noqa: E402
from torchvision.models.detection.anchor_utils import AnchorGenerator  # noqa: E402

TASK = Detection()
CLASSES = 4


class Backbone(nn.Module):
    out_channels = 8

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=8, padding=1)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict([("0", self.conv(x))])


def detector(kind: str) -> nn.Module:
    torch.manual_seed(0)
    size = {"min_size": 32, "max_size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    if kind == "one stage":
        anchors = AnchorGenerator(((8, 16),), ((1.0,),))
        return RetinaNet(Backbone(), CLASSES, anchor_generator=anchors, **size).eval()
    anchors = AnchorGenerator(((8, 16),), ((1.0,),))
    return FasterRCNN(Backbone(), CLASSES, rpn_anchor_generator=anchors, **size).eval()


KINDS = ("one stage", "two stages")


def images(boxes: tuple[Boxes, ...] | None = None) -> ImageSet:
    pixels = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet("some", pixels, None, (0.0,) * 3, (1.0,) * 3, boxes=boxes)


def found(*corners: tuple[float, float, float, float], label: int = 1, score: float = 0.9) -> Found:
    return Found(
        torch.tensor(corners).reshape(-1, 4), torch.full((len(corners),), label), torch.full((len(corners),), score)
    )


A, B, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (50.0, 50.0, 60.0, 60.0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns_from_the_raw_answers(kind: str) -> None:
    network = detector(kind)
    rows = TASK.rows(network, images().inputs())
    assert rows.ndim == 2
    rows.square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_network_gives_the_same_rows_and_another_gives_others(kind: str) -> None:
    network = detector(kind)
    other, batch = copy.deepcopy(network), images().inputs()
    assert torch.equal(TASK.rows(network, batch), TASK.rows(other, batch))
    with torch.no_grad():
        next(other.parameters()).zero_()
    assert not torch.equal(TASK.rows(network, batch), TASK.rows(other, batch))


@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_itself(kind: str) -> None:
    said = TASK.predict(detector(kind), images())
    assert len(said) == 2
    assert TASK.agreed(said, said) == {"box agreement": 1.0}


def test_agreement_counts_sure_boxes_of_one_class_that_overlap() -> None:
    def agreed(mine: Found, theirs: Found) -> float:
        return TASK.agreed([mine], [theirs])["box agreement"]

    assert agreed(found(A, B), found(A, FAR)) == 0.5
    assert agreed(found(A), found(A, B)) == pytest.approx(2 / 3)
    assert agreed(found(A), found(A, label=2)) == 0
    assert agreed(found(A), found(B, score=0.4)) == 0
    assert agreed(found(A, score=0.4), found(B, score=0.4)) == 1


def test_measures_are_those_of_the_boxes_that_are_meant() -> None:
    truth = (Boxes.of([(1, A, False)]), Boxes.of([(1, B, False)]))
    figures = TASK.judged((found(A), found(B)), images(truth))
    assert tuple(figures) == TASK.measures
    assert list(figures.values()) == pytest.approx([1.0] * 3)
    half = TASK.judged((found((0.0, 0.0, 10.0, 6.0)), found((20.0, 20.0, 30.0, 26.0))), images(truth))
    assert [half["AP50"], half["AP75"]] == pytest.approx([1, 0])


def test_what_is_no_detector_is_refused() -> None:
    with pytest.raises(InputError, match="Linear is no detector of a kind that can be taught"):
        TASK.rows(nn.Linear(3, 3), images().inputs())


def test_suppression_keeps_what_no_surer_box_covers() -> None:
    generator = torch.Generator().manual_seed(1)
    low = torch.rand(40, 2, generator=generator) * 20
    boxes = torch.cat([low, low + 2 + torch.rand(40, 2, generator=generator) * 10], dim=1)
    scores = torch.rand(40, generator=generator)
    kept: list[int] = []
    for index in scores.argsort(descending=True).tolist():
        if all(float(overlap(boxes[index : index + 1], boxes[other : other + 1])) <= 0.4 for other in kept):
            kept.append(index)
    assert 1 < len(kept) < 40
    assert nms(boxes, scores, 0.4).tolist() == kept
    assert nms(torch.empty(0, 4), torch.empty(0), 0.4).tolist() == []
