"""Masked weights made anew for the backward pass instead of kept for it.

A layer keeps the weight with which it was computed until its backward pass: beside the weights `w` all `w m` then, a
second network. But `w` is there anyway and `m` follows from it, so while `remade` is open only the way to `w m` is
kept, and the few elementwise operations are done again, to the same bits, one layer at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

Make = Callable[[], Tensor]

RECENT = 2
"""Masked weights that are known at a time: a layer uses its own at once, and they are as large as the layer."""


@dataclass
class _Recent:
    """The latest masked weights; as long as they are held here, nothing else can lie where they do."""

    known: deque[tuple[Tensor, Make]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def pack(self, tensor: Tensor) -> _Kept | _Way:
        if tensor.layout is torch.strided and type(tensor) in (Tensor, torch.nn.Parameter) and not tensor.is_nested:
            place = tensor.untyped_storage().data_ptr()
            for masked, make in self.known:
                if place and place == masked.untyped_storage().data_ptr() and tensor.dtype == masked.dtype:
                    return _Way(make, masked.stride(), tensor.shape, tensor.stride(), int(tensor.storage_offset()))
        return _Kept(tensor, tensor._version)


@dataclass(frozen=True, eq=False)
class _Kept:
    """Any other tensor, with autograd's own check, which it leaves to whoever packs."""

    tensor: Tensor
    version: int

    def unpacked(self) -> Tensor:
        if self.tensor._version != self.version:
            raise RuntimeError(
                f"A tensor of shape {list(self.tensor.shape)} that the backward pass needs has been changed in place "
                "by the network: expected operations that leave it as it is."
            )
        return self.tensor


@dataclass(frozen=True, eq=False)
class _Way:
    """How to make a masked weight with these `strides`, and which view of it was kept."""

    make: Make
    strides: tuple[int, ...]
    shape: torch.Size
    view: tuple[int, ...]
    offset: int

    def unpacked(self) -> Tensor:
        with torch.no_grad():
            made = self.make()
            assert made.stride() == self.strides
            return made.as_strided(self.shape, self.view, self.offset)


_OPEN: ContextVar[_Recent | None] = ContextVar("recent", default=None)


@contextmanager
def remade() -> Iterator[None]:
    """Forward passes in the body keep no masked weights of which `known` was told.

    Until their backward pass is over, what those are made of must stay as it is.
    """
    recent = _Recent()
    token = _OPEN.set(recent)
    try:
        with saved_tensors_hooks(recent.pack, _unpack):
            yield
    finally:
        _OPEN.reset(token)
        recent.known.clear()


def known(masked: Tensor, make: Make) -> Tensor:
    """`masked` itself; says that `make()` gives the same bits, with the same strides."""
    if (recent := _OPEN.get()) is not None:
        recent.known.append((masked.detach(), make))
    return masked


def _unpack(packed: Any) -> Tensor:
    tensor: Tensor = packed.unpacked()
    return tensor
