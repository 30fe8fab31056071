"""Repair of what pruning does to means and variances, nothing learned: the first part of POT (Lazarevich et al., 2021).

For each output channel with dense weights `W` and `S = m W` after pruning, means and deviations over all of them,

    S <- S std(W) / std(S)            S <- S + m (mean(W) - mean(S))

then norm statistics are taken anew, and layer after layer each bias makes up for the mean shift of its output,
`b <- b + mean(dense output) - mean(sparse output)`, over the calibration images and all positions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from fcpts_core.models.layers import PrunableLayer
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.magnitude import prune_by_magnitude
from fcpts_core.reconstruction.norms import norm_mode, recalibrate
from fcpts_core.reconstruction.reached import in_order, output_of
from fcpts_core.reconstruction.training import thresholds_of

BATCH = 128


def repair_statistics(problem: Problem, shares: tuple[float, ...]) -> Telling[tuple[float, ...]]:
    """Exactly `round(r_l n_l)` zeros in layer `l`, the rest repaired; returns the thresholds `[L]`.

    After a second-order start the weights are those of least squares already, so only norms and biases are repaired.
    """
    yield from prune_by_magnitude(problem, shares)
    if problem.settings.start == "magnitude":
        for layer, dense in zip(problem.layers, problem.dense, strict=True):
            weight = layer.weight.detach()
            weight.copy_(matched(weight, dense, axis=int(isinstance(layer.module, _ConvTransposeNd))))
    if problem.settings.recalibrate:
        recalibrate(problem.student, problem.images)
    correct_biases(problem)
    return thresholds_of([layer.weight for layer in problem.layers])


def matched(sparse: Tensor, dense: Tensor, axis: int = 0) -> Tensor:
    """The non-zero weights with the deviation of the dense ones and then shifted, channel by channel along `axis`.

    A channel whose weights are all alike has no deviation to be brought back: it keeps its scale.
    """
    rows, target = sparse.movedim(axis, 0).flatten(1), dense.movedim(axis, 0).flatten(1)
    now, wanted = (part.std(dim=1, unbiased=False, keepdim=True) for part in (rows, target))
    usable = (now > 0) & (wanted > 0)
    scaled = rows * torch.where(usable, wanted / now.where(usable, torch.ones_like(now)), 1)
    moved = scaled + target.mean(dim=1, keepdim=True) - scaled.mean(dim=1, keepdim=True)
    # What is zero stays so, and a kept weight must not become zero, however unlikely.
    kept = torch.where((rows == 0) | (moved == 0), rows, moved)
    shape = sparse.movedim(axis, 0).shape
    return kept.view(shape).movedim(0, axis)


@torch.no_grad()
def correct_biases(problem: Problem) -> None:
    """Each bias of the problem's layers, in the order in which they are called, makes up for the shift of the mean."""
    batches = torch.arange(len(problem.images)).split(BATCH)
    first = problem.images.inputs(batches[0][:1]).to(problem.device)
    with norm_mode(problem.student, "eval"):
        for index in in_order(problem.student, [layer.module for layer in problem.layers], first):
            layer = problem.layers[index]
            bias = layer.module.bias
            if isinstance(bias, nn.Parameter):
                said, meant = bias.new_zeros(bias.shape).double(), bias.new_zeros(bias.shape).double()
                for batch in batches:
                    inputs = problem.images.inputs(batch).to(problem.device)
                    teacher = problem.teacher.get_submodule(layer.name)
                    said += _sums(layer, output_of(problem.student, layer.module, inputs)) * len(batch)
                    meant += _sums(layer, output_of(problem.teacher, teacher, inputs)) * len(batch)
                bias.add_(((meant - said) / len(problem.images)).to(bias.dtype))


def _sums(layer: PrunableLayer, output: Tensor) -> Tensor:
    """The mean of each output channel over images and positions, in double precision."""
    channels = output if isinstance(layer.module, nn.Linear) else output.movedim(1, -1)
    return channels.flatten(0, -2).double().mean(dim=0)
