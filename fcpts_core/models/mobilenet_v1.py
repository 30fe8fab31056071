"""MobileNet (Howard et al., 2017) under the names that Keras gives its layers.

`conv1` 3x3 with stride 2; for k = 1..13 a depthwise 3x3 convolution `conv_dw_k` and a pointwise one `conv_pw_k`, each
followed by its batch norm (`..._bn`, eps 1e-3) and ReLU6; global average pooling; `conv_preds` 1x1 with bias. No other
biases. A convolution with stride 2 is padded below and on the right only. Output `[N, classes]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDED = (2, 4, 6, 12)
STEM = 32


class MobileNetV1(nn.Module):
    """The network of the module's docstring, all widths times `width`."""

    def __init__(self, width: float = 0.75, classes: int = 1000, channels: int = 3) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        before = int(STEM * width)
        self.conv1 = nn.Conv2d(channels, before, 3, 2, bias=False)
        self.conv1_bn = nn.BatchNorm2d(before, eps=1e-3)
        for k, full in enumerate(WIDTHS, start=1):
            stride, after = (2, 0) if k in STRIDED else (1, 1), int(full * width)
            self.add_module(
                f"conv_dw_{k}", nn.Conv2d(before, before, 3, stride[0], stride[1], groups=before, bias=False)
            )
            self.add_module(f"conv_dw_{k}_bn", nn.BatchNorm2d(before, eps=1e-3))
            self.add_module(f"conv_pw_{k}", nn.Conv2d(before, after, 1, bias=False))
            self.add_module(f"conv_pw_{k}_bn", nn.BatchNorm2d(after, eps=1e-3))
            before = after
        self.conv_preds = nn.Conv2d(before, classes, 1)

    def feature_parts(self) -> tuple[nn.Module, ...]:
        """The norms behind the pointwise convolutions: what one separable convolution says."""
        return tuple(self.get_submodule(f"conv_pw_{k}_bn") for k in range(1, len(WIDTHS) + 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self._unit("conv1", F.pad(x, (0, 1, 0, 1)))
        for k in range(1, len(WIDTHS) + 1):
            x = self._unit(f"conv_dw_{k}", F.pad(x, (0, 1, 0, 1)) if k in STRIDED else x)
            x = self._unit(f"conv_pw_{k}", x)
        logits: Tensor = self.conv_preds(x.mean(dim=(2, 3), keepdim=True)).flatten(1)
        return logits

    def _unit(self, name: str, x: Tensor) -> Tensor:
        return F.relu6(self.get_submodule(f"{name}_bn")(self.get_submodule(name)(x)))


def from_state(width: float, state: Mapping[str, Tensor]) -> MobileNetV1:
    """A network with the number of classes that `state` shows; its values are not loaded."""
    head = state.get("conv_preds.weight")
    return MobileNetV1(width, classes=head.shape[0] if head is not None and head.ndim == 4 else 1000)
