"""What the tensors of a sparse model take in bytes, dense and in formats that leave zeros out.

With `n` elements of `b` bytes, `m` of them not zero, seen as a matrix of `R` rows (the first axis; one row for
vectors):

    dense      b n
    bitmask    ceil(n / 8) + b k       k elements with any bit set: m, and -0.0 where few, see `export.bitmask`
    csr        b m + 4 m + 4 (R + 1)   values, their columns and where each row begins, both int32
    zip        what zlib makes of the b n bytes at level 6
    zstd       what Zstandard makes of them at level 3
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
import zstandard
from torch import Tensor

from fcpts_core.export.bitmask import packed_bytes, plain
from fcpts_core.masks.patterns import pattern

FORMATS = ("dense", "bitmask", "csr", "zip", "zstd")
TWO_FOUR = pattern("2:4")
ZIP_LEVEL, ZSTD_LEVEL = 6, 3
INDEX = 4  # bytes of an int32


@dataclass(frozen=True)
class TensorSize:
    """The figures of one tensor. `bytes` has those of each of `FORMATS`, whether it is of use for this tensor or not.

    `two_four` says whether at most 2 of any 4 consecutive input channels (the second axis) are not zero; None where
    there are no such groups.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    weights: int
    zeros: int
    bytes: Mapping[str, int]
    two_four: bool | None


@dataclass(frozen=True)
class Total:
    """Sums over tensors. In `bytes` a tensor that a format would make larger stays dense."""

    weights: int
    zeros: int
    bytes: Mapping[str, int]
    two_four: int
    """How many weights are in tensors that satisfy 2:4."""


def sizes(tensors: Mapping[str, Tensor], tell: Callable[[float], object] | None = None) -> tuple[TensorSize, ...]:
    """The figures of every tensor, in the given order; `tell` hears after each what share of all numbers is behind."""
    found, behind, total = [], 0, sum(tensor.numel() for tensor in tensors.values())
    for name, tensor in tensors.items():
        found.append(_size(name, plain(name, tensor)))
        behind += tensor.numel()
        if tell is not None and total:
            tell(behind / total)
    return tuple(found)


def total(parts: Iterable[TensorSize]) -> Total:
    """The figures of all tensors together."""
    parts = tuple(parts)
    return Total(
        weights=sum(part.weights for part in parts),
        zeros=sum(part.zeros for part in parts),
        bytes={name: sum(min(part.bytes[name], part.bytes["dense"]) for part in parts) for name in FORMATS},
        two_four=sum(part.weights for part in parts if part.two_four),
    )


def csr_bytes(tensor: Tensor) -> int:
    """`b m + 4 m + 4 (R + 1)`, see above."""
    rows = tensor.shape[0] if tensor.ndim > 1 else 1
    return (tensor.element_size() + INDEX) * _nonzeros(tensor) + INDEX * (rows + 1)


def zip_bytes(tensor: Tensor) -> int:
    """The length of the tensor's bytes, row by row, after zlib."""
    return len(zlib.compress(_bytes(tensor), ZIP_LEVEL))


def zstd_bytes(tensor: Tensor) -> int:
    """The length of the tensor's bytes, row by row, after Zstandard."""
    return len(zstandard.compress(_bytes(tensor), ZSTD_LEVEL))


def is_two_four(tensor: Tensor) -> bool | None:
    """Whether the tensor satisfies 2:4 along its input channels."""
    if not TWO_FOUR.fewest(tuple(tensor.shape)):
        return None
    # The floor counts at least two zeros for each group, so it is met only where every group has two.
    return TWO_FOUR.floor(_nonzero(tensor)) == tensor.numel() - _nonzeros(tensor)


def _bytes(tensor: Tensor) -> bytes:
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def _nonzero(tensor: Tensor) -> Tensor:
    """Which elements are not zero; torch compares no floats of eight bits."""
    return (tensor.float() if tensor.is_floating_point() and tensor.element_size() == 1 else tensor) != 0


def _nonzeros(tensor: Tensor) -> int:
    return int(_nonzero(tensor).sum())


def _size(name: str, tensor: Tensor) -> TensorSize:
    found = (tensor.nbytes, packed_bytes(tensor), csr_bytes(tensor), zip_bytes(tensor), zstd_bytes(tensor))
    return TensorSize(
        name=name,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        weights=tensor.numel(),
        zeros=tensor.numel() - _nonzeros(tensor),
        bytes=dict(zip(FORMATS, found, strict=True)),
        two_four=is_two_four(tensor),
    )
