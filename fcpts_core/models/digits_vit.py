"""A small vision transformer (Dosovitskiy et al., 2021), pre-norm, all of whose matrices are linear layers.

An image `[N, C, 16, 16]` becomes 16 tokens, one for each 4x4 patch, of width 64; blocks of self-attention and a
two-layer perceptron, both residual; final norm; mean of the tokens; `head`. Output `[N, classes]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.models.attention import attend

IMAGE = 16
PATCH = 4
WIDTH = 64
HEADS = 4
HIDDEN = 256
DEPTH = 5


class Attention(nn.Module):
    """`out(softmax(q k' / sqrt(width / heads)) v)` over tokens `[N, T, width]`, head by head."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        mixed = attend(q, k, v)
        projected: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return projected


class EncoderBlock(nn.Module):
    """`x + attention(norm1(x))`, then the same with the perceptron and `norm2`."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.expand = nn.Linear(WIDTH, HIDDEN)
        self.contract = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        grown: Tensor = x + self.contract(F.gelu(self.expand(self.norm2(x))))
        return grown


class DigitsViT(nn.Module):
    """The network of the module's docstring."""

    def __init__(self, classes: int = 10, channels: int = 3) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        self.embed = nn.Linear(channels * PATCH**2, WIDTH)
        self.position = nn.Parameter(torch.zeros(1, (IMAGE // PATCH) ** 2, WIDTH))
        self.blocks = nn.Sequential(*(EncoderBlock() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, PATCH, stride=PATCH).transpose(1, 2)
        tokens = self.norm(self.blocks(self.embed(patches) + self.position))
        logits: Tensor = self.head(tokens.mean(dim=1))
        return logits


def from_state(state: Mapping[str, Tensor]) -> DigitsViT:
    """A network with the number of classes and input channels that `state` shows; its values are not loaded."""
    head, embed = state.get("head.weight"), state.get("embed.weight")
    return DigitsViT(
        classes=head.shape[0] if head is not None and head.ndim == 2 else 10,
        channels=embed.shape[1] // PATCH**2 if embed is not None and embed.ndim == 2 else 3,
    )


def initialise(network: DigitsViT) -> DigitsViT:
    """Starting point for training: small normal matrices and positions, zero biases."""
    nn.init.trunc_normal_(network.position, std=0.02)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return network
