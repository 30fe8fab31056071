"""Picture files as tensors: decoded once, brought to one size, kept as bytes `[N, C, H, W]`.

Where a picture cannot be read it is left out and counted: one damaged file must not end a run on ten thousand.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from fcpts_core.data.room import require_room
from fcpts_core.data.transform import MODES, Transform
from fcpts_core.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"}
MAX_PIXELS = 80_000_000
"""A picture of more is not decoded: in RGB it takes 240 MB, and no network looks at that many."""


@dataclass(frozen=True)
class Entry:
    """A picture that has not been read yet: its path inside the source, and how its bytes are had."""

    path: PurePosixPath
    read: Callable[[], bytes]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Bytes `[K, C, H, W]`, the indices `[K]` of their entries, how many could not be read, and their first sizes.

    `sizes` holds height and width of each picture as it was in its file.
    """

    images: Tensor
    kept: tuple[int, ...]
    skipped: int
    sizes: tuple[tuple[int, int], ...]


def decode(
    source: str,
    entries: Sequence[Entry],
    channels: int,
    size: tuple[int, int] | None,
    transform: Transform | None = None,
    limit: int | None = None,
) -> Decoded:
    """The first `limit` pictures (all for None) that can be read.

    Each is prepared by `transform`; without one it is scaled to cover `size` (height, width; the first picture's where
    None) and its centre is cut out.
    """
    if channels not in MODES:
        raise InputError(f"Pictures serve models of 1 or 3 channels, this one takes {channels}: pass an .npz.")
    wanted = len(entries) if limit is None else min(limit, len(entries))
    size = size if transform is None else transform.size or size
    images, kept, sizes, skipped = torch.empty(0), list[int](), list[tuple[int, int]](), 0
    for index, picture in _readable(entries):
        if len(kept) == wanted:
            break
        if picture is None:
            skipped += 1
            continue
        if not kept:
            size = size or (picture.height, picture.width)
            images = _canvas(source, wanted, channels, size)
        images[len(kept)] = _prepared(picture, channels, (images.shape[2], images.shape[3]), transform)
        kept.append(index)
        sizes.append((picture.height, picture.width))
    if not kept:
        raise InputError(f"None of the {len(entries)} image files of {source} can be read: are they damaged?")
    return Decoded(images[: len(kept)], tuple(kept), skipped, tuple(sizes))


def _canvas(source: str, count: int, channels: int, size: tuple[int, int]) -> Tensor:
    require_room(
        count * channels * size[0] * size[1],
        f"{source}, {count:,} pictures of {size[0]}x{size[1]} pixels,",
        "use fewer pictures, or a smaller crop",
    )
    return torch.empty((count, channels, *size), dtype=torch.uint8)


def _readable(entries: Sequence[Entry]) -> Iterator[tuple[int, Image.Image | None]]:
    for index, entry in enumerate(entries):
        yield index, _opened(entry)


def _opened(entry: Entry) -> Image.Image | None:
    """The upright picture without its palette; None where the file is damaged or too large."""
    try:
        with Image.open(io.BytesIO(entry.read())) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                return None
            upright = ImageOps.exif_transpose(opened)
            # a palette may hold transparency, which only survives, to be dropped in order, by way of RGBA
            return upright.convert("RGBA" if upright.mode == "P" else upright.mode)
    except Exception:  # Pillow's decoders fail on damaged files with errors of many kinds
        return None


def _prepared(picture: Image.Image, channels: int, size: tuple[int, int], transform: Transform | None) -> Tensor:
    if transform is not None and transform.size is not None:
        return transform.pixels(picture)
    picture = picture.convert(MODES[channels])
    if picture.size != (size[1], size[0]):
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(picture, dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)
