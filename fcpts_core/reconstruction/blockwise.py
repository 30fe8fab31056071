"""Block after block, each imitates its dense self behind the sparse blocks before it.

    minimise  c mean (f_b - f'_b)^2 / mean f'_b^2          over the weights of stage `b`

`f_b` is what block `b` of the sparse model says, `f'_b` what it says in the dense one. A stage is a block together with
what the network registers before it and no earlier stage has (the first one its stem); the last stage is what comes
after all blocks and imitates the logits, by their mean square error. Masks are as in `netwise`; each stage gets its
share of the steps and has the whole schedule, warm-up and rising sparsity included, to itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.masks.parametrization import original, pruned, zeros_kept
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction import features, schedule
from fcpts_core.reconstruction.bounding import unnormalised
from fcpts_core.reconstruction.losses import relative_error
from fcpts_core.reconstruction.netwise import applied, masks_for
from fcpts_core.reconstruction.norms import norm_mode, undone_on_error
from fcpts_core.reconstruction.reached import in_order, output_of, shared_equally
from fcpts_core.reconstruction.resuming import marked
from fcpts_core.reconstruction.settings import Settings
from fcpts_core.reconstruction.stepping import descend, follow_back, in_numbers
from fcpts_core.reconstruction.training import (
    Training,
    next_batch,
    weight_optimizer,
)


@dataclass(frozen=True, eq=False)
class Stage:
    """A part of both networks whose outputs are compared, and what learns for it; the last part is the network."""

    student: nn.Module
    teacher: nn.Module
    parameters: tuple[nn.Parameter, ...]
    last: bool


def stages(problem: Problem) -> tuple[Stage, ...]:
    """The stages in network order, every parameter in exactly one of them, none without parameters."""
    mine, theirs = features.blocks(problem.student), features.blocks(problem.teacher)
    first = problem.images.inputs(torch.arange(1)).to(problem.device)
    parts = [(mine[index], theirs[index]) for index in in_order(problem.student, mine, first)]
    left, found = list(problem.student.parameters()), []
    for student, teacher in parts:
        own = {id(parameter) for parameter in student.parameters()}
        end = max((place + 1 for place, parameter in enumerate(left) if id(parameter) in own), default=0)
        found.append(Stage(student, teacher, tuple(left[:end]), last=False))
        left = left[end:]
    found.append(Stage(problem.student, problem.teacher, tuple(left), last=True))
    return tuple(stage for stage in found if stage.parameters)


def blockwise(problem: Problem, shares: tuple[float, ...]) -> Telling[tuple[float, ...]]:
    """The whole loop at the sparsities `shares` `[L]`; returns the thresholds of the masks it ends with."""
    settings, counts = problem.settings, problem.counts(shares)
    generator = torch.Generator().manual_seed(problem.seed)
    floors = [dense.numel() - int(dense.count_nonzero()) for dense in problem.dense]
    masks = masks_for(problem, counts)
    found, loose = stages(problem), unnormalised(problem)
    with (
        norm_mode(problem.student, settings.student_norms),
        norm_mode(problem.teacher, settings.teacher_norms),
        zeros_kept(problem.layers, problem.dense),
        pruned(problem.layers, masks),
        problem.bookmark.values("stages", stage=0, step=0) as at,
    ):
        for place, (stage, steps) in enumerate(zip(found, shared_equally(settings.steps, len(found)), strict=True)):
            own, learning = replace(settings, steps=steps), {id(parameter) for parameter in stage.parameters}
            if not steps or place < at["stage"]:
                continue
            at["stage"] = place
            parameters = nn.ParameterList(stage.parameters)
            bounded = tuple(parameter for parameter in loose if id(parameter) in learning)
            state = Training(weights=weight_optimizer(parameters, own), generator=generator, bounded=bounded)
            with _alone(problem.student, learning), marked(problem, state):
                while state.step < steps:
                    share = schedule.scheduled_target(own, 1.0, state.step)
                    for layer, mask, zeros, floor in zip(problem.layers, masks, counts, floors, strict=True):
                        if id(original(layer)) in learning:
                            mask.zeros = max(floor, round(share * zeros))
                    value, rate = _step(problem, own, state, stage)
                    at["step"] += 1
                    yield in_numbers(problem, at["step"], value, rate, [mask.chosen for mask in masks])
            for mask, zeros in zip(masks, counts, strict=True):
                mask.zeros = zeros
    return applied(problem, masks, counts)


@contextmanager
def _alone(network: nn.Module, learning: set[int]) -> Iterator[None]:
    """For a while, no other parameter of the network takes a gradient; afterwards none has one."""
    before = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    for parameter, needed in before:
        parameter.requires_grad_(needed and id(parameter) in learning)
    try:
        yield
    finally:
        for parameter, needed in before:
            parameter.requires_grad_(needed)
            parameter.grad = None


def _step(problem: Problem, own: Settings, state: Training, stage: Stage) -> tuple[float, float]:
    """One batch; returns the loss and the rate of the weights."""
    batch = next_batch(problem, state)
    rate = own.learning_rate * schedule.rate(own, state.step)
    with undone_on_error(problem.student):
        with torch.no_grad():
            meant = _said(problem, problem.teacher, stage.teacher, batch)
        said = _said(problem, problem.student, stage.student, batch)
        value = follow_back(state, _loss(said, meant, stage, own), own)
        descend(state, own, rate)
    state.step += 1
    return value, rate


def _said(problem: Problem, network: nn.Module, part: nn.Module, batch: Tensor) -> Tensor:
    return problem.task.rows(network, batch) if part is network else output_of(network, part, batch)


def _loss(said: Tensor, meant: Tensor, stage: Stage, own: Settings) -> Tensor:
    return F.mse_loss(said, meant) if stage.last else own.block_weight * relative_error(said, meant)
