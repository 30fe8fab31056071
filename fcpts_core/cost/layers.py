"""What each layer of a sparse model costs: bytes in several formats, multiply-adds, and the patterns that it has.

    MACs = u_l n_l        kept = u_l (n_l - zeros_l)        FLOPs = 2 MACs

`u_l` is how often each weight is used for one image (see `measure.flops`), so everything is per image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fcpts_core.cost.sizes import TensorSize, Total, sizes, total
from fcpts_core.export.source import Source
from fcpts_core.masks.patterns import pattern
from fcpts_core.measure.flops import uses

PATTERNS = ("1:4", "2:4", "4:8")


@dataclass(frozen=True)
class LayerCost:
    """One prunable layer; `patterns` are those of `PATTERNS` that its zeros satisfy along the input channels."""

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int
    zeros: int
    bytes: Mapping[str, int]
    macs: int
    macs_kept: int
    patterns: tuple[str, ...]

    @property
    def sparsity(self) -> float:
        return self.zeros / self.weights

    @property
    def pointwise(self) -> bool:
        """Whether it is a convolution of single positions, 1x1."""
        return self.kind == "Conv2d" and self.shape[2:] == (1, 1)


@dataclass(frozen=True)
class ModelCost:
    """All prunable layers, and the sizes of all tensors, those that are never pruned among them."""

    layers: tuple[LayerCost, ...]
    tensors: tuple[TensorSize, ...]
    total: Total

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def macs_kept(self) -> int:
        return sum(layer.macs_kept for layer in self.layers)


def model_cost(source: Source, tell: Callable[[float], object] | None = None) -> ModelCost:
    """The figures of one finished run's model; `tell` hears what share of the counting is behind."""
    tensors = sizes(source.tensors, tell)
    found = {part.name: part for part in tensors}
    often = uses(source.network, source.layers, source.images(1))
    layers = []
    for layer, count in zip(source.layers, often, strict=True):
        zeros = layer.weights - int(layer.weight.count_nonzero())
        weight = layer.weight.detach()
        layers.append(
            LayerCost(
                name=layer.name,
                kind=layer.kind,
                shape=layer.shape,
                weights=layer.weights,
                zeros=zeros,
                bytes=found[f"{layer.name}.weight"].bytes,
                macs=count * layer.weights,
                macs_kept=count * (layer.weights - zeros),
                patterns=tuple(name for name in PATTERNS if satisfies(weight, name)),
            )
        )
    return ModelCost(tuple(layers), tensors, total(tensors))


def satisfies(weight: Tensor, name: str) -> bool:
    """Whether the weight has at most `n` non-zeros in every group of `m` consecutive input channels."""
    kind = pattern(name)
    if weight.ndim < 2 or not kind.fewest(tuple(weight.shape)):
        return False
    kept = (weight != 0).to(torch.float32)
    # The floor counts at least m - n zeros for each group, so it is met only where every group has that many.
    return kind.floor(kept) == weight.numel() - int(kept.sum())
