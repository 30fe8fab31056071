"""How far one step may carry a tensor that no norm follows: adaptive gradient clipping.

    |g| <= c (1 - momentum) / learning_rate  *  max(|w|, 0.01 sqrt(n))          c = `step_bound`, n = numel(w)

A norm behind a layer makes what the network says independent of the scale of the layer's weights, and their gradient
falls as they grow: any rate settles. Without one, the loss is about quadratic in the weights, and beyond
2 / curvature every step is larger than the one before. That curvature is not known, but it falls with `|w|^2`, so the
bound is on the step relative to the tensor. A run of the largest gradients, with momentum, changes a tensor by the
share `c` a step at the peak of the schedule, whatever the learning rate. Zeros can learn too: no tensor counts as
smaller than 0.01 in its root mean square.

Sources: You et al., LARS, arXiv 1708.03888, for the relative step; Brock et al., ICML 2021, arXiv 2102.06171, for the
form as a clip of the gradient. There it is the rows of a matrix that are clipped, here whole tensors.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from fcpts_core.models.layers import PrunableLayer, all_layers
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.reconstruction.settings import Settings

SMALLEST = 0.01  # root mean square of a tensor, for the bound


def unnormalised(problem: Problem) -> tuple[nn.Parameter, ...]:
    """All parameters but those of layers in front of a norm and the norm's own, in network order.

    None where at most the last layer has no norm behind it: for it alone the loss is no more than least squares.
    """
    student, settled = problem.student, set[int]()
    called = followed(problem, all_layers(student))
    for layer, norms in called:
        if norms:
            settled.update(id(parameter) for part in (layer.module, *norms) for parameter in part.parameters())
    if all(norms for _, norms in called[:-1]):
        return ()
    return tuple(parameter for parameter in student.parameters() if id(parameter) not in settled)


@torch.no_grad()
def followed(
    problem: Problem, layers: tuple[PrunableLayer, ...]
) -> tuple[tuple[PrunableLayer, tuple[nn.Module, ...]], ...]:
    """The layers that the network calls, each with the norms that are given its outputs; none if one goes elsewhere.

    Found by one forward pass of one image. A batch norm counts where it will be in training mode.
    """
    norms = [part for part in problem.student.modules() if _normalises(part, problem.settings)]
    said: list[tuple[int, object]] = []  # tensors are held here, so that no other one gets the identity of one
    given: dict[int, tuple[object, nn.Module]] = {}
    handles = [
        module.register_forward_hook(lambda module, args, output, index=index: said.append((index, output)))
        for index, layer in enumerate(layers)
        for module in layer.modules
    ]
    handles += [
        norm.register_forward_pre_hook(lambda norm, args: given.update({id(args[0]): (args[0], norm)}))
        for norm in norms
    ]
    try:
        with norm_mode(problem.student, "eval"):
            problem.task.rows(problem.student, problem.images.inputs(torch.arange(1)).to(problem.device))
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for index, layer in enumerate(layers):
        outputs = [id(output) for place, output in said if place == index]
        behind = tuple(given[output][1] for output in outputs if output in given)
        if outputs:
            found.append((layer, behind if len(behind) == len(outputs) else ()))
    return tuple(found)


@torch.no_grad()
def bound(parameters: Iterable[nn.Parameter], settings: Settings) -> None:
    """Clips the gradients of these parameters in place, as the module says. Adam's steps are bounded by themselves."""
    if settings.optimizer != "sgd" or settings.learning_rate == 0:
        return
    limit = settings.step_bound * (1 - settings.momentum) / settings.learning_rate
    for parameter in parameters:
        if parameter.grad is not None:
            size = parameter.norm().clamp(min=SMALLEST * parameter.numel() ** 0.5)
            parameter.grad.mul_((limit * size / parameter.grad.norm()).clamp(max=1))


def _normalises(part: nn.Module, settings: Settings) -> bool:
    if isinstance(part, _BatchNorm):
        return settings.student_norms == "train" or not part.track_running_stats
    return isinstance(part, nn.GroupNorm | nn.LayerNorm | _InstanceNorm)
