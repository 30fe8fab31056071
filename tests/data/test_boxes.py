"""Boxes from a table, and that they go where their pictures go."""

import io
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from PIL import Image

from fcpts_core.data.boxes import VOC, VOC_IN_COCO, Boxes, by_table, label_of
from fcpts_core.data.images import load_images
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

MEAN, STD = (0.5,) * 3, (0.5,) * 3
HEAD = "file,class,xmin,ymin,xmax,ymax,difficult\n"


def read(rows: str, classes: int | None = 21) -> dict[PurePosixPath, Boxes]:
    return by_table("set", HEAD + rows, classes, PurePosixPath("boxes.csv"))


def test_rows_become_boxes_of_their_pictures() -> None:
    found = read("a.jpg,cat,1,2,30,40,0\na.jpg,person,5,6,7,8,1\nb.jpg,3,1,1,2,2,0\n")
    first = found[PurePosixPath("a.jpg")]
    assert first.classes.tolist() == [8, 15]
    assert first.corners.tolist() == [[1, 2, 30, 40], [5, 6, 7, 8]]
    assert first.difficult.tolist() == [False, True]
    assert found[PurePosixPath("b.jpg")].classes.tolist() == [3]


def test_classes_that_nobody_knows_are_left_out_but_their_picture_is_not() -> None:
    assert len(read("a.jpg,heater,1,2,30,40,0\n")[PurePosixPath("a.jpg")].classes) == 0


def test_names_of_voc_have_their_labels_among_voc_s_and_coco_s() -> None:
    assert label_of("tvmonitor", 21) == 20
    assert label_of("tvmonitor", 91) == 72
    assert label_of("person", 91) == 1
    assert len(set(VOC_IN_COCO)) == len(VOC) == 20
    assert list(VOC) == sorted(VOC)


@pytest.mark.parametrize(
    "row", ["a.jpg,cat,1,2,x,40,0", "a.jpg,cat,9,2,3,40,0", "a.jpg,cat,1,2,nan,40,0", "a.jpg,cat,1,2"]
)
def test_a_row_without_a_box_is_refused(row: str) -> None:
    with pytest.raises(InputError, match="no box in line 2: expected numbers with xmin < xmax"):
        read(f"{row}\n")


def test_a_table_of_other_columns_is_refused() -> None:
    with pytest.raises(InputError, match="has the columns file, box: expected file, class, xmin"):
        by_table("set", "file,box\n", None, PurePosixPath("boxes.csv"))


@pytest.mark.parametrize(
    "transform",
    [
        Transform(None, (60, 90), MEAN, STD),
        Transform(48, 40, MEAN, STD),
        Transform(64, 64, MEAN, STD, fit="longer"),
        Transform(30, (50, 70), MEAN, STD),
        Transform(100, 40, MEAN, STD, enlarge=False),
    ],
)
def test_a_box_goes_where_its_picture_goes(tmp_path: Path, transform: Transform) -> None:
    pixels = np.zeros((60, 90, 3), dtype=np.uint8)
    pixels[20:40, 36:60] = 255
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "png")
    (tmp_path / "a.png").write_bytes(target.getvalue())
    (tmp_path / "boxes.csv").write_text(f"{HEAD}a.png,cat,36,20,60,40,0\n")
    images = load_images(tmp_path, MEAN, STD, classes=21, transform=transform)
    assert images.boxes is not None
    # what is filled up is grey, the box alone is brighter
    bright = torch.nonzero(images.images[0, 0] > 140)
    seen = [*bright.min(0).values.flip(0).tolist(), *(bright.max(0).values.flip(0) + 1).tolist()]
    assert images.boxes[0].corners[0].tolist() == pytest.approx(seen, abs=1.1)


def test_what_is_cut_off_is_left_out() -> None:
    boxes = Boxes.of([(1, (0.0, 0.0, 5.0, 5.0), False), (2, (20.0, 5.0, 30.0, 15.0), False)])
    kept = boxes.prepared(Transform(None, (20, 20), MEAN, STD), 20, 50)
    assert kept.classes.tolist() == [2]
    assert kept.corners.tolist() == [[5, 5, 15, 15]]
