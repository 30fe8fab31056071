"""Images from a folder of picture files, in the order of their paths.

Pictures beside each other have no labels. Where all of them lie in sub-folders, the sub-folders are the classes: whole
numbers (`0`, `1`, ...) are the labels themselves; other names count from 0 in sorted order, if there are as many as
the network has classes, and say nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from fcpts_core.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
MODES = {1: "L", 3: "RGB"}


def read(
    path: Path, channels: int, size: tuple[int, int] | None, classes: int | None
) -> tuple[Tensor, Tensor | None, int]:
    """Images uint8 `[N, C, H, W]`, labels int64 `[N]` or None, and how many files could not be read as pictures.

    A picture is scaled to cover `size` (height, width; the first picture's where None) and its centre is cut out.
    """
    if channels not in MODES:
        raise InputError(
            f"A folder of images serves models of 1 or 3 channels, this one takes {channels}: pass an .npz."
        )
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and not _hidden(file, path))
    if not files:
        raise InputError(f"{path} has no images: expected files such as .png or .jpg, in it or in its sub-folders.")
    pictures: list[Tensor] = []
    readable: list[Path] = []
    for file in files:
        picture = _picture(file, MODES[channels], size)
        if picture is not None:
            size = size or (picture.shape[1], picture.shape[2])
            pictures.append(picture)
            readable.append(file)
    if not pictures:
        raise InputError(f"None of the {len(files)} image files of {path} can be read: are they damaged?")
    return torch.stack(pictures), _labels(path, readable, classes), len(files) - len(pictures)


def _picture(file: Path, mode: str, size: tuple[int, int] | None) -> Tensor | None:
    """One picture, uint8 `[C, H, W]`; None where the file is damaged."""
    try:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened)
            # a palette may hold transparency, which only survives, to be dropped in order, by way of RGBA
            picture = (upright.convert("RGBA") if upright.mode == "P" else upright).convert(mode)
    except Exception:  # Pillow's decoders fail on damaged files with errors of many kinds
        return None
    if size is not None and picture.size != (size[1], size[0]):
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(picture, dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)


def _labels(path: Path, files: Sequence[Path], classes: int | None) -> Tensor | None:
    parts = [file.relative_to(path).parts for file in files]
    if any(len(part) == 1 for part in parts):
        return None
    names = sorted({part[0] for part in parts})
    if all(name.isdecimal() for name in names):
        numbers = {name: int(name) for name in names}
    elif classes is None or len(names) == classes:
        numbers = {name: number for number, name in enumerate(names)}
    else:
        return None
    return torch.tensor([numbers[part[0]] for part in parts])


def _hidden(file: Path, path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in file.relative_to(path).parts)
