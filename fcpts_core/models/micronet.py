"""A small network for CIFAR-100 of inverted residuals with a gate behind each (Howard et al., 2019, made smaller).

`conv1` 3x3 and `bn1`, hard-swish; `layers`, 16 blocks; global average pooling; `linear`. Output `[N, classes]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

STEM, EXPANSION, SQUEEZE = 32, 2.5, 4
# (channels, repeats, stride of the first)
STAGES = (
    (20, 2, 1),
    (36, 1, 2),
    (36, 1, 1),
    (56, 3, 1),
    (80, 1, 2),
    (80, 4, 1),
    (88, 1, 2),
    (96, 2, 1),
    (114, 1, 1),
)


class GatedBlock(nn.Module):
    """`y w + shortcut(x)` with `y` an inverted residual and `w` in (0, 1), one gate a channel, from its mean.

    With stride 2 it is `y` alone; the gate is stored, but not used.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        inner = int(EXPANSION * before)
        self.stride = stride
        self.conv1 = nn.Conv2d(before, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.fc1 = nn.Conv2d(after, after // SQUEEZE, 1)
        self.fc2 = nn.Conv2d(after // SQUEEZE, after, 1)
        self.shortcut = nn.Sequential()
        if stride == 1 and before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.hardswish(self.bn1(self.conv1(x)))
        inner = F.hardswish(self.bn2(self.conv2(inner)))
        y: Tensor = self.bn3(self.conv3(inner))
        if self.stride != 1:
            return y
        gate = self.fc2(F.hardswish(self.fc1(y.mean(dim=(2, 3), keepdim=True)))).sigmoid()
        gated: Tensor = y * gate + self.shortcut(x)
        return gated


class MicroNet(nn.Module):
    """The network of the module's docstring."""

    def __init__(self, classes: int = 100, channels: int = 3) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        self.conv1 = nn.Conv2d(channels, STEM, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        blocks: list[nn.Module] = []
        before = STEM
        for after, repeats, first in STAGES:
            for place in range(repeats):
                blocks.append(GatedBlock(before, after, first if place == 0 else 1))
                before = after
        self.layers = nn.Sequential(*blocks)
        self.linear = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(F.hardswish(self.bn1(self.conv1(x))))
        logits: Tensor = self.linear(x.mean(dim=(2, 3)))
        return logits


def from_state(state: Mapping[str, Tensor]) -> MicroNet:
    """A network with the number of classes that `state` shows; its values are not loaded."""
    head = state.get("linear.weight")
    return MicroNet(classes=head.shape[0] if head is not None and head.ndim == 2 else 100)
