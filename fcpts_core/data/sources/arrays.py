"""Sets that come as arrays of bytes: the bundled digits, and CIFAR in its binary form.

A record of CIFAR-10 is a byte of label and 3,072 bytes of pixels, red, green, blue, each 32x32 row by row; CIFAR-100
has two bytes of labels, the coarse and the fine one. CIFAR's version "for Python" is pickled, so reading it would run
whatever code it holds: it is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fcpts_core.data.digits import digits
from fcpts_core.data.folder import Content, Wanted
from fcpts_core.errors import InputError

SIDE = 32
PIXELS = 3 * SIDE * SIDE


def read_digits(directory: Path, part: str, wanted: Wanted) -> Content:
    found = digits(part)
    return fitting("digits", found.images, found.labels, wanted)


@dataclass(frozen=True)
class Binary:
    """The files of one CIFAR set; `label_bytes` before each image, the last one of which counts."""

    name: str
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int

    def files(self, directory: Path, part: str) -> list[Path]:
        """Where they lie: in the folder that the archive makes, or without it."""
        inside = directory / self.folder
        return [
            (inside if inside.is_dir() else directory) / name for name in (self.test if part == "test" else self.train)
        ]

    def is_there(self, directory: Path) -> bool:
        return all(file.is_file() for part in ("train", "test") for file in self.files(directory, part))

    def read(self, directory: Path, part: str, wanted: Wanted) -> Content:
        rows = np.concatenate([self._rows(file) for file in self.files(directory, part)])
        labels = torch.from_numpy(rows[:, self.label_bytes - 1].astype(np.int64))
        images = torch.from_numpy(rows[:, self.label_bytes :].reshape(-1, 3, SIDE, SIDE))
        return fitting(self.name, images, labels, wanted)

    def _rows(self, file: Path) -> np.ndarray:
        length = self.label_bytes + PIXELS
        try:
            values = np.fromfile(file, dtype=np.uint8)
        except OSError as error:
            raise InputError(
                f"{file} cannot be read ({error.strerror or error}): download {self.name} again."
            ) from None
        if len(values) == 0 or len(values) % length:
            raise InputError(
                f"{file} has {len(values):,} bytes: expected a multiple of {length:,}, the binary version of "
                f"{self.name}. Download it again."
            )
        return values.reshape(-1, length)


CIFAR10 = Binary(
    "cifar10", "cifar-10-batches-bin", tuple(f"data_batch_{k}.bin" for k in range(1, 6)), ("test_batch.bin",), 1
)
CIFAR100 = Binary("cifar100", "cifar-100-binary", ("train.bin",), ("test.bin",), 2)


def fitting(name: str, images: Tensor, labels: Tensor | None, wanted: Wanted) -> Content:
    """The first images of a set that has the size and the channels that are wanted; else an InputError."""
    size: Sequence[int] = tuple(images.shape[2:])
    target = (wanted.transform.size if wanted.transform else None) or wanted.size
    if target is not None and tuple(target) != size:
        raise InputError(
            f"{name} has images of {size[0]}x{size[1]} pixels, the model takes {target[0]}x{target[1]}: choose "
            "other data."
        )
    if images.shape[1] != wanted.channels:
        raise InputError(f"{name} has images of 3 channels, the model takes {wanted.channels}: choose other data.")
    chosen = slice(wanted.limit)
    return Content(images[chosen].contiguous(), None if labels is None else labels[chosen], 0)
