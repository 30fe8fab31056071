"""Linear layers whose weights are stored without their zeros, as far as PyTorch multiplies such on a processor.

Two layouts: compressed sparse rows, single weights with a column index each, and block-sparse rows, square blocks that
are not all zero with one index each. Blocks waste less on indices, but only zeros that fill whole blocks count there.
PyTorch multiplies square blocks alone, so the pattern `block:B`, whose blocks are Bx1, gains nothing by them.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fcpts_core.errors import InputError
from fcpts_core.export.source import Source

SPARSE_ENOUGH = 0.5
"""The share of zeros, or of blocks that are all zero, from which a linear layer is stored without them."""

BLOCKS = (16, 8, 4, 2)
"""Sides of the square blocks that are tried, the largest first."""


class SparseLinear(nn.Module):
    """A linear layer with a weight `[out, in]` in a sparse layout."""

    def __init__(self, layer: nn.Linear, stored: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its sparse layouts a beta
            self.weight = stored(layer.weight.detach())
        self.bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        said: Tensor = (self.weight @ flat.T).T
        return (said if self.bias is None else said + self.bias).reshape(*x.shape[:-1], -1)


def sparse_rows(layer: nn.Linear) -> SparseLinear | None:
    """The layer as compressed sparse rows; None where too few of its weights are zero."""
    if (layer.weight == 0).float().mean() < SPARSE_ENOUGH:
        return None
    return SparseLinear(layer, Tensor.to_sparse_csr)


def sparse_blocks(layer: nn.Linear) -> SparseLinear | None:
    """The layer as block-sparse rows; None where its zeros fill too few blocks."""
    side = block_of(layer.weight)
    return None if side is None else SparseLinear(layer, lambda weight: weight.to_sparse_bsr((side, side)))


def block_of(weight: Tensor) -> int | None:
    """The one of `BLOCKS` that stores the fewest weights, the largest of several; None where enough are never zero."""
    rows, columns = weight.shape
    shares = {}
    for side in BLOCKS:
        if rows % side == 0 and columns % side == 0:
            blocks = weight.reshape(rows // side, side, columns // side, side)
            shares[side] = float((blocks != 0).any(dim=3).any(dim=1).float().mean())
    best = min(shares, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] <= 1 - SPARSE_ENOUGH else None


def with_sparse_rows(source: Source, images: Tensor) -> tuple[nn.Module, int]:
    """A copy of the network with linear layers as compressed sparse rows, and how many; InputError where none can."""
    why = "the model has no linear layer of which half the weights are zero; it knows no convolutions."
    return _with(source, images, sparse_rows, why)


def with_sparse_blocks(source: Source, images: Tensor) -> tuple[nn.Module, int]:
    """The same with block-sparse rows."""
    why = (
        "the model has no linear layer half of whose square blocks, of 2x2 weights or larger, are all zero: zeros that "
        "lie anywhere seldom fill one, and other blocks than square ones PyTorch does not multiply on a processor."
    )
    return _with(source, images, sparse_blocks, why)


def _with(
    source: Source, images: Tensor, stored: Callable[[nn.Linear], SparseLinear | None], why: str
) -> tuple[nn.Module, int]:
    network, count = copy.deepcopy(source.network), 0
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and (made := stored(child)) is not None:
                setattr(parent, name, made)
                count += 1
    if not count:
        raise InputError(why)
    try:
        said = network(images)
    except RuntimeError as error:  # only builds with MKL multiply blocks
        if re.search(r"\bMKL\b", str(error)):
            raise InputError("this build of PyTorch cannot multiply this layout on a processor.") from None
        raise InputError(REACHED) from None
    except Exception:  # a network may reach into its layers
        raise InputError(REACHED) from None
    if not _same(said, source.network(images)):
        raise InputError(REACHED)
    return network, count


REACHED = "the model reaches into its linear layers, so that they cannot be stored otherwise."


def _same(said: object, meant: object) -> bool:
    if not (isinstance(said, Tensor) and isinstance(meant, Tensor)):
        return False
    return torch.allclose(said, meant, atol=1e-3, rtol=1e-3)
