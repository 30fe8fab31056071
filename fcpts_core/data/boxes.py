"""Boxes around objects, from a table beside the pictures, and what becomes of them when pictures are prepared."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import PurePosixPath

import torch
from torch import Tensor

from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

TABLE = "boxes.csv"
COLUMNS = ("file", "class", "xmin", "ymin", "xmax", "ymax")
# fmt: off
VOC = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
"""The classes of PASCAL VOC; their labels are 1 to 20, after the background."""

VOC_IN_COCO = (5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72)
"""The label of each among the 91 of COCO."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """The objects of one image: corners float32 `[K, 4]` in pixels, classes int64 `[K]`, difficult bool `[K]`."""

    corners: Tensor
    classes: Tensor
    difficult: Tensor

    @classmethod
    def of(cls, rows: list[tuple[int, tuple[float, float, float, float], bool]]) -> Boxes:
        """From class, corners and difficulty of each object."""
        return cls(
            torch.tensor([corners for _, corners, _ in rows]).reshape(-1, 4),
            torch.tensor([label for label, _, _ in rows], dtype=torch.int64),
            torch.tensor([hard for _, _, hard in rows], dtype=torch.bool),
        )

    def prepared(self, transform: Transform, height: int, width: int) -> Boxes:
        """The same on the picture that `transform` makes of one of this size; what is cut off is left out."""
        scale_y, scale_x, down, right = placement(transform, height, width)
        moved = self.corners * torch.tensor([scale_x, scale_y] * 2) + torch.tensor([right, down] * 2)
        if transform.size is not None:
            high, wide = transform.size
            moved = moved.clamp(min=0).minimum(torch.tensor([wide, high] * 2, dtype=moved.dtype))
        there = ((moved[:, 2:] - moved[:, :2]) > 0).all(dim=1)
        return Boxes(moved[there], self.classes[there], self.difficult[there])


def label_of(name: str, classes: int | None) -> int | None:
    """The label of a class that is a number or VOC's name, for a network of so many labels; None where it has none."""
    if name.strip().isdecimal():
        return int(name)
    if name not in VOC:
        return None
    place = VOC.index(name)
    return VOC_IN_COCO[place] if classes is not None and classes > len(VOC) + 1 else place + 1


def by_table(source: str, text: str, classes: int | None, table: PurePosixPath) -> dict[PurePosixPath, Boxes]:
    """The boxes of every picture in a table of `COLUMNS` and perhaps `difficult`; unknown classes are left out."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise InputError(
            f"{TABLE} of {source} has the columns {', '.join(rows.fieldnames or ()) or 'nothing'}: expected "
            f"{', '.join(COLUMNS)} and perhaps difficult in its first line."
        )
    found: dict[PurePosixPath, list[tuple[int, tuple[float, float, float, float], bool]]] = {}
    for number, row in enumerate(rows, 2):
        boxes = found.setdefault(table.parent / (row["file"] or "").replace("\\", "/"), [])
        label = label_of(row["class"] or "", classes)
        if label is None:
            continue
        try:
            left, top, right, bottom = (float(row[name] or "") for name in COLUMNS[2:])
            if not (math.isfinite(left + top + right + bottom) and left < right and top < bottom):
                raise ValueError
        except ValueError:
            raise InputError(
                f"{TABLE} of {source} has no box in line {number}: expected numbers with xmin < xmax and ymin < ymax."
            ) from None
        boxes.append((label, (left, top, right, bottom), (row.get("difficult") or "0").strip() not in ("0", "")))
    return {path: Boxes.of(boxes) for path, boxes in found.items()}


def placement(transform: Transform, height: int, width: int) -> tuple[float, float, int, int]:
    """Factors for rows and columns, then how far down and right the picture is moved, as `Transform.pixels` does it."""
    high, wide = transform.scaled_size(height, width)
    return high / height, wide / width, *transform.offset(high, wide)
