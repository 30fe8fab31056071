"""Boxes of objects, and how well two sets of them match. Corners are `xmin, ymin, xmax, ymax` in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.data.boxes import Boxes

OVERLAPS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
RECALLS = np.linspace(0, 1, 101)
MOST = 100
"""Boxes of one image that are looked at, the surest ones, as COCO does it."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector says of one image: `corners` `[K, 4]`, `classes` and `scores` `[K]`, surest first."""

    corners: Tensor
    classes: Tensor
    scores: Tensor


def overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union `[K, M]` of corners `[K, 4]` and `[M, 4]`; 0 where a box has no area."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    area, other = ((part[:, 2:] - part[:, :2]).clamp(min=0).prod(dim=1) for part in (boxes, others))
    union = area[:, None] + other[None, :] - common
    return torch.where(union > 0, common / union, torch.zeros_like(union))


def mean_average_precision(found: Sequence[Found], meant: Sequence[Boxes]) -> dict[float, float]:
    """AP of each overlap in `OVERLAPS`, a mean over the classes that stand in `meant`, COCO's rules; 0 without any.

    For each class the boxes of all images are taken surest first; one is right if it overlaps a box of that class that
    no surer one has taken. Precision is interpolated at 101 recalls. Difficult boxes are neither asked for nor wrong.
    """
    classes = sorted({int(label) for boxes in meant for label in boxes.classes[~boxes.difficult]})
    if not classes:
        return dict.fromkeys(OVERLAPS, 0.0)
    return {
        least: float(np.mean([_average_precision(found, meant, label, least) for label in classes]))
        for least in OVERLAPS
    }


def _average_precision(found: Sequence[Found], meant: Sequence[Boxes], label: int, least: float) -> float:
    scores: list[float] = []
    right: list[bool] = []
    asked = 0
    for said, boxes in zip(found, meant, strict=True):
        mine = torch.nonzero(said.classes[:MOST] == label).squeeze(1)
        theirs = boxes.classes == label
        corners, difficult = boxes.corners[theirs], boxes.difficult[theirs]
        asked += int((~difficult).sum())
        matched = match(said.corners[mine], corners, difficult, least)
        for index, hit in zip(mine.tolist(), matched, strict=True):
            if hit is None or not difficult[hit]:
                scores.append(float(said.scores[index]))
                right.append(hit is not None)
    order = np.argsort(-np.array(scores), kind="stable")
    return interpolated(np.array(right, dtype=bool)[order], asked)


def match(boxes: Tensor, others: Tensor, difficult: Tensor, least: float) -> list[int | None]:
    """For each of `boxes` `[K, 4]`, in order, the free one of `others` that it overlaps most; None below `least`.

    A difficult one may be taken again and again, and only where no other is left.
    """
    overlaps = overlap(boxes, others)
    free = torch.ones(len(others), dtype=torch.bool)
    found: list[int | None] = []
    for row in overlaps:
        choice = None
        for pool in (free & ~difficult, difficult):
            candidates = torch.where(pool, row, row.new_full((), -1.0))
            if choice is None and len(candidates) and float(candidates.max()) >= least:
                choice = int(candidates.argmax())
        if choice is not None:
            free[choice] = False
        found.append(choice)
    return found


def interpolated(right: NDArray[np.bool_], asked: int) -> float:
    """The mean over 101 recalls of the best precision at that recall or a higher one."""
    if not asked or not len(right):
        return 0.0
    hits = np.cumsum(right)
    recall, precision = hits / asked, hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return float(np.where(at < len(best), best[np.minimum(at, len(best) - 1)], 0.0).mean())
