"""One class for each pixel: mean intersection over union, pixel accuracy, and both against the dense network's maps.

    IoU_c = TP_c / (TP_c + FP_c + FN_c)       over all pixels of all images; mIoU is its mean over the classes that
                                              stand in either map

Pixels with the label 255 count for nothing (they are outlines in VOC, and what was filled up at the border).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.measure.accuracy import telling_batches
from fcpts_core.silently import Shares, returned
from fcpts_core.tasks.task import Figures, main_output

IGNORED = 255
POSITIONS = 65
"""In each direction at most as many positions are compared while learning: maps are smooth, most is interpolated."""


@dataclass(frozen=True)
class Segmentation:
    name: str = "segmentation"
    measures: tuple[str, ...] = ("mIoU", "pixel accuracy")
    agreements: tuple[str, ...] = ("agreement mIoU", "pixel agreement")
    objectives: frozenset[str] | None = None

    def rows(self, network: nn.Module, batch: Tensor) -> Tensor:
        """Logits of positions on a grid, `[B x positions, classes]`."""
        logits = self._logits(network, batch)
        step = -(-max(logits.shape[2:]) // POSITIONS)
        return logits[:, :, ::step, ::step].movedim(1, -1).flatten(0, -2)

    def predict(self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None) -> Tensor:
        """The class of each position, uint8 `[N, H, W]`; a map of another size than the image is enlarged to it."""
        return returned(self.predicting(network, images, device))

    def predicting(
        self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None
    ) -> Shares[Tensor]:
        size = images.images.shape[2:]

        def classes(batch: Tensor) -> Tensor:
            logits = self._logits(network, batch)
            if logits.shape[2:] != size:
                logits = nn.functional.interpolate(logits, size, mode="bilinear")
            return logits.argmax(dim=1).to(torch.uint8).cpu()

        return torch.cat((yield from telling_batches(network, images, classes, device=device)))

    def labelled(self, images: ImageSet) -> bool:
        return images.labels is not None and images.labels.ndim == 3

    def judged(self, said: Tensor, images: ImageSet) -> Figures:
        assert images.labels is not None
        return dict(zip(self.measures, _scores(said, images.labels), strict=True))

    def agreed(self, said: Tensor, others: Tensor) -> Figures:
        return dict(zip(self.agreements, _scores(said, others), strict=True))

    def _logits(self, network: nn.Module, batch: Tensor) -> Tensor:
        logits = main_output(network(batch))
        if logits.ndim != 4:
            raise InputError(
                f"The network returns the shape {list(logits.shape)}: expected [N, classes, H, W] for segmentation."
            )
        return logits


def confusion(said: Tensor, meant: Tensor, classes: int) -> Tensor:
    """Counts `[classes, classes]`: row the class that is meant, column the one that is said; 255 is left out."""
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    for mine, theirs in zip(said, meant, strict=True):  # one map at a time: as int64 all of them would be large
        known = theirs != IGNORED
        pairs = theirs[known].to(torch.int64) * classes + mine[known].to(torch.int64)
        counts += torch.bincount(pairs, minlength=classes * classes)
    return counts.view(classes, classes)


def _scores(said: Tensor, meant: Tensor) -> tuple[float, float]:
    """mIoU and the share of equal pixels; 0 where there is no pixel to judge by."""
    known = meant[meant != IGNORED]
    classes = 1 + max(int(said.max()), int(known.max()) if len(known) else 0)
    counts = confusion(said, meant, classes).double()
    right, union = counts.diag(), counts.sum(0) + counts.sum(1) - counts.diag()
    there = union > 0
    if not bool(there.any()):
        return 0.0, 0.0
    return float((right[there] / union[there]).mean()), float(right.sum() / counts.sum())
