"""The 1,797 handwritten digits that scikit-learn ships (UCI, 43 writers), as colour images of 16x16 pixels.

The split is fixed and by class: of the `n` images of a class, in file order, 50 are for testing, evenly spaced; the
other 1,297 images in all are for training, and without their labels they are the calibration set.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError

PARTS = ("train", "calibration", "test")
CLASSES = 10
TEST_PER_CLASS = 50
MEAN = (0.305, 0.305, 0.305)
STD = (0.319, 0.319, 0.319)


def digits(part: str) -> ImageSet:
    """`part` is "train", "calibration" (the training images without labels) or "test"."""
    if part not in PARTS:
        raise InputError(f"The digits have no part {part!r}: expected one of {', '.join(PARTS)}.")
    images, labels = _read()
    chosen = _is_test(labels) == (part == "test")
    known = None if part == "calibration" else labels[chosen]
    return ImageSet(f"digits ({part})", images[chosen], known, MEAN, STD, flippable=False)


@cache
def _read() -> tuple[Tensor, Tensor]:
    """Images uint8 `[1797, 3, 16, 16]` and labels int64 `[1797]`, in scikit-learn's order."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise InputError("The bundled digits come with scikit-learn, which is not installed: install it.")
    # read from its file, since importing sklearn.datasets takes longer than all the rest of a start
    rows = np.loadtxt(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",", dtype=np.int64)
    small, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    images = torch.from_numpy(_double(small)).unsqueeze(1).expand(-1, 3, -1, -1).contiguous()
    return images, torch.from_numpy(labels.copy())


def _double(small: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bilinear interpolation of `[N, 8, 8]` in 0..16 to `[N, 16, 16]` in 0..255, in whole numbers.

    Along one axis each new pixel is 3/4 of the nearest old one and 1/4 of the next; both axes together count
    sixteenths, so that 256 of them are white.
    """
    for axis in (1, 2):
        padded = np.pad(small, [(1, 1) if dimension == axis else (0, 0) for dimension in range(3)], mode="edge")
        before, here, after = (np.take(padded, range(start, start + 8), axis) for start in range(3))
        pairs = np.stack([3 * here + before, 3 * here + after], axis + 1)
        small = pairs.reshape(*(16 if dimension == axis else length for dimension, length in enumerate(here.shape)))
    return ((small * 255 + 128) // 256).astype(np.uint8)


def _is_test(labels: Tensor) -> Tensor:
    """Bool `[N]`: the `k`-th of `n` images of a class is for testing when `50 k / n` passes a whole number at it."""
    chosen = torch.zeros_like(labels, dtype=torch.bool)
    for label in range(CLASSES):
        members = torch.nonzero(labels == label).squeeze(1)
        rank, count = torch.arange(len(members)), len(members)
        chosen[members] = (rank + 1) * TEST_PER_CLASS // count > rank * TEST_PER_CLASS // count
    return chosen
