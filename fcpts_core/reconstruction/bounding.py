"""How far one step may carry the weights behind which no norm comes: adaptive gradient clipping, unit by unit.

    |g_i| <= c (1 - momentum) / learning_rate  *  max(|w_i|, 0.01 sqrt(n))          c = `step_bound`, n = numel(w_i)

for the weights `w_i` of each output channel `i`, and for each vector as a whole. A norm right behind a layer makes what
the network says independent of the scale of the layer's weights, and their gradient falls as they grow: any rate
settles. One further on keeps what the layer says in bounds. Without any, the loss is about quadratic in the weights,
and beyond 2 / curvature every step is larger than the one before. That curvature is not known, but it falls with
`|w_i|^2`, so the bound is on the step relative to the weights. Where a norm has been folded into its layer, channels of
one tensor differ a hundredfold, and the gradient is largest where they are small: a bound on the tensor as a whole
would let those go anywhere. A run of the largest gradients, with momentum, changes a channel by the share `c` a step at
the peak of the schedule, whatever the learning rate. Zeros can learn too: nothing counts as smaller than 0.01 in its
root mean square.

Sources: You et al., LARS, arXiv 1708.03888, for the relative step; Brock et al., ICML 2021, arXiv 2102.06171, for the
clip of the gradient by units.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from fcpts_core.models.layers import PrunableLayer, all_layers
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.reconstruction.settings import Settings

SMALLEST = 0.01  # root mean square of a unit, for the bound


def unnormalised(problem: Problem) -> tuple[nn.Parameter, ...]:
    """The parameters of layers behind which no norm comes, in network order; all there are if there is no norm.

    None where that is at most one layer: for the last layer alone the loss is no more than least squares.
    """
    student = problem.student
    layers, norms = called(problem)
    if len(layers) <= 1:
        return ()
    if not norms:
        return tuple(student.parameters())
    loose = {id(parameter) for layer in layers for parameter in layer.module.parameters()}
    return tuple(parameter for parameter in student.parameters() if id(parameter) in loose)


@torch.no_grad()
def called(problem: Problem) -> tuple[tuple[PrunableLayer, ...], int]:
    """The layers that one forward pass calls after the last norm, and how many norms it calls.

    A batch norm counts where it will be in training mode.
    """
    last: dict[int, PrunableLayer] = {}
    norms = 0

    def pass_norm() -> None:
        nonlocal norms
        norms += 1
        last.clear()

    handles = [
        module.register_forward_hook(lambda module, args, output, layer=layer: last.update({id(layer): layer}))
        for layer in all_layers(problem.student)
        for module in layer.modules
    ]
    handles += [
        part.register_forward_hook(lambda module, args, output: pass_norm())
        for part in problem.student.modules()
        if _normalises(part, problem.settings)
    ]
    try:
        with norm_mode(problem.student, "eval"):
            problem.task.rows(problem.student, problem.images.inputs(torch.arange(1)).to(problem.device))
    finally:
        for handle in handles:
            handle.remove()
    return tuple(last.values()), norms


@torch.no_grad()
def bound(parameters: Iterable[nn.Parameter], settings: Settings) -> None:
    """Clips the gradients of these parameters in place, as the module says. Adam's steps are bounded by themselves."""
    if settings.optimizer != "sgd" or settings.learning_rate == 0:
        return
    limit = settings.step_bound * (1 - settings.momentum) / settings.learning_rate
    for parameter in parameters:
        if parameter.grad is not None:
            weights, slopes = units(parameter), units(parameter.grad)
            sizes = weights.norm(dim=1).clamp(min=SMALLEST * weights.shape[1] ** 0.5)
            factors = (limit * sizes / slopes.norm(dim=1)).nan_to_num(1.0).clamp(max=1)
            parameter.grad.mul_(factors.view(-1, *[1] * (parameter.ndim - 1)) if parameter.ndim > 1 else factors)


def units(tensor: Tensor) -> Tensor:
    """One row for each output channel `[C, n / C]`, a vector as one row `[1, n]`."""
    return tensor.flatten(1) if tensor.ndim > 1 else tensor.view(1, -1)


def _normalises(part: nn.Module, settings: Settings) -> bool:
    if isinstance(part, _BatchNorm):
        return settings.student_norms == "train" or not part.track_running_stats
    return isinstance(part, nn.GroupNorm | nn.LayerNorm | _InstanceNorm)
