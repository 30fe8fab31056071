"""What became of one layer's weights, filter by filter: which are kept, which filters are empty, how the others moved.

A filter is one output channel, `weight[o]`; an input channel is dead when nothing of it is kept in any filter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LayerPortrait:
    """`before` and `after` have the shape of the weight, `kept` too; `after` may be `before` with its mask alone."""

    before: Tensor
    after: Tensor
    kept: Tensor

    @classmethod
    def between(cls, before: Tensor, after: Tensor) -> LayerPortrait:
        """From the dense weights and the sparse ones."""
        return cls(before, after, after != 0)

    @classmethod
    def at(cls, before: Tensor, threshold: float) -> LayerPortrait:
        """What this threshold alone would keep of the dense weights, `|w| >= t`."""
        kept = before.abs() >= threshold
        return cls(before, before * kept, kept)

    @property
    def zeros(self) -> int:
        return self.kept.numel() - int(self.kept.sum())

    @property
    def dead_filters(self) -> tuple[int, ...]:
        """Output channels of which nothing is kept."""
        return _where(~self.kept.flatten(1).any(1))

    @property
    def dead_inputs(self) -> tuple[int, ...]:
        """Input channels of which nothing is kept."""
        return _where(~self.kept.transpose(0, 1).flatten(1).any(1)) if self.kept.ndim > 1 else ()

    def filter_shares(self) -> Tensor:
        """The share of zeros in every filter, `[out]`."""
        return 1 - self.kept.flatten(1).float().mean(1)

    @property
    def moved(self) -> float:
        """Mean change of the weights that are kept, as a share of their mean size before; 0 where none is."""
        size = self.before[self.kept].abs().mean()
        change = (self.after - self.before)[self.kept].abs().mean()
        return float(change / size) if self.kept.any() and size > 0 else 0.0


def mask_picture(portrait: LayerPortrait, gap: int = 1) -> Tensor:
    """The layer as a picture `[rows, columns]`: filters below each other, input channels side by side, each a tile.

    Values: 0 between tiles, -1 where pruned, else the weight's size, from 0 to 1 in units of the layer's largest. A
    matrix is its own picture. Filters with one input channel (depthwise) lie in a square.
    """
    sizes = portrait.after.abs() / portrait.after.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    values = torch.where(portrait.kept, sizes.clamp(min=0.02), torch.full_like(sizes, -1.0))
    if values.ndim < 3:
        return values.reshape(values.shape[0], -1)
    tiles = values.flatten(3) if values.ndim > 4 else values.reshape(*values.shape[:2], values.shape[2], -1)
    if tiles.shape[1] == 1:
        tiles = _in_rows(tiles)
    out, inputs, height, width = tiles.shape
    picture = torch.zeros(out, height + gap, inputs, width + gap)
    picture[:, :height, :, :width] = tiles.permute(0, 2, 1, 3)
    return picture.reshape(out * (height + gap), inputs * (width + gap))


def _in_rows(tiles: Tensor) -> Tensor:
    """Filters of one tile each `[out, 1, h, w]` as a table of tiles, the last row filled with gaps."""
    out, _, height, width = tiles.shape
    across = max(1, round(out**0.5))
    rows = -(-out // across)
    table = torch.zeros(rows * across, height, width)
    table[:out] = tiles[:, 0]
    return table.reshape(rows, across, height, width)


def _where(flags: Tensor) -> tuple[int, ...]:
    return tuple(int(index) for index in flags.nonzero().flatten())
