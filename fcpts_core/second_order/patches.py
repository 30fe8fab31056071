"""What a layer multiplies: its input as rows of numbers, one row for each output position of each image.

    output[g, row] = rows[g, row] @ weight_rows[g].T  (+ bias)

`g` counts the groups of a convolution (1 for a linear layer), `d` the weights of one output channel:
`in / groups * k_h * k_w` for a convolution, `in` for a linear layer. So every layer is one matrix product a group, and
one theory serves all.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Unfoldable = nn.Conv2d | nn.Linear


def unfoldable(module: nn.Module) -> bool:
    """Whether `rows` knows this layer: Conv2d of any stride, dilation, padding and groups, and Linear."""
    return isinstance(module, nn.Conv2d | nn.Linear)


def weight_rows(module: Unfoldable, weight: Tensor) -> Tensor:
    """The weight as `[groups, out / groups, d]`."""
    groups = module.groups if isinstance(module, nn.Conv2d) else 1
    return weight.reshape(groups, weight.shape[0] // groups, -1)


def rows(module: Unfoldable, inputs: Tensor, positions: int, generator: torch.Generator) -> Tensor:
    """The layer's input as `[groups, rows, d]`, at most `positions` randomly chosen output positions of each image.

    `inputs` is `[B, C, H, W]` for a convolution and `[B, ..., in]` for a linear layer, whose leading axes but the first
    are its positions.
    """
    if isinstance(module, nn.Conv2d):
        windows, groups = _windows(module, inputs), module.groups
    else:
        windows, groups = inputs.reshape(len(inputs), -1, 1, inputs.shape[-1], 1, 1), 1
    high, wide = windows.shape[1:3]
    if high * wide > positions:
        chosen = torch.randperm(high * wide, generator=generator)[:positions].to(inputs.device)
        windows = windows[:, chosen // wide, chosen % wide]
    else:
        windows = windows.flatten(1, 2)
    images, count, channels = windows.shape[:3]
    parts = windows.reshape(images, count, groups, channels // groups, -1)
    return parts.permute(2, 0, 1, 3, 4).flatten(3).flatten(1, 2)


def _windows(module: nn.Conv2d, inputs: Tensor) -> Tensor:
    """What the kernel covers at each output position, a view `[B, H_out, W_out, C, k_h, k_w]` of the padded inputs.

    Nothing is copied for positions that nobody looks at. Channels lie together in memory, so what is copied for the
    others comes in runs.
    """
    if isinstance(module.padding, str) or module.padding_mode != "zeros":
        mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
        inputs = F.pad(inputs, module._reversed_padding_repeated_twice, mode=mode)
    else:
        high, wide = module.padding
        inputs = F.pad(inputs, (wide, wide, high, high))
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    covered = [step * (size - 1) for step, size in zip(module.dilation, module.kernel_size, strict=True)]
    places = [
        (length - reach - 1) // step + 1
        for length, reach, step in zip(inputs.shape[2:], covered, module.stride, strict=True)
    ]
    image, channel, *sides = inputs.stride()
    moves = [side * step for side, step in zip(sides, module.stride, strict=True)]
    taps = [side * step for side, step in zip(sides, module.dilation, strict=True)]
    size = (len(inputs), *places, inputs.shape[1], *module.kernel_size)
    return inputs.as_strided(size, (image, *moves, channel, *taps), inputs.storage_offset())
