"""A vision transformer for images of 32x32 pixels, built of PyTorch's own encoder layers (post-norm, ReLU).

`patch_embed.proj`, a 4x4 convolution with stride 4, makes 64 tokens, row by row; `cls_token` stands in front;
`pos_embed` `[1, 65, width]` is added; `transformer`; `mlp_head`, norm and linear, on the first token. Output
`[N, classes]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fcpts_core.models.attention import split

PATCH, TOKENS, HEADS = 4, 64, 8


class PatchEmbedding(nn.Module):
    """`[N, C, 32, 32]` to tokens `[N, 64, width]`."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        tokens: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return tokens


class CifarViT(nn.Module):
    """The network of the module's docstring."""

    def __init__(
        self, classes: int = 10, channels: int = 3, width: int = 128, hidden: int = 256, depth: int = 6
    ) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        self.patch_embed = PatchEmbedding(channels, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, TOKENS + 1, width))
        layer = nn.TransformerEncoderLayer(width, HEADS, hidden, dropout=0.0, batch_first=True)
        self.transformer = split(nn.TransformerEncoder(layer, depth, enable_nested_tensor=False))
        self.mlp_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch_embed(x)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + self.pos_embed
        logits: Tensor = self.mlp_head(self.transformer(tokens)[:, 0])
        return logits


def from_state(state: Mapping[str, Tensor]) -> CifarViT:
    """A network of the sizes that `state` shows; its values are not loaded."""
    head, embed = state.get("mlp_head.1.weight"), state.get("patch_embed.proj.weight")
    hidden = state.get("transformer.layers.0.linear1.weight")
    depth = len({name.split(".")[2] for name in state if name.startswith("transformer.layers.")})
    width = embed.shape[0] if embed is not None and embed.ndim == 4 and embed.shape[0] % HEADS == 0 else 128
    return CifarViT(
        classes=head.shape[0] if head is not None and head.ndim == 2 else 10,
        channels=embed.shape[1] if embed is not None and embed.ndim == 4 else 3,
        width=max(width, HEADS),
        hidden=hidden.shape[0] if hidden is not None and hidden.ndim == 2 else 256,
        depth=depth or 6,
    )
