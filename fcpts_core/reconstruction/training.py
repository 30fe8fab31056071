"""What all learning loops share: batches of views, both networks' answers, optimizers, and the check of every step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from fcpts_core.bridge.inverse import threshold_for_count
from fcpts_core.data.augment import augment
from fcpts_core.errors import RunError
from fcpts_core.masks.parametrization import zeros_kept
from fcpts_core.masks.remade import remade
from fcpts_core.measure import memory
from fcpts_core.problem import Problem
from fcpts_core.reconstruction import features
from fcpts_core.reconstruction.losses import OBJECTIVES, View
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.reconstruction.precision import computing, precision_of
from fcpts_core.reconstruction.settings import Settings


@dataclass(eq=False, kw_only=True)
class Training:
    """What learning has come to; `waiting` are the images of the current pass not seen yet.

    `bounded` are the parameters whose steps are (see `bounding`).
    """

    weights: torch.optim.Optimizer
    generator: torch.Generator
    bounded: tuple[nn.Parameter, ...] = ()
    student_blocks: list[Tensor] = field(default_factory=list)
    teacher_blocks: list[Tensor] = field(default_factory=list)
    waiting: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    step: int = 0


@contextmanager
def watched(problem: Problem, state: Training) -> Iterator[None]:
    """Hooks on the blocks, norms in the settings' modes, zeros of the dense model kept; all taken off again."""
    settings = problem.settings
    with ExitStack() as stack:
        stack.enter_context(norm_mode(problem.student, settings.student_norms))
        stack.enter_context(norm_mode(problem.teacher, settings.teacher_norms))
        needs_blocks = "blocks" in settings.objective
        for network, name in ((problem.student, "student_blocks"), (problem.teacher, "teacher_blocks")):
            parts = features.blocks(network) if needs_blocks else ()
            setattr(state, name, stack.enter_context(features.caught(parts)))
        stack.enter_context(zeros_kept(problem.layers, problem.dense))
        # What comes before and after asks for other sizes than learning does: neither fits where the other was.
        memory.give_back()
        stack.callback(memory.give_back)
        yield


def weight_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Weight decay on matrices only; norms and biases learn too, without it."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if settings.optimizer == "adam":
        return torch.optim.AdamW(groups, lr=settings.learning_rate)
    return torch.optim.SGD(
        groups,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.nesterov and settings.momentum > 0,
    )


def parameters_of(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def next_batch(problem: Problem, state: Training) -> Tensor:
    """The next images, normalised and varied. Passes are shuffled; a batch never spans two of them."""
    settings, images = problem.settings, problem.images
    size = min(settings.batch_size, len(images))
    if len(state.waiting) < size:
        state.waiting = torch.randperm(len(images), generator=state.generator)
    chosen, state.waiting = state.waiting[:size], state.waiting[size:]
    return views(problem, chosen, state.generator).to(problem.device)


def views(problem: Problem, chosen: Tensor | None, generator: torch.Generator) -> Tensor:
    """The images at `chosen` (all of them for None), varied as the settings say; on the processor."""
    settings, images = problem.settings, problem.images
    how = (
        settings.augment if images.flippable else settings.augment.replace("crop-flip", "crop").replace("flip", "none")
    )
    varied = augment(images.inputs(chosen), how, generator=generator, border=settings.border, black=images.black)
    return images.arranged(varied)


def epoch(problem: Problem, state: Training) -> float:
    """How many times all images have been seen."""
    return state.step * problem.settings.batch_size / len(problem.images)


def distance(problem: Problem, batch: Tensor, state: Training) -> Tensor:
    """How far the student is from the teacher on this batch, by the objective of the settings.

    The teacher is asked first, before there is anything that waits for the backward pass.
    """
    with torch.no_grad():
        meant = _view(problem, problem.teacher, batch, state.teacher_blocks)
    with remade():
        said = _view(problem, problem.student, batch, state.student_blocks)
    return OBJECTIVES[problem.settings.objective](said, meant, problem.settings, epoch(problem, state))


def check_finite(what: str, value: float, settings: Settings, step: int) -> None:
    """RunError unless the value is a number."""
    if not math.isfinite(value):
        raise RunError(
            f"The {what} is no longer finite after {step} steps, so the run was stopped with its last good "
            f"state: try a smaller learning rate (it is {settings.learning_rate:g})."
        )


def zero_out(weights: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
    """Zero, in place, what the masks do not keep."""
    with torch.no_grad():
        for weight, mask in zip(weights, masks, strict=True):
            weight.masked_fill_(~mask, 0)


def thresholds_of(weights: Sequence[Tensor]) -> tuple[float, ...]:
    """A threshold for each layer that tells its zeros from the rest, from 0 to the smallest magnitude kept. `[L]`"""
    magnitudes = [weight.detach().abs() for weight in weights]
    return tuple(threshold_for_count(values, values.numel() - int(values.count_nonzero())) for values in magnitudes)


def _view(problem: Problem, network: nn.Module, batch: Tensor, blocks: list[Tensor]) -> View:
    blocks.clear()
    with computing(precision_of(problem.settings.precision, problem.device), problem.device):
        rows = problem.task.rows(network, batch)
    spent = network is problem.teacher and _apart([rows, *blocks], [batch, *network.parameters(), *network.buffers()])
    view = View(_in_full(rows), tuple(blocks), spent)
    blocks.clear()
    return view


def _apart(said: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether each has its own memory: blocks may work in place, or return what belongs to the network."""
    places = {tensor.untyped_storage().data_ptr() for tensor in said}
    return len(places) == len(said) and places.isdisjoint(tensor.untyped_storage().data_ptr() for tensor in others)


def _in_full(values: Tensor) -> Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values
