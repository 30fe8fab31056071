"""Boxes around objects: COCO's mean average precision, and how many boxes two networks have in common.

While learning, the raw answers of torchvision's heads are compared, box by box of the anchors, before anything is
chosen or suppressed: class logits and box regressions. A network in two stages says them of its anchors, then of one
fixed grid of regions, the same for both networks, since each network's own proposals would differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.measure.accuracy import telling_batches
from fcpts_core.models.torchvision_ops import ensure_suppression
from fcpts_core.silently import Shares, returned
from fcpts_core.tasks.boxes import MOST, Found, match, mean_average_precision
from fcpts_core.tasks.task import Figures

SURE = 0.5
"""Scores from which boxes count for the agreement."""

REGIONS = (1, 2, 4)
"""The grid of regions: the whole image, and as many in each direction."""


@dataclass(frozen=True)
class Detection:
    name: str = "detection"
    measures: tuple[str, ...] = ("mAP", "AP50", "AP75")
    agreements: tuple[str, ...] = ("box agreement",)
    objectives: frozenset[str] | None = frozenset({"logits", "blocks", "blocks-mse", "blocks+logits", "blocks+soft"})

    def rows(self, network: nn.Module, batch: Tensor) -> Tensor:
        """Every number of the raw answers, `[R, 1]`."""
        parts = _raw(network, batch)
        return torch.cat([part.flatten() for part in parts]).unsqueeze(1)

    def predict(
        self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None
    ) -> tuple[Found, ...]:
        return returned(self.predicting(network, images, device))

    def predicting(
        self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None
    ) -> Shares[tuple[Found, ...]]:
        def boxes(batch: Tensor) -> list[Found]:
            return [_found(one) for one in network(list(batch))]

        ensure_suppression()
        parts = yield from telling_batches(network, images, boxes, device=device)
        return tuple(one for part in parts for one in part)

    def labelled(self, images: ImageSet) -> bool:
        return images.boxes is not None

    def judged(self, said: Sequence[Found], images: ImageSet) -> Figures:
        assert images.boxes is not None
        precisions = mean_average_precision(said, images.boxes)
        return {
            "mAP": sum(precisions.values()) / len(precisions),
            "AP50": precisions[0.5],
            "AP75": precisions[0.75],
        }

    def agreed(self, said: Sequence[Found], others: Sequence[Found]) -> Figures:
        """`2 M / (A + B)`: of the boxes that either is sure of, how many match one of the other's, IoU 0.5 at least."""
        matched = total = 0
        for mine, theirs in zip(said, others, strict=True):
            mine, theirs = _sure(mine), _sure(theirs)
            total += len(mine.classes) + len(theirs.classes)
            for label in mine.classes.unique():
                pair = mine.corners[mine.classes == label], theirs.corners[theirs.classes == label]
                easy = torch.zeros(len(pair[1]), dtype=torch.bool)
                matched += sum(hit is not None for hit in match(*pair, easy, 0.5))
        return {"box agreement": 2 * matched / total if total else 1.0}


def _found(answer: Mapping[str, Tensor]) -> Found:
    order = answer["scores"].argsort(descending=True, stable=True)[:MOST].cpu()
    return Found(*(answer[name].detach().cpu()[order] for name in ("boxes", "labels", "scores")))


def _sure(found: Found) -> Found:
    chosen = found.scores >= SURE
    return Found(found.corners[chosen], found.classes[chosen], found.scores[chosen])


def _raw(network: nn.Module, batch: Tensor) -> list[Tensor]:
    """What the heads of a torchvision detector say of a batch."""
    if not all(isinstance(getattr(network, name, None), nn.Module) for name in ("transform", "backbone")):
        raise InputError(
            f"{type(network).__name__} is no detector of a kind that can be taught: expected torchvision's SSD, "
            "RetinaNet, FCOS or Faster R-CNN."
        )
    ensure_suppression()
    parts: Any = network
    images, _ = parts.transform(list(batch))
    features = parts.backbone(images.tensors)
    if isinstance(features, Tensor):
        features = {"0": features}
    if hasattr(parts, "roi_heads"):
        objectness, deltas = parts.rpn.head(list(features.values()))
        return [*objectness, *deltas, *_regions(parts.roi_heads, features, images.image_sizes)]
    return list(parts.head(list(features.values())).values())


def _regions(heads: Any, features: Mapping[str, Tensor], sizes: Sequence[tuple[int, int]]) -> tuple[Tensor, ...]:
    some = next(iter(features.values()))
    proposals = [_grid(height, width).to(some) for height, width in sizes]
    said = heads.box_predictor(heads.box_head(heads.box_roi_pool(features, proposals, sizes)))
    return tuple(said)


def _grid(height: int, width: int) -> Tensor:
    """Corners `[K, 4]` of regions side by side, at every scale of `REGIONS`."""
    rows = []
    for count in REGIONS:
        high, wide = height / count, width / count
        rows += [(wide * x, high * y, wide * (x + 1), high * (y + 1)) for y in range(count) for x in range(count)]
    return torch.tensor(rows)
