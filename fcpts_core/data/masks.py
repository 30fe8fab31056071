"""A class for each pixel, from pictures whose values are classes: folders `images` and `masks` with files of one name.

A mask is a grey picture or one with a palette, as VOC has them; 255 stands for pixels that count for nothing.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fcpts_core.data.pictures import Entry
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

IMAGES, MASKS = "images", "masks"


def paired(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]] | None:
    """The pictures and the mask of each, where they lie in folders of these two names; None where they do not."""
    parts = {entry.path.parts[-2] if len(entry.path.parts) > 1 else "" for entry in entries}
    if parts != {IMAGES, MASKS}:
        return None
    masks = {entry.path.stem: entry for entry in entries if entry.path.parts[-2] == MASKS}
    images = [entry for entry in entries if entry.path.parts[-2] == IMAGES]
    if missing := [entry for entry in images if entry.path.stem not in masks]:
        raise InputError(
            f"{len(missing)} of {len(images)} images have no mask, such as {missing[0].path}: expected a file of the "
            f"same name in {MASKS}."
        )
    return images, [masks[entry.path.stem] for entry in images]


def prepared(entries: Sequence[Entry], transform: Transform) -> Tensor:
    """Classes uint8 `[N, H, W]`, scaled and cut out like their pictures; 255 where there is no picture."""
    nearest = replace(transform, mean=(1.0,), std=(1.0,), interpolation="nearest", order="RGB")
    return torch.stack([nearest.pixels(_values(entry))[0] for entry in entries])


def _values(entry: Entry) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(entry.read())) as mask:
            values = np.array(mask)
    except Exception:  # Pillow's decoders fail on damaged files with errors of many kinds
        raise InputError(f"The mask {entry.path} cannot be read as a picture: is it damaged?") from None
    if values.ndim != 2 or values.dtype != np.uint8:
        raise InputError(
            f"The mask {entry.path} has colours: expected a grey picture or one with a palette, its values the classes."
        )
    return values
