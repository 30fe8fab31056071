"""How a picture becomes what a network was trained on: scaled, cut out, normalised.

`apply` = `normalise(pixels(picture))`; `pixels` alone gives bytes, which is what sets of images keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class Transform:
    """A model's own preparation of images.

    `resize` is the new length of the shorter side, None to leave the size alone. With `fit="longer"` it is that of the
    longer side, and what is missing of `crop` is filled up below and on the right with the mean, so nothing is cut off.
    `crop` is the height and width (one number for both) of the window cut from the middle; None keeps all.
    Without `enlarge` a picture that already covers the crop is not scaled up first: its middle is cut out as it is.
    `mean` and `std` are on the 0..1 scale, one number a channel, in the `order` of the channels that the network wants.
    """

    resize: int | None
    crop: int | tuple[int, int] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    antialias: bool = True
    fit: str = "shorter"
    order: str = "RGB"
    enlarge: bool = True

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of every result, None where they depend on the picture."""
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop

    def apply(self, picture: Image.Image | np.ndarray) -> Tensor:
        """Float32 `[C, H, W]`, normalised, of a picture or of bytes `[H, W, C]`."""
        return self.normalise(self.pixels(picture))

    def pixels(self, picture: Image.Image | np.ndarray) -> Tensor:
        """Bytes `[C, H, W]` of the same, scaled and cut out, in the network's order of channels."""
        image = self._picture(picture)
        image = self._scaled(image, self.scaled_size(image.height, image.width)[::-1])
        values = torch.from_numpy(np.array(image, dtype=np.uint8).reshape(image.height, image.width, -1))
        values = values.permute(2, 0, 1)
        if self.order == "BGR":
            values = values.flip(0)
        return (values if self.size is None else self._window(values, *self.size)).contiguous()

    def normalise(self, pixels: Tensor) -> Tensor:
        """`(pixels / 255 - mean) / std` of bytes `[..., C, H, W]`."""
        mean, std = (torch.tensor(values, device=pixels.device).view(-1, 1, 1) for values in (self.mean, self.std))
        return (pixels.float() / 255 - mean) / std

    def scaled_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture of this size after scaling, before anything is cut out."""
        if self.resize is None or self._large_enough(height, width):
            return height, width
        return _sides((height, width), self.resize, self.fit)

    def offset(self, height: int, width: int) -> tuple[int, int]:
        """Where the top left corner of a scaled picture of this size lies in the result: rows down, columns right."""
        if self.size is None:
            return 0, 0
        rows, columns = (self._before(side, wanted) for side, wanted in zip((height, width), self.size, strict=True))
        return rows, columns

    def _before(self, side: int, wanted: int) -> int:
        """How much is put before a side that is too short, or minus what is cut off before one that is too long.

        Half of an odd rest is rounded to even, as torchvision does it, but downwards without `enlarge`, as TensorFlow.
        """
        if side >= wanted:
            return -round((side - wanted) / 2) if self.enlarge else -((side - wanted) // 2)
        return 0 if self.fit == "longer" else (wanted - side) // 2

    def _large_enough(self, height: int, width: int) -> bool:
        """Whether a picture of this size is one that need not be enlarged."""
        if self.enlarge or self.size is None or self.resize is None or self.fit == "longer":
            return False
        return min(height, width) < self.resize and height >= self.size[0] and width >= self.size[1]

    def _picture(self, picture: Image.Image | np.ndarray) -> Image.Image:
        if isinstance(picture, Image.Image):
            return picture.convert(MODES[len(self.mean)])
        return Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture).convert(
            MODES[len(self.mean)]
        )

    def _scaled(self, image: Image.Image, sides: tuple[int, int]) -> Image.Image:
        """`sides` are width and height."""
        if image.size == sides:
            return image
        if self.antialias or self.interpolation == "nearest":
            return image.resize(sides, RESAMPLING[self.interpolation])
        values = torch.from_numpy(np.array(image, dtype=np.float32).reshape(1, image.height, image.width, -1))
        scaled = F.interpolate(values.permute(0, 3, 1, 2), sides[::-1], mode=self.interpolation)
        bytes_ = scaled[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()
        return Image.fromarray(bytes_[..., 0] if bytes_.shape[2] == 1 else bytes_)

    def _window(self, values: Tensor, height: int, width: int) -> Tensor:
        """The middle of `[C, H, W]`; where that is too small, the mean is put around it, or behind it (`longer`)."""
        down, right = self.offset(values.shape[1], values.shape[2])
        values = values[:, max(-down, 0) :, max(-right, 0) :][:, :height, :width]
        if values.shape[1:] == (height, width):
            return values
        fill = (torch.tensor(self.mean) * 255).round().to(torch.uint8).view(-1, 1, 1)
        canvas = fill.repeat(1, height, width)
        top, left = max(down, 0), max(right, 0)
        canvas[:, top : top + values.shape[1], left : left + values.shape[2]] = values
        return canvas


def _sides(size: Sequence[int], wanted: int, fit: str) -> tuple[int, int]:
    """New height and width, the other side in proportion and rounded down, never to nothing."""
    reference = max(size) if fit == "longer" else min(size)
    height, width = (max(1, side * wanted // reference) for side in size)
    return height, width
