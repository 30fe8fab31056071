"""Images from an `.npz` file: `images` uint8 `[N, H, W, C]` or, grey, `[N, H, W]`; perhaps `labels`, integers `[N]`."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from fcpts_core.errors import InputError

DAMAGED = "cannot be read as .npz, it is damaged or of another kind: expected what numpy.savez writes."


def read(path: Path, channels: int, size: tuple[int, int] | None) -> tuple[Tensor, Tensor | None, int]:
    """Images uint8 `[N, C, H, W]`, labels int64 or None, and 0, the number of images left out.

    Grey images without a channel axis are repeated for a network of 3 channels.
    """
    arrays = _arrays(path)
    if "images" not in arrays:
        names = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(f"{path} has no array `images` (it holds {names}): expected `images`, uint8 [N, H, W, C].")
    images = _checked(path, arrays["images"], channels, size)
    labels = arrays.get("labels")
    if labels is not None and not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path} has labels of type {labels.dtype}: expected whole numbers, one an image.")
    return images, None if labels is None else torch.from_numpy(labels.astype(np.int64)), 0


def lengths(path: Path) -> dict[str, int]:
    """How long each array in the file is by its header; nothing is decompressed beyond that. InputError if damaged."""
    found = {}
    try:
        with zipfile.ZipFile(path) as file:
            for name in file.namelist():
                with file.open(name) as array:
                    version = npy.read_magic(array)
                    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                    shape, _, _ = header(array)
                    found[name.removesuffix(".npy")] = shape[0] if shape else 1
    except (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"The file {DAMAGED}") from None
    return found


def _arrays(path: Path) -> dict[str, Any]:
    """The arrays `images` and `labels` in full, of others only that they are there."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: found[name] if name in ("images", "labels") else None for name in found.files}
    except Exception as error:  # a damaged archive can fail in zipfile, zlib, struct or NumPy, each with its own errors
        if "allow_pickle" in str(error) and path.stat().st_size:
            raise InputError(
                f"{path} holds Python objects or is no .npz file: expected plain arrays, `images` as uint8."
            ) from None
        raise InputError(f"{path} {DAMAGED}") from None


def _checked(path: Path, images: Any, channels: int, size: tuple[int, int] | None) -> Tensor:
    if images.dtype != np.uint8:
        raise InputError(f"{path} has images of type {images.dtype}: expected uint8, pixel values from 0 to 255.")
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise InputError(f"{path} has images of shape {list(images.shape)}: expected [N, H, W, C] or, grey, [N, H, W].")
    if len(images) == 0:
        raise InputError(f"{path} has no images: expected at least one.")
    if images.ndim == 3:
        images = np.repeat(images[..., None], channels if channels in (1, 3) else 1, axis=3)
    if images.shape[3] != channels:
        raise InputError(
            f"{path} has images of {images.shape[3]} channel(s), the model takes {channels}: "
            f"expected shape [N, H, W, {channels}]."
        )
    if size is not None and images.shape[1:3] != size:
        raise InputError(
            f"{path} has images of {images.shape[1]}x{images.shape[2]} pixels, the model takes {size[0]}x{size[1]}: "
            f"resize them first, or pass a folder or a zip of pictures, which are resized."
        )
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
