"""Accuracy and agreement of logits `[N, classes]`, and how a network's logits are had without changing the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.silently import Shares, returned

Said = TypeVar("Said")

MOST_PIXELS = 2**20
"""Of one batch that is measured: activations of a wide network take some kilobytes a pixel."""


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of the rows of `logits` whose largest entry stands at the label; `labels` is `[N]`."""
    return _share(logits.argmax(dim=1) == labels.to(logits.device))


def agreement(logits: Tensor, others: Tensor) -> float:
    """Share of the rows on which two networks name the same class."""
    return _share(logits.argmax(dim=1) == others.argmax(dim=1).to(logits.device))


def predict(
    module: nn.Module, images: ImageSet, batch_size: int | None = None, device: torch.device | str | None = None
) -> Tensor:
    """Logits `[N, classes]` of all images, on the CPU, in eval mode; `device` is where the module is."""
    return torch.cat(over_batches(module, images, lambda batch: module(batch).cpu(), batch_size, device))


def over_batches(
    module: nn.Module,
    images: ImageSet,
    say: Callable[[Tensor], Said],
    batch_size: int | None = None,
    device: torch.device | str | None = None,
) -> list[Said]:
    """What `say` makes of each batch of normalised images while `module`, which it asks, is in eval mode."""
    return returned(telling_batches(module, images, say, batch_size, device))


def telling_batches(
    module: nn.Module,
    images: ImageSet,
    say: Callable[[Tensor], Said],
    batch_size: int | None = None,
    device: torch.device | str | None = None,
) -> Shares[list[Said]]:
    """The same, telling after each batch how much is behind."""
    place = device or next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    with eval_mode(module):
        batches = torch.split(torch.arange(len(images)), batch_size or batch_for(images))
        found = []
        for number, batch in enumerate(batches, 1):
            with torch.no_grad():  # not around the telling: whoever listens may need gradients
                found.append(say(images.inputs(batch).to(place)))
            yield number / len(batches)
        return found


def batch_for(images: ImageSet) -> int:
    """How many images are looked at together: 256 small ones, and of large ones what `MOST_PIXELS` are."""
    return max(1, min(256, MOST_PIXELS // (images.images.shape[2] * images.images.shape[3])))


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Every part of `module` in eval mode for a while; afterwards each is in the mode it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _share(hits: Tensor) -> float:
    return int(hits.sum()) / len(hits)
