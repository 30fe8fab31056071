"""Non-maximum suppression without compiled operators, for installations whose torchvision has none that load.

Boxes are taken surest first; each takes away those that overlap it by more than the threshold (IoU).
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import Tensor

from fcpts_core.models.torchvision_guard import import_torchvision


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes `[K, 4]` that are kept, surest first, as `torchvision.ops.nms` returns them."""
    corners = boxes.detach().cpu().double().numpy()
    order = scores.detach().cpu().argsort(descending=True, stable=True).numpy()
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(corners[best, :2], corners[order, :2])
        high = np.minimum(corners[best, 2:], corners[order, 2:])
        common = (high - low).clip(min=0).prod(axis=1)
        order = order[common <= iou_threshold * (areas[best] + areas[order] - common)]
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def ensure_suppression() -> None:
    """Makes torchvision's detectors work where its own operator does not load."""
    torchvision = import_torchvision()
    if torchvision.extension._has_ops() or torchvision.ops.boxes.nms is nms:
        return
    torchvision.ops.boxes.nms = nms
    pooling = sys.modules["torchvision.ops.roi_align"]
    # torchvision would have its plain version compiled, which takes a minute and a compiler
    pooling._roi_align = getattr(pooling._roi_align, "__wrapped__", pooling._roi_align)  # type: ignore[attr-defined]
