"""FCPTS: thresholds and weights of all layers learn together, the dense network teaches (Gong et al., AAAI 2024).

    minimise  L_rec(student, teacher) + lambda L_c(R(t_1..t_L))      over the weights and the thresholds

`init` builds the state, `step` does one batch, `finish` turns thresholds into exact masks. In between the masks hang on
the student (`attached`), whose plain weights keep learning beneath them, pruned ones too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fcpts_core.allocation import OF_WEIGHTS
from fcpts_core.allocation.counts import Budget, fill
from fcpts_core.bridge import Projection, bridge, project, threshold_for
from fcpts_core.bridge.inverse import threshold_for_count
from fcpts_core.engine.events import Measured
from fcpts_core.masks.parametrization import Pruned, original, pruned
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction import schedule
from fcpts_core.reconstruction.bounding import unnormalised
from fcpts_core.reconstruction.losses import CONTROLS
from fcpts_core.reconstruction.norms import undone_on_error
from fcpts_core.reconstruction.price import priced
from fcpts_core.reconstruction.resuming import marked
from fcpts_core.reconstruction.stepping import descend
from fcpts_core.reconstruction.training import (
    Training,
    check_finite,
    distance,
    next_batch,
    set_rate,
    thresholds_of,
    watched,
    weight_optimizer,
    zero_out,
)
from fcpts_core.reconstruction.unfolding import renormed

MEMORY = 0.95  # of the running curvature
DENSITY_EVERY = 10  # steps between estimates of the densities


@dataclass(eq=False)
class State(Training):
    """What learning has come to, the thresholds included; `shares` `[L]` are the sparsities it began with."""

    shares: tuple[float, ...]
    masks: tuple[Pruned, ...]
    thresholds: torch.optim.Optimizer


def init(problem: Problem, shares: Sequence[float], bounded: tuple[nn.Parameter, ...] | None = None) -> State:
    """Thresholds at the quantiles of these sparsities `[L]`, or of `first_shares` where the target rises to them.

    Steps are `bounded` where no norm comes behind, or of these parameters.
    """
    settings = problem.settings
    tensors = [layer.weight.detach() for layer in problem.layers]
    masks = tuple(
        Pruned(
            layer,
            threshold_for(weight, share),
            settings.estimator,
            settings.bandwidth,
            settings.threshold_map,
            settings.density,
        )
        for layer, weight, share in zip(problem.layers, tensors, first_shares(problem, shares), strict=True)
    )
    return State(
        weights=weight_optimizer(problem.student, settings),
        generator=torch.Generator().manual_seed(problem.seed),
        bounded=unnormalised(problem) if bounded is None else bounded,
        shares=tuple(shares),
        masks=masks,
        thresholds=torch.optim.SGD(
            [mask.threshold.theta for mask in masks],
            lr=settings.threshold_rate,
            momentum=settings.momentum if settings.threshold_gradient == "plain" else 0.0,
        ),
    )


def distill(problem: Problem, shares: tuple[float, ...]) -> Telling[tuple[float, ...]]:
    """The whole loop, from the sparsities `shares` `[L]` to an exactly sparse student; returns its thresholds."""
    bounded = unnormalised(problem)
    with renormed(problem) as folded:
        state = init(problem, shares, bounded)
        with attached(problem, state), marked(problem, state):
            while state.step < problem.settings.steps:
                yield step(problem, state)
        found = finish(problem, state).thresholds
    return thresholds_of([layer.weight for layer in problem.layers]) if folded else found


def first_shares(problem: Problem, shares: Sequence[float]) -> tuple[float, ...]:
    """The sparsities `[L]` at the schedule's first target, which is lower than the one that `shares` meet.

    An allocation that needs the weights alone is asked again; a searched one is thinned out by one power of all its
    keep ratios, `1 - r_l(u) = (1 - r_l)^c`, so they stay between 0 and 1 and keep their order.
    """
    weights = [layer.weight.detach() for layer in problem.layers]
    begin = schedule.scheduled_target(problem.settings, problem.sparsity, 0)
    if begin >= problem.sparsity:
        return tuple(shares)
    lowest = max(begin, problem.share([weight.numel() - int(weight.count_nonzero()) for weight in weights]))
    if allocate := OF_WEIGHTS.get(problem.settings.allocation):
        return allocate(weights, lowest, problem.settings.layer_cap, problem.worth)
    budget = Budget.of(weights, lowest, problem.settings.layer_cap, problem.worth)
    logs = [math.log(max(1 - share, 1 / size)) for share, size in zip(shares, budget.sizes, strict=True)]
    return fill(budget, lambda c: [size * -math.expm1(c * log) for size, log in zip(budget.sizes, logs, strict=True)])


@contextmanager
def attached(problem: Problem, state: State) -> Iterator[None]:
    """Masks on the student, and what every loop has on its networks; all taken off again."""
    with watched(problem, state), pruned(problem.layers, state.masks):
        yield


def step(problem: Problem, state: State) -> Measured:
    """One batch: forward both networks, both losses, one step of weights and thresholds. Raises RunError on NaN."""
    settings = problem.settings
    target = schedule.scheduled_target(settings, problem.sparsity, state.step)
    if state.step % DENSITY_EVERY == 0:
        for layer, mask in zip(problem.layers, state.masks, strict=True):
            mask.refresh(original(layer))
    batch = next_batch(problem, state)

    thresholds = torch.stack([mask.threshold() for mask in state.masks])
    shares = torch.stack(
        [
            bridge(threshold, original(layer), mask.density)
            for threshold, layer, mask in zip(thresholds, problem.layers, state.masks, strict=True)
        ]
    )
    counts = [layer.weights * worth for layer, worth in zip(problem.layers, problem.worths, strict=True)]
    sizes = shares.new_tensor(counts)
    sparsity = (sizes * shares).sum() / problem.total
    control = settings.control_weight * CONTROLS[settings.control](sparsity, target)
    with undone_on_error(problem.student):
        reconstruction = distance(problem, batch, state)
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
        check_finite("loss", measured.total, settings, state.step)
        _descend(problem, state, thresholds, reconstruction, control)
    state.step += 1
    return measured


def finish(problem: Problem, state: State) -> Projection:
    """Exactly `zeros` weights become zero, thresholds scaled jointly; the student must be free of its masks again.

    The factor on all thresholds may carry one past `keep_floor`: its layer stops there, and the others give the rest.
    """
    settings, weights = problem.settings, [layer.weight.detach() for layer in problem.layers]
    thresholds = [mask.threshold().item() for mask in state.masks]
    most = most_shares(problem, state.shares, problem.sparsity)
    ceilings = [math.ceil(share * layer.weights) for share, layer in zip(most, problem.layers, strict=True)]
    projection = project(weights, thresholds, problem.zeros, settings.layer_cap, worth=problem.worth, ceilings=ceilings)
    zero_out(weights, projection.masks)
    return projection


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
    rate = settings.learning_rate * schedule.rate(settings, state.step)
    descend(state, settings, rate, beside=float(direction.norm()))
    set_rate(state.thresholds, settings.threshold_rate * schedule.threshold_rate(settings, state.step))
    state.thresholds.step()
    _hold(problem, state)


def most_shares(problem: Problem, shares: Sequence[float], target: float) -> tuple[float, ...]:
    """The largest sparsities `[L]` that thresholds may leave the layers with while `target` is in force.

        1 - keep_floor k_l^e,        k_l = 1 - shares_l,    e = log(1 - target) / log(1 - R*)

    that is, every layer keeps at least the share `keep_floor` of what it would keep had nothing been learned.
    """
    final = 1 - problem.sparsity
    exponent = math.log(1 - target) / math.log(final) if 0 < final < 1 and target < 1 else 1.0
    return tuple(1 - problem.settings.keep_floor * (1 - share) ** exponent for share in shares)


@torch.no_grad()
def _hold(problem: Problem, state: State) -> None:
    """Brings back every threshold that leaves its layer with more zeros than `most_shares`.

    A layer that is nearly gone has no say in the output, so its zeros seem to cost nothing and it would lose the rest.
    """
    target = schedule.scheduled_target(problem.settings, problem.sparsity, state.step)
    most = most_shares(problem, state.shares, target)
    for share, layer, mask in zip(most, problem.layers, state.masks, strict=True):
        magnitudes = original(layer).detach().abs()
        zeros = max(math.floor(share * layer.weights), layer.weights - int(magnitudes.count_nonzero()))
        if int((magnitudes < mask.threshold()).sum()) > zeros:
            mask.threshold.assign(threshold_for_count(magnitudes, zeros))


def _priced(problem: Problem, state: State, own: Tensor, push: Tensor, values: Tensor, slopes: Tensor) -> Tensor:
    """The priced direction `[L]` for `theta`, from gradients in `theta` and `slopes = dt/dtheta`."""
    supply = torch.stack(
        [
            layer.weights * worth * mask.density.slope(value)
            for value, layer, worth, mask in zip(values, problem.layers, problem.worths, state.masks, strict=True)
        ]
    )
    return priced(own / slopes, push / slopes, supply, values, problem.total) * values / slopes
