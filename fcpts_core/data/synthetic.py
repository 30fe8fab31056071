"""Calibration images made from a network's own batch norms, for people whose data may not leave its place.

    minimise  sum over norms |mean - running mean|^2 + |variance - running variance|^2     (each relative to the latter)
              + TV * mean |neighbouring pixels' difference| + L2 * mean x^2

over the pixels of a batch that begins as noise: every norm keeps the statistics of what it saw while the network was
trained, and images with these statistics resemble it to the network, hardly to people (the regularisers of
DeepInversion, Yin et al., CVPR 2020, without its class term). They are worse than photographs: use them where there are
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fcpts_core.data.images import ImageSet
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError, RunError
from fcpts_core.silently import Shares, returned

NAME = "synthetic"
NOTE = (
    "The calibration images are synthetic, made from the model's own norm statistics: no data was used. "
    "Real images, even a few, give a better sparse model."
)
STEPS = 100
BATCH = 64
MOST = 256
RATE = 0.05
TV, L2 = 0.02, 0.001


def synthesise(network: nn.Module, transform: Transform, size: tuple[int, int], count: int, seed: int) -> ImageSet:
    """The images that `synthesising` makes, without a word on the way."""
    return returned(synthesising(network, transform, size, count, seed))


def synthesising(
    network: nn.Module, transform: Transform, size: tuple[int, int], count: int, seed: int
) -> Shares[ImageSet]:
    """At most `MOST` images of this height and width, the same ones for the same seed; the network stays as it was.

    A network without norms that keep statistics says nothing of its data: InputError.
    """
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm) and part.running_mean is not None]
    if not norms:
        raise InputError(
            "The model has no batch norm that keeps statistics (transformers and models with folded norms have none), "
            "so no images can be made from it: pass calibration images."
        )
    generator = torch.Generator().manual_seed(seed)
    device = next(network.parameters()).device
    pixels = []
    most = min(count, MOST)
    for start in range(0, most, BATCH):
        number = min(BATCH, most - start)
        begun = torch.randn(number, len(transform.mean), *size, generator=generator)
        learning = _learning(network, norms, begun.to(device), transform)
        pixels.append(_bytes((yield from _part_of(learning, start / most, number / most)), transform))
    return ImageSet(NAME, torch.cat(pixels), None, transform.mean, transform.std)


def noise(network: nn.Module, transform: Transform, size: tuple[int, int], count: int, seed: int) -> ImageSet:
    """As many images of nothing, to try out a run."""
    generator = torch.Generator().manual_seed(seed)
    shape = (min(count, MOST), len(transform.mean), *size)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    return ImageSet(NAME, pixels, None, transform.mean, transform.std)


def _part_of(telling: Shares[Tensor], behind: float, part: float) -> Shares[Tensor]:
    """The shares of one part of the work as shares of the whole."""
    while True:
        try:
            yield behind + part * next(telling)
        except StopIteration as end:
            found: Tensor = end.value
            return found


def _learning(network: nn.Module, norms: Sequence[_BatchNorm], begun: Tensor, transform: Transform) -> Shares[Tensor]:
    """Normalised images `[B, C, H, W]`, kept between black and white."""
    low, high = _limits(transform, begun)
    images = begun.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([images], lr=RATE)
    with _watched(network, norms) as seen:
        for step in range(STEPS):
            seen.clear()
            optimizer.zero_grad(set_to_none=True)
            network(images)
            loss = torch.stack(seen).mean() + TV * _variation(images) + L2 * images.square().mean()
            if not bool(loss.isfinite()):
                raise RunError("The synthetic images are no longer finite: pass calibration images.")
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                images.copy_(images.clamp(low, high))
            yield (step + 1) / STEPS
    return images.detach()


@contextmanager
def _watched(network: nn.Module, norms: Sequence[_BatchNorm]) -> Iterator[list[Tensor]]:
    """In eval mode without gradients of the weights; the list gets a mismatch for every norm that is called."""
    found: list[Tensor] = []

    def compare(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        assert isinstance(module, _BatchNorm)
        found.append(_mismatch(module, args[0]))

    needed = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    modes = [(part, part.training) for part in network.modules()]
    handles = [norm.register_forward_pre_hook(compare) for norm in norms]
    network.eval().requires_grad_(False)
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
        for parameter, wanted in needed:
            parameter.requires_grad_(wanted)
        for part, training in modes:
            part.training = training


def _mismatch(norm: _BatchNorm, x: Tensor) -> Tensor:
    """How far the statistics of `x` `[B, C, ...]` are from those that the norm keeps, 0 where they are the same."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    axes = [axis for axis in range(x.ndim) if axis != 1]
    mean, variance = x.mean(dim=axes), x.var(dim=axes, unbiased=False)
    spread = norm.running_var + norm.eps
    return ((mean - norm.running_mean).square() / spread + ((variance - norm.running_var) / spread).square()).mean()


def _variation(images: Tensor) -> Tensor:
    down, right = images.diff(dim=2).abs().mean(), images.diff(dim=3).abs().mean()
    return down + right


def _limits(transform: Transform, like: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values).view(1, -1, 1, 1).to(like) for values in (transform.mean, transform.std))
    return -mean / std, (1 - mean) / std


def _bytes(images: Tensor, transform: Transform) -> Tensor:
    """Inverse of the normalisation, uint8."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (transform.mean, transform.std))
    return ((images.cpu() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
