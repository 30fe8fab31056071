"""A set of images as a network takes them: bytes `[N, C, H, W]`, perhaps labels `[N]`, and the normalisation.

inputs = (images / 255 - mean) / std        one mean and one std a channel, on the 0..1 scale
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from fcpts_core.data import archive, folder
from fcpts_core.data.boxes import Boxes
from fcpts_core.data.folder import Content, Wanted
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """`images` is uint8 `[N, C, H, W]`; `skipped` counts files that could not be read.

    What is known of them: `labels` is int64 `[N]`, a class for each image, or uint8 `[N, H, W]`, one for each pixel
    with 255 for none; `boxes` holds the objects of each, `[N]`.

    `flippable` says whether a mirror image is still an image of the same kind (a photograph is, a digit is not).
    With `channels_last` the inputs lie in memory pixel by pixel, as fast kernels want them; they are the same numbers.
    """

    name: str
    images: Tensor
    labels: Tensor | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flippable: bool = True
    skipped: int = 0
    boxes: tuple[Boxes, ...] | None = None
    channels_last: bool = False

    def __post_init__(self) -> None:
        channels = self.images.shape[1]
        for word, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != channels:
                raise InputError(
                    f"The {word} has {len(values)} number(s), the images of {self.name} have {channels} channel(s): "
                    f"expected one number a channel."
                )
            if not all(math.isfinite(value) for value in values):
                raise InputError(f"The {word} is {_numbers(values)}: expected finite numbers on the 0..1 scale.")
        if min(self.std) <= 0:
            raise InputError(f"The std is {_numbers(self.std)}: expected numbers above 0.")

    def __len__(self) -> int:
        return self.images.shape[0]

    @property
    def black(self) -> Tensor:
        """What a black pixel is after normalisation, `[C]`."""
        return -torch.tensor(self.mean) / torch.tensor(self.std)

    def inputs(self, indices: Tensor | None = None) -> Tensor:
        """Normalised float32 `[K, C, H, W]` of the images at `indices`, of all of them without."""
        chosen = self.images if indices is None else self.images[indices]
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return self.arranged((chosen.float() / 255 - mean) / std)

    def arranged(self, batch: Tensor) -> Tensor:
        """The same batch `[B, C, H, W]`, in memory as the inputs of this set are to be."""
        return batch.contiguous(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)

    def take(self, count: int) -> ImageSet:
        """The first `count` images, all of them where there are fewer."""
        return self._part(slice(count))

    def without(self, count: int) -> ImageSet:
        """All but the first `count` images."""
        return self._part(slice(count, None))

    def _part(self, part: slice) -> ImageSet:
        labels = None if self.labels is None else self.labels[part]
        boxes = None if self.boxes is None else self.boxes[part]
        return replace(self, images=self.images[part], labels=labels, boxes=boxes)

    def without_labels(self) -> ImageSet:
        return replace(self, labels=None, boxes=None)


def load_images(
    path: str | Path,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    classes: int | None = None,
    channels: int = 3,
    size: tuple[int, int] | None = None,
    flippable: bool = True,
    transform: Transform | None = None,
    limit: int | None = None,
) -> ImageSet:
    """The images of an `.npz` file (see `archive`), of a folder or of a zip (see `folder`), for this network.

    Pictures are prepared by `transform`, without one brought to `size`, the network's height and width; an array must
    have that size already. No more than `limit` images are read, of each class as many where folders tell classes.
    Labels, where there are any, must be below `classes`. Whatever does not fit is an InputError.
    """
    source = Path(path)
    if not os.path.exists(source):
        raise InputError(f"There is no {source}: expected an .npz file, a folder of images or a zip of them.")
    kind = "folder" if source.is_dir() else source.suffix.lower()
    if kind in ("folder", ".zip"):
        found = folder.read(source, Wanted(channels, size, classes, transform, limit))
    elif kind == ".npz":
        found = Content(*archive.read(source, channels, size))
    else:
        raise InputError(
            f"{source} is neither an .npz file nor a folder of images nor a zip of them: pass one of these."
        )
    if found.labels is not None and found.labels.ndim != 3:
        _check_labels(source, found.labels, len(found.images), classes)
    return ImageSet(
        source.resolve().name,
        found.images,
        found.labels,
        tuple(mean),
        tuple(std),
        flippable,
        found.skipped,
        found.boxes,
    )


def _check_labels(source: Path, labels: Tensor, count: int, classes: int | None) -> None:
    if labels.shape != (count,):
        raise InputError(
            f"{source} has {count} images, but labels of shape {list(labels.shape)}: expected one label an image."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes is not None and high >= classes):
        top = "" if classes is None else f" to {classes - 1}, since the model has {classes} classes"
        raise InputError(f"{source} has labels from {low} to {high}: expected labels from 0{top}.")


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
