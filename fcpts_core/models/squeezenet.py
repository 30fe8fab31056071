"""SqueezeNet 1.1 (Iandola et al., 2016), without any norm; names as in torchvision.

`features.0` 3x3 with stride 2 and no padding, then eight fire modules with max-pooling (3x3, stride 2, rounded up)
before the first, third and fifth; `classifier.1` 1x1, ReLU, global average pooling. Output `[N, classes]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEM = 64
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLED_BEFORE = (0, 2, 4)


class Fire(nn.Module):
    """`[relu(expand1x1(s)), relu(expand3x3(s))]` along the channels, of `s = relu(squeeze(x))`."""

    def __init__(self, before: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], dim=1)


class SqueezeNet(nn.Module):
    """The network of the module's docstring."""

    def __init__(self, classes: int = 1000, channels: int = 3) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        parts: list[nn.Module] = [nn.Conv2d(channels, STEM, 3, 2), nn.ReLU()]
        before = STEM
        for place, (squeezed, expanded) in enumerate(FIRES):
            if place in POOLED_BEFORE:
                parts.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            parts.append(Fire(before, squeezed, expanded))
            before = 2 * expanded
        self.features = nn.Sequential(*parts)
        self.classifier = nn.Sequential(
            nn.Identity(), nn.Conv2d(before, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(x))
        return logits


def from_state(state: Mapping[str, Tensor]) -> SqueezeNet:
    """A network with the number of classes that `state` shows; its values are not loaded."""
    head = state.get("classifier.1.weight")
    return SqueezeNet(classes=head.shape[0] if head is not None and head.ndim == 4 else 1000)
