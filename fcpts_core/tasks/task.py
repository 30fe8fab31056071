"""The interface of a task. A new one is a file with a class that has these members, and a line in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.silently import Shares

Figures = Mapping[str, float]
"""Measures by name, each a share in [0, 1]; the first one is the main one."""


class Task(Protocol):
    """`measure` and `measures` name what labels tell, `agreements` what is told without; the main one comes first.

    `objectives` are those of `reconstruction.losses` that make sense for `rows`; None where all of them do.
    """

    @property
    def name(self) -> str: ...

    @property
    def measures(self) -> tuple[str, ...]: ...

    @property
    def agreements(self) -> tuple[str, ...]: ...

    @property
    def objectives(self) -> frozenset[str] | None: ...

    def rows(self, network: nn.Module, batch: Tensor) -> Tensor:
        """What losses compare, `[R, C]`, of a batch `[B, channels, H, W]`: gradients pass through it."""
        ...

    def predict(self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None) -> Any:
        """What the network says of every image, in eval mode, on the CPU and as small as `judged` allows."""
        ...

    def predicting(self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None) -> Shares[Any]:
        """The same, telling after each batch how much is behind."""
        ...

    def labelled(self, images: ImageSet) -> bool:
        """Whether the images have what `judged` goes by."""
        ...

    def judged(self, said: Any, images: ImageSet) -> Figures:
        """`measures` of what was said of these images, which are labelled."""
        ...

    def agreed(self, said: Any, others: Any) -> Figures:
        """`agreements` of what two networks said of the same images; all are 1 where they said the same."""
        ...


def main_output(output: Any) -> Tensor:
    """The tensor that counts in what a network returns.

    That is a tensor itself; the entry "out" or "logits" of a dict (torchvision's segmentation models return `out` and
    `aux`), or its first tensor; the first tensor of a sequence (networks with auxiliary heads); the attribute `logits`.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        named = [output[name] for name in ("out", "logits") if name in output]
        parts = [*named, *output.values()]
    else:
        parts = [*([output.logits] if hasattr(output, "logits") else []), *_items(output)]
    for part in parts:
        if isinstance(part, Tensor):
            return part
    raise InputError(
        f"The network returns a {type(output).__name__} without a tensor: expected a tensor, or a dict or a tuple with "
        "one."
    )


def _items(output: Any) -> list[Any]:
    return list(output) if isinstance(output, tuple | list) else []
