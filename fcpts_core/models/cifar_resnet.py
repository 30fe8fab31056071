"""Residual networks for small images (He et al., 2016, section 4.2), as public CIFAR checkpoints store them.

Depth `6 n + 2`: `conv1` 3x3 and `bn1`; stages `layer1..3` of `n` blocks with 16, 32 and 64 channels, the first block of
stages 2 and 3 with stride 2; global average pooling; `linear`. Input `[N, C, H, W]` of any size, output `[N, classes]`.

Where a block halves the image its shortcut is one of
    option A   every second row and column, zero channels added: a quarter of the output's in front, a quarter behind;
    option B   `shortcut.0`, a 1x1 convolution with stride 2, and `shortcut.1`, batch norm.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (16, 32, 64)


class PadShortcut(nn.Module):
    """Option A: `[N, out/2, H, W]` to `[N, out, H/2, W/2]`, without parameters."""

    def __init__(self, channels_out: int) -> None:
        super().__init__()
        self.padding = channels_out // 4

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))


class BasicBlock(nn.Module):
    """`relu(shortcut(x) + bn2(conv2(relu(bn1(conv1(x))))))`"""

    def __init__(self, channels_in: int, channels: int, stride: int, projection: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 and projection:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        elif stride != 1:
            self.shortcut = PadShortcut(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.shortcut(x) + self.bn2(self.conv2(inner)))


class CifarResNet(nn.Module):
    """The network of the module's docstring; `projection` chooses option B."""

    def __init__(self, depth: int, classes: int = 10, channels: int = 3, projection: bool = False) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if blocks < 1 or rest:
            raise ValueError(f"A CIFAR ResNet cannot have depth {depth}: expected 6 n + 2, such as 20 or 56.")
        self.channels, self.classes = channels, classes
        self.conv1 = nn.Conv2d(channels, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], blocks, projection)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], blocks, projection)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], blocks, projection)
        self.linear = nn.Linear(WIDTHS[2], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.linear(x.mean(dim=(2, 3)))
        return logits


def from_state(depth: int, state: Mapping[str, Tensor]) -> CifarResNet:
    """A network of this depth with the number of classes, the input channels and the shortcut that `state` shows.

    What `state` does not show stays at 10 classes, 3 channels and option A; its values are not loaded.
    """
    head, stem = state.get("linear.weight"), state.get("conv1.weight")
    return CifarResNet(
        depth,
        classes=head.shape[0] if head is not None and head.ndim == 2 else 10,
        channels=stem.shape[1] if stem is not None and stem.ndim == 4 else 3,
        projection=any(".shortcut." in name for name in state),
    )


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names used here: others call the head `fc` and the shortcut `downsample`."""
    return {
        ("linear." + name[3:] if name.startswith("fc.") else name.replace(".downsample.", ".shortcut.")): tensor
        for name, tensor in state.items()
    }


def initialise(network: CifarResNet) -> CifarResNet:
    """Starting point for training: He's normal initialisation of all matrices, batch norm as it comes."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    torch.nn.init.zeros_(network.linear.bias)
    return network


def _stage(channels_in: int, channels: int, blocks: int, projection: bool) -> nn.Sequential:
    stride = channels // channels_in
    first = BasicBlock(channels_in, channels, stride, projection)
    return nn.Sequential(first, *(BasicBlock(channels, channels, 1, projection) for _ in range(blocks - 1)))
