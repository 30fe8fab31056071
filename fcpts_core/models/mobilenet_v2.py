"""MobileNetV2 (Sandler et al., 2018) and DeepLabV3 on it (Chen et al., 2018), as TensorFlow names and pads them.

Batch norm is folded: every convolution has a bias and nothing follows but ReLU6. `Conv` 3x3 with stride 2; inverted
residuals `expanded_conv`, `expanded_conv_1` .. `_16`; then

    classifier     `Conv_1` 1x1, ReLU6, global average pooling, `Logits` 1x1;  output `[N, classes]`
    segmentation   strides stop at 8, later depthwise convolutions are dilated; beside `aspp0` 1x1 stands
                   `image_pooling` 1x1 of the mean over space; `concat_projection` 1x1 of both; `logits_semantic` 1x1;
                   bilinear upsampling with aligned corners;  output `[N, classes, H, W]`

Padding is TensorFlow's SAME: as much in all as the output needs, an odd pixel below and on the right.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (expansion, channels, repeats, stride of the first)
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM, HEAD, CONTEXT = 32, 1280, 256
HELD = 8  # the segmentation net's output stride


class InvertedResidual(nn.Module):
    """`project(relu6(depthwise(relu6(expand(x)))))`, plus `x` where the shapes agree."""

    def __init__(self, before: int, after: int, expansion: int, stride: int, dilation: int) -> None:
        super().__init__()
        inner = before * expansion
        self.residual = stride == 1 and before == after
        if expansion > 1:
            self.expand = nn.Conv2d(before, inner, 1)
        padding = dilation if stride == 1 else 0
        self.depthwise = nn.Conv2d(inner, inner, 3, stride, padding, dilation, groups=inner)
        self.project = nn.Conv2d(inner, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu6(self.expand(x)) if hasattr(self, "expand") else x
        projected: Tensor = self.project(F.relu6(self.depthwise(padded(inner, self.depthwise))))
        return x + projected if self.residual else projected


class _Backbone(nn.Module):
    """All up to the last inverted residual; `[N, C, H, W]` to `[N, 320, H / s, W / s]`."""

    def __init__(self, channels: int, output_stride: int) -> None:
        super().__init__()
        self.channels = channels
        self.Conv = nn.Conv2d(channels, STEM, 3, 2)
        self.names: list[str] = []
        before, reached, dilation = STEM, 2, 1
        for expansion, after, repeats, first in STAGES:
            for place in range(repeats):
                stride = first if place == 0 else 1
                name = f"expanded_conv_{len(self.names)}" if self.names else "expanded_conv"
                held = stride > 1 and reached == output_stride
                self.add_module(name, InvertedResidual(before, after, expansion, 1 if held else stride, dilation))
                # a stride left out is made up for by the dilation of what comes behind it
                dilation, reached = (dilation * stride, reached) if held else (dilation, reached * stride)
                self.names.append(name)
                before = after

    def features(self, x: Tensor) -> Tensor:
        x = F.relu6(self.Conv(padded(x, self.Conv)))
        for name in self.names:
            x = self.get_submodule(name)(x)
        return x

    def feature_parts(self) -> tuple[nn.Module, ...]:
        return tuple(self.get_submodule(name) for name in self.names)


class MobileNetV2(_Backbone):
    """The classifier."""

    def __init__(self, classes: int = 1000, channels: int = 3) -> None:
        super().__init__(channels, output_stride=32)
        self.classes = classes
        self.Conv_1 = nn.Conv2d(STAGES[-1][1], HEAD, 1)
        self.Logits = nn.Conv2d(HEAD, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.Conv_1(self.features(x)))
        logits: Tensor = self.Logits(x.mean(dim=(2, 3), keepdim=True)).flatten(1)
        return logits


class DeepLabV3(_Backbone):
    """The segmentation network."""

    def __init__(self, classes: int = 21, channels: int = 3) -> None:
        super().__init__(channels, output_stride=HELD)
        self.classes = classes
        last = STAGES[-1][1]
        self.aspp0 = nn.Conv2d(last, CONTEXT, 1)
        self.image_pooling = nn.Conv2d(last, CONTEXT, 1)
        self.concat_projection = nn.Conv2d(2 * CONTEXT, CONTEXT, 1)
        self.logits_semantic = nn.Conv2d(CONTEXT, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.features(x)
        scene = F.relu6(self.image_pooling(seen.mean(dim=(2, 3), keepdim=True)))
        local = F.relu6(self.aspp0(seen))
        joined = F.relu6(self.concat_projection(torch.cat([scene.expand_as(local), local], dim=1)))
        return F.interpolate(self.logits_semantic(joined), x.shape[2:], mode="bilinear", align_corners=True)


def padded(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """`x` with what SAME padding adds before a strided convolution; those with stride 1 pad alike on all sides."""
    if convolution.stride[0] == 1:
        return x
    extra = []
    for size, kernel, stride in zip(x.shape[:1:-1], convolution.kernel_size[::-1], convolution.stride, strict=True):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        extra += [total // 2, total - total // 2]
    return F.pad(x, extra)


def classifier_from_state(state: Mapping[str, Tensor]) -> MobileNetV2:
    """A classifier with the number of classes that `state` shows; its values are not loaded."""
    head = state.get("Logits.weight")
    return MobileNetV2(classes=head.shape[0] if head is not None and head.ndim == 4 else 1000)


def segmenter_from_state(state: Mapping[str, Tensor]) -> DeepLabV3:
    """Likewise, for segmentation."""
    head = state.get("logits_semantic.weight")
    return DeepLabV3(classes=head.shape[0] if head is not None and head.ndim == 4 else 21)
