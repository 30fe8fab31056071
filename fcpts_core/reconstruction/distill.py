"""FCPTS: thresholds and weights of all layers learn together, the dense network teaches (Gong et al., AAAI 2024).

    minimise  L_rec(student, teacher) + lambda L_c(R(t_1..t_L))      over the weights and the thresholds

`init` builds the state, `step` does one batch, `finish` turns thresholds into exact masks. In between the masks hang on
the student (`attached`), whose plain weights keep learning beneath them, pruned ones too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from fcpts_core.allocation import ALLOCATIONS
from fcpts_core.bridge import Projection, bridge, project, threshold_for
from fcpts_core.data.augment import augment
from fcpts_core.data.images import ImageSet
from fcpts_core.errors import RunError
from fcpts_core.masks.parametrization import Pruned, original, pruned, zeros_kept
from fcpts_core.models.layers import PrunableLayer
from fcpts_core.reconstruction import features, schedule
from fcpts_core.reconstruction.losses import CONTROLS, OBJECTIVES, View
from fcpts_core.reconstruction.norms import norm_mode, undone_on_error
from fcpts_core.reconstruction.price import priced
from fcpts_core.reconstruction.settings import Settings

MEMORY = 0.95  # of the running curvature
DENSITY_EVERY = 10  # steps between estimates of the densities


@dataclass(frozen=True, eq=False)
class Problem:
    """What is given: two copies of the network, the layers of the student's, the images and the goal."""

    student: nn.Module
    teacher: nn.Module
    layers: tuple[PrunableLayer, ...]
    images: ImageSet
    allocation: str
    sparsity: float
    zeros: int
    settings: Settings
    seed: int

    @property
    def total(self) -> int:
        return sum(layer.weights for layer in self.layers)

    @property
    def device(self) -> torch.device:
        return self.layers[0].weight.device


@dataclass(eq=False)
class State:
    """What learning has come to; `waiting` are the images of the current pass not seen yet."""

    masks: tuple[Pruned, ...]
    weights: torch.optim.Optimizer
    thresholds: torch.optim.Optimizer
    generator: torch.Generator
    student_blocks: list[Tensor] = field(default_factory=list)
    teacher_blocks: list[Tensor] = field(default_factory=list)
    waiting: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    step: int = 0


@dataclass(frozen=True)
class Measured:
    """One step in numbers; sparsities and thresholds `[L]` are those that the step's forward pass used."""

    step: int
    reconstruction: float
    control: float
    total: float
    sparsity: float
    scheduled_target: float
    learning_rate: float
    layer_sparsity: tuple[float, ...]
    thresholds: tuple[float, ...]


def init(problem: Problem) -> State:
    """Thresholds at the quantiles that the starting allocation asks for at the schedule's first target."""
    settings = problem.settings
    tensors = [layer.weight.detach() for layer in problem.layers]
    begin = schedule.scheduled_target(settings, problem.sparsity, 0)
    shares = ALLOCATIONS[problem.allocation](tensors, _attainable(begin, tensors), settings.layer_cap)
    masks = tuple(
        Pruned(
            layer,
            threshold_for(weight, share),
            settings.estimator,
            settings.bandwidth,
            settings.threshold_map,
            settings.density,
        )
        for layer, weight, share in zip(problem.layers, tensors, shares, strict=True)
    )
    return State(
        masks,
        _weight_optimizer(problem),
        torch.optim.SGD(
            [mask.threshold.theta for mask in masks],
            lr=settings.threshold_rate,
            momentum=settings.momentum if settings.threshold_gradient == "plain" else 0.0,
        ),
        torch.Generator().manual_seed(problem.seed),
    )


@contextmanager
def attached(problem: Problem, state: State) -> Iterator[None]:
    """Masks on the student, hooks on the blocks, norms in the settings' modes; all taken off again."""
    settings = problem.settings
    with ExitStack() as stack:
        stack.enter_context(norm_mode(problem.student, settings.student_norms))
        stack.enter_context(norm_mode(problem.teacher, settings.teacher_norms))
        needs_blocks = "blocks" in settings.objective
        for network, name in ((problem.student, "student_blocks"), (problem.teacher, "teacher_blocks")):
            parts = features.blocks(network) if needs_blocks else ()
            setattr(state, name, stack.enter_context(features.caught(parts)))
        stack.enter_context(zeros_kept(problem.layers))
        stack.enter_context(pruned(problem.layers, state.masks))
        yield


def step(problem: Problem, state: State) -> Measured:
    """One batch: forward both networks, both losses, one step of weights and thresholds. Raises RunError on NaN."""
    settings = problem.settings
    target = schedule.scheduled_target(settings, problem.sparsity, state.step)
    if state.step % DENSITY_EVERY == 0:
        for layer, mask in zip(problem.layers, state.masks, strict=True):
            mask.refresh(original(layer))
    batch = _batch(problem, state)

    thresholds = torch.stack([mask.threshold() for mask in state.masks])
    shares = torch.stack(
        [
            bridge(threshold, original(layer), mask.density)
            for threshold, layer, mask in zip(thresholds, problem.layers, state.masks, strict=True)
        ]
    )
    sizes = shares.new_tensor([layer.weights for layer in problem.layers])
    sparsity = (sizes * shares).sum() / problem.total
    control = settings.control_weight * CONTROLS[settings.control](sparsity, target)
    with undone_on_error(problem.student):
        reconstruction = OBJECTIVES[settings.objective](
            _view(problem.student, batch, state.student_blocks), _teacher_view(problem, batch, state), settings
        )
        measured = Measured(
            step=state.step + 1,
            reconstruction=reconstruction.item(),
            control=control.item(),
            total=reconstruction.item() + control.item(),
            sparsity=sparsity.item(),
            scheduled_target=target,
            learning_rate=settings.learning_rate * schedule.rate(settings, state.step),
            layer_sparsity=tuple(shares.tolist()),
            thresholds=tuple(thresholds.tolist()),
        )
        _check_finite("loss", measured.total, problem, state)
        _descend(problem, state, thresholds, reconstruction, control)
    state.step += 1
    return measured


def finish(problem: Problem, state: State) -> Projection:
    """Exactly `zeros` weights become zero, thresholds scaled jointly; the student must be free of its masks again."""
    weights = [layer.weight.detach() for layer in problem.layers]
    thresholds = [mask.threshold().item() for mask in state.masks]
    projection = project(weights, thresholds, problem.zeros, problem.settings.layer_cap)
    apply(weights, projection.masks)
    return projection


def apply(weights: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
    """Zero, in place, what the masks do not keep."""
    with torch.no_grad():
        for weight, mask in zip(weights, masks, strict=True):
            weight.masked_fill_(~mask, 0)


def _descend(problem: Problem, state: State, thresholds: Tensor, reconstruction: Tensor, control: Tensor) -> None:
    settings = problem.settings
    state.weights.zero_grad(set_to_none=True)
    state.thresholds.zero_grad(set_to_none=True)
    reconstruction.backward()
    thetas = [mask.threshold.theta for mask in state.masks]
    push = torch.stack(torch.autograd.grad(control, thetas, retain_graph=True))
    slopes = torch.stack(torch.autograd.grad(thresholds.sum(), thetas))
    with torch.no_grad():
        if settings.estimator == "curvature":
            for layer, mask in zip(problem.layers, state.masks, strict=True):
                grad = original(layer).grad
                if grad is not None:
                    mask.observe(grad, MEMORY, state.step)
        own = torch.stack([torch.zeros_like(theta) if theta.grad is None else theta.grad for theta in thetas])
        plain = settings.threshold_gradient == "plain"
        direction = own + push if plain else _priced(problem, state, own, push, thresholds.detach(), slopes)
        for theta, value in zip(thetas, direction, strict=True):
            theta.grad = value.clone()
    parameters = [p for group in state.weights.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, settings.clip)
    _check_finite("gradient", float(norm + direction.norm()), problem, state)
    _set_rate(state.weights, settings.learning_rate * schedule.rate(settings, state.step))
    _set_rate(state.thresholds, settings.threshold_rate * schedule.threshold_rate(settings, state.step))
    state.weights.step()
    state.thresholds.step()


def _check_finite(what: str, value: float, problem: Problem, state: State) -> None:
    if not math.isfinite(value):
        raise RunError(
            f"The {what} is no longer finite after {state.step} steps, so the run was stopped with its last good "
            f"state: try a smaller learning rate (it is {problem.settings.learning_rate:g})."
        )


def _priced(problem: Problem, state: State, own: Tensor, push: Tensor, values: Tensor, slopes: Tensor) -> Tensor:
    """The priced direction `[L]` for `theta`, from gradients in `theta` and `slopes = dt/dtheta`."""
    supply = torch.stack(
        [
            layer.weights * mask.density.slope(value)
            for value, layer, mask in zip(values, problem.layers, state.masks, strict=True)
        ]
    )
    return priced(own / slopes, push / slopes, supply, values, problem.total) * values / slopes


def _weight_optimizer(problem: Problem) -> torch.optim.Optimizer:
    """Weight decay on matrices only; norms and biases learn too, without it."""
    settings = problem.settings
    parameters = [p for p in problem.student.parameters() if p.requires_grad]
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


def _batch(problem: Problem, state: State) -> Tensor:
    """The next images, normalised and varied. Passes are shuffled; a batch never spans two of them."""
    settings, images = problem.settings, problem.images
    size = min(settings.batch_size, len(images))
    if len(state.waiting) < size:
        state.waiting = torch.randperm(len(images), generator=state.generator)
    chosen, state.waiting = state.waiting[:size], state.waiting[size:]
    how = (
        settings.augment if images.flippable else settings.augment.replace("crop-flip", "crop").replace("flip", "none")
    )
    varied = augment(images.inputs(chosen), how, generator=state.generator, border=settings.border, black=images.black)
    return varied.to(problem.device)


def _view(network: nn.Module, batch: Tensor, blocks: list[Tensor]) -> View:
    blocks.clear()
    logits = network(batch)
    view = View(logits, tuple(blocks))
    blocks.clear()
    return view


@torch.no_grad()
def _teacher_view(problem: Problem, batch: Tensor, state: State) -> View:
    return _view(problem.teacher, batch, state.teacher_blocks)


def _attainable(target: float, weights: Sequence[Tensor]) -> float:
    """`target`, or the lowest sparsity there is where a model that is partly zero is past it already."""
    total = sum(weight.numel() for weight in weights)
    zeros = sum(weight.numel() - int(weight.count_nonzero()) for weight in weights)
    return max(target, zeros / total)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
