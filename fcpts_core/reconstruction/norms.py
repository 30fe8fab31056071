"""Batch norm: whose statistics hold when, and how they are taken anew after the weights have changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fcpts_core.data.images import ImageSet
from fcpts_core.measure.accuracy import batch_for

FEWEST, MOST = 16, 128


def norm_layers(module: nn.Module) -> tuple[_BatchNorm, ...]:
    """All batch norms that keep running statistics."""
    return tuple(part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats)


@contextmanager
def norm_mode(module: nn.Module, mode: str) -> Iterator[None]:
    """The whole network in eval mode but its batch norms in `mode`, "train" or "eval"; all modes restored after."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    for norm in norm_layers(module):
        norm.train(mode == "train")
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


@contextmanager
def undone_on_error(module: nn.Module) -> Iterator[None]:
    """If the body raises, the running statistics are what they were before it."""
    before = [(buffer, buffer.clone()) for norm in norm_layers(module) for buffer in norm.buffers()]
    try:
        yield
    except BaseException:
        for buffer, value in before:
            buffer.copy_(value)
        raise


@torch.no_grad()
def recalibrate(module: nn.Module, images: ImageSet, batch_size: int | None = None) -> None:
    """Replace the running mean and variance of all batch norms by their averages over batches of these images.

    Batches are of `together(images)` unless another size is asked for.
    Every batch counts the same, whatever was there before; a last batch of one image is left out where it can be,
    since it has no variance. A network without batch norm is left alone.
    """
    norms = norm_layers(module)
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    device = next(module.parameters()).device
    with norm_mode(module, "train"):
        try:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # a cumulative average
            for batch in torch.arange(len(images)).split(batch_size or together(images)):
                if len(batch) > 1 or len(images) == 1:
                    module(images.inputs(batch).to(device))
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum


def together(images: ImageSet) -> int:
    """How many images norm statistics are averaged over: 128 small ones, fewer large ones, for the memory they take.

    At least 16: a norm behind a global pooling sees no more numbers than that.
    """
    return max(FEWEST, min(MOST, batch_for(images)))
