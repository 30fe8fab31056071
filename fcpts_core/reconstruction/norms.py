"""Batch norm: whose statistics hold when, and how they are taken anew after the weights have changed.

A norm with the running mean `m` and variance `v` says `y = gamma (a - m) / sqrt(v + eps) + beta`. There are two ways to
give it the mean `mu` and variance `s` that its inputs really have: `recalibrate` leaves `gamma` and `beta` and so
brings the outputs back to the deviation they had; `rebase` changes them along with the statistics and so changes
nothing of what the network says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
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


@torch.no_grad()
def rebase(module: nn.Module, images: ImageSet) -> None:
    """Gives all batch norms the statistics of their inputs, and a scale and shift with which they say what they said.

        gamma' = gamma sqrt((s + eps) / (v + eps)),        beta' = beta + gamma (mu - m) / sqrt(v + eps)

    with `mu` and `s` over all these images at once. In eval mode the network is the same before and after; in training
    mode it now says nearly that too, since a batch has nearly these statistics. Norms without a scale and shift that
    are theirs alone, or that are never called, are left alone.
    """
    owners = Counter(id(parameter) for part in module.modules() for parameter in part.parameters(recurse=False))
    norms = [
        norm for norm in norm_layers(module) if norm.affine and owners[id(norm.weight)] == owners[id(norm.bias)] == 1
    ]
    if not norms:
        return
    seen: dict[_BatchNorm, Spread] = {}

    def look(norm: nn.Module, args: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, _BatchNorm)
        spread = Spread.of(args[0])
        seen[norm] = seen[norm] + spread if norm in seen else spread

    handles = [norm.register_forward_pre_hook(look) for norm in norms]
    device = next(module.parameters()).device
    try:
        with norm_mode(module, "eval"):
            for batch in torch.arange(len(images)).split(together(images)):
                module(images.inputs(batch).to(device))
    finally:
        for handle in handles:
            handle.remove()
    for norm, spread in seen.items():
        _move(norm, spread)


@dataclass(frozen=True, eq=False)
class Spread:
    """How many numbers each channel has had, their mean and their variance `[C]`, in double precision."""

    count: int
    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, inputs: Tensor) -> Spread:
        """Of inputs `[N, C, ...]`."""
        across = [axis for axis in range(inputs.ndim) if axis != 1]
        variance, mean = torch.var_mean(inputs, across, correction=0)
        return cls(inputs.numel() // inputs.shape[1], mean.cpu().double(), variance.cpu().double())

    def __add__(self, other: Spread) -> Spread:
        count = self.count + other.count
        share, between = other.count / count, other.mean - self.mean
        variance = self.variance + share * (other.variance - self.variance) + share * (1 - share) * between.square()
        return Spread(count, self.mean + share * between, variance)


def _move(norm: _BatchNorm, spread: Spread) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    before = (variance.cpu().double() + norm.eps).sqrt()
    scale = norm.weight.cpu().double()
    norm.bias.add_((scale * (spread.mean - mean.cpu().double()) / before).to(norm.bias))
    norm.weight.copy_(scale * (spread.variance + norm.eps).sqrt() / before)
    mean.copy_(spread.mean)
    variance.copy_(spread.variance)


def together(images: ImageSet) -> int:
    """How many images norm statistics are averaged over: 128 small ones, fewer large ones, for the memory they take.

    At least 16: a norm behind a global pooling sees no more numbers than that.
    """
    return max(FEWEST, min(MOST, batch_for(images)))
