"""Norms for the time of learning, in networks that have none: behind their convolutions, folded into them afterwards.

A batch norm behind convolution `l`, with `a = w * x + b` and `s = sqrt(var + eps)`, says

    y = gamma (a - mu) / s + beta

It is put there with `mu` and `var` as they are on the calibration images, `gamma = s` and `beta = mu`, so `y = a`: the
network in eval mode says what it said before. While weights are pruned and learn, the norm keeps the mean and the
deviation of every channel where the dense network had them, and any rate settles (see `bounding`). In the end its
statistics are taken anew and it disappears in its convolution, channel by channel, zeros staying zeros:

    w <- w gamma / s            b <- (b - mu) gamma / s + beta

The network has the same parameters as before then. Folding is what was done to most networks without norms before
they were published (Jacob et al., CVPR 2018, section 3.2); here it is undone for a while, and done where it never was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fcpts_core.models.layers import all_layers
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.norms import norm_mode, recalibrate

NAME = "temporary_norm"
NORMS = {nn.Conv1d: nn.BatchNorm1d, nn.Conv2d: nn.BatchNorm2d, nn.Conv3d: nn.BatchNorm3d}
SMALLEST = 1e-12  # of gamma / s: below it a kept weight could become a zero that nobody asked for


@contextmanager
def renormed(problem: Problem) -> Iterator[bool]:
    """Norms behind the student's convolutions for a while, if it has none and may have some; says whether it has.

    Whatever ends it, the student is left with the modules and parameters that it had.
    """
    modules = lacking(problem)
    with ExitStack() as stack:
        norms = [_norm_of(module) for module in modules]
        for module, norm in zip(modules, norms, strict=True):
            module.add_module(NAME, norm)
            stack.callback(module.__delattr__, NAME)
        if modules:
            _begin(problem, modules, norms)
            stack.callback(_fold, modules, norms)
            for module in modules:
                stack.callback(module.register_forward_hook(_applied).remove)
        yield bool(modules)
        if modules:
            recalibrate(problem.student, problem.images)


def lacking(problem: Problem) -> tuple[nn.Module, ...]:
    """The convolutions that get a norm, in the order of their calls: none where the network has one, of any kind.

    Each is called once with its own weights, may learn, has a bias to fold into and more than one position to average
    over. The last layer called is none of them: its outputs are what the student is to say, at their own scale.
    """
    settings = problem.settings
    if not (settings.unfold and settings.recalibrate and settings.student_norms == "train"):
        return ()
    if has_norms(problem.student):
        return ()
    calls = _calls(problem)
    modules = [module for module, _ in calls]
    return tuple(
        module
        for (module, positions) in calls
        if type(module) in NORMS and positions > 1 and module is not modules[-1]
        if modules.count(module) == 1 and _alone(problem, module) and _learns(module)
    )


@torch.no_grad()
def _calls(problem: Problem) -> list[tuple[nn.Module, int]]:
    """The modules of all layers as one forward pass calls them, and how many positions each has in its output."""
    found: list[tuple[nn.Module, int]] = []

    def note(module: nn.Module, args: object, output: object) -> None:
        channels = getattr(module, "out_channels", 0)
        found.append((module, output.numel() // channels if isinstance(output, Tensor) and channels else 0))

    modules = {module: None for layer in all_layers(problem.student) for module in layer.modules}
    handles = [module.register_forward_hook(note) for module in modules]
    try:
        with norm_mode(problem.student, "eval"):
            problem.task.rows(problem.student, problem.images.inputs(torch.arange(1)).to(problem.device))
    finally:
        for handle in handles:
            handle.remove()
    return found


def _learns(module: nn.Module) -> bool:
    parameters = [module.weight, module.bias]
    return all(isinstance(parameter, nn.Parameter) and parameter.requires_grad for parameter in parameters)


def _alone(problem: Problem, module: nn.Module) -> bool:
    """Whether no other module has its weights."""
    return any(layer.modules == (module,) for layer in all_layers(problem.student))


def has_norms(network: nn.Module) -> bool:
    """Whether it has a norm of any kind."""
    return any(_normalises(part) for part in network.modules())


def _normalises(part: nn.Module) -> bool:
    # By name: networks bring norms of their own, such as timm's LayerNorm2d or a RMSNorm, and any of them will do.
    return "norm" in type(part).__name__.lower() and not any(part.children())


def _norm_of(module: nn.Module) -> _BatchNorm:
    weight = module.weight
    assert isinstance(weight, Tensor)
    kind = NORMS[type(module)]  # type: ignore[index]
    return kind(weight.shape[0], device=weight.device, dtype=weight.dtype)


@torch.no_grad()
def _begin(problem: Problem, modules: Sequence[nn.Module], norms: Sequence[_BatchNorm]) -> None:
    """Statistics of the network as it is, and the norms such that they change nothing."""
    handles = [module.register_forward_hook(_watched) for module in modules]
    try:
        recalibrate(problem.student, problem.images)
    finally:
        for handle in handles:
            handle.remove()
    for norm in norms:
        mean, deviation = _statistics(norm)
        norm.weight.copy_(deviation)
        norm.bias.copy_(mean)


@torch.no_grad()
def _fold(modules: Sequence[nn.Module], norms: Sequence[_BatchNorm]) -> None:
    for module, norm in zip(modules, norms, strict=True):
        weight, bias = module.weight, module.bias
        assert isinstance(weight, Tensor)
        assert isinstance(bias, Tensor)
        mean, deviation = _statistics(norm)
        factor = norm.weight / deviation
        factor = torch.where(factor.abs() < SMALLEST, SMALLEST, factor)
        weight.mul_(factor.view(-1, *[1] * (weight.ndim - 1)))
        bias.copy_((bias - mean) * factor + norm.bias)


def _statistics(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """`mu` and `s`."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return mean, (variance + norm.eps).sqrt()


def _watched(module: Any, args: object, output: Tensor) -> None:
    getattr(module, NAME)(output)


def _applied(module: Any, args: object, output: Tensor) -> Tensor:
    said: Tensor = getattr(module, NAME)(output)
    return said
