"""Random views of a batch of normalised images `[N, C, H, W]`: shifted crops and mirror images, drawn per image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fcpts_core.errors import InputError

HOW = ("none", "flip", "crop", "crop-flip")
BORDERS = ("reflect", "black")


def augment(
    batch: Tensor,
    how: str,
    *,
    generator: torch.Generator,
    border: str = "reflect",
    padding: int | None = None,
    black: Tensor | None = None,
) -> Tensor:
    """`how` is one of `HOW`; a crop shifts by up to `padding` pixels each way (an eighth of the height unless given).

    Past the edge stands the mirrored image, or `black [C]`, what black is after normalisation. The generator lives on
    the CPU whatever the batch's device, so that the views are the same everywhere.
    """
    if how not in HOW or border not in BORDERS:
        raise InputError(
            f"The augmentation is {how!r} with border {border!r}: expected one of {', '.join(HOW)} "
            f"with one of {', '.join(BORDERS)}."
        )
    if "crop" in how:
        margin = batch.shape[2] // 8 if padding is None else padding
        batch = _crop(_pad(batch, margin, border, black), margin, generator)
    if "flip" in how:
        batch = _flip(batch, generator)
    return batch


def _pad(batch: Tensor, margin: int, border: str, black: Tensor | None) -> Tensor:
    if border == "reflect":
        return F.pad(batch, (margin,) * 4, mode="reflect")
    if black is None:
        raise ValueError("A black border needs the value of black in each channel.")
    count, channels, height, width = batch.shape
    canvas = black.to(batch).view(1, channels, 1, 1).repeat(count, 1, height + 2 * margin, width + 2 * margin)
    canvas[:, :, margin : margin + height, margin : margin + width] = batch
    return canvas


def _crop(padded: Tensor, margin: int, generator: torch.Generator) -> Tensor:
    """One window per image, its corner drawn uniformly from the `(2 margin + 1)^2` possible ones."""
    count, channels, height, width = padded.shape
    corners = torch.randint(2 * margin + 1, (2, count, 1), generator=generator)
    rows = (corners[0] + torch.arange(height - 2 * margin)).to(padded.device)
    columns = (corners[1] + torch.arange(width - 2 * margin)).to(padded.device)
    image = torch.arange(count, device=padded.device)
    channel = torch.arange(channels, device=padded.device)
    return padded[image[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]


def _flip(batch: Tensor, generator: torch.Generator) -> Tensor:
    mirrored = torch.rand(batch.shape[0], generator=generator).to(batch.device) < 0.5
    return torch.where(mirrored[:, None, None, None], batch.flip(3), batch)
