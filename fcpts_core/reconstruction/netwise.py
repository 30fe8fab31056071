"""Net-wise distillation under a fixed allocation: the weights learn, the masks follow them or stay.

    minimise  L_rec(student, teacher)      over the weights,  layer `l` with exactly `K_l` zeros at every step

`masks = anew`: the `K_l` smallest `|w|` of each layer are taken anew at every forward pass, and the gradient of the
masked weight passes to all weights, pruned ones too, so a weight can come back (dynamic sparse training as in UniPTS,
Xie et al., CVPR 2024). `masks = fixed`: the support stays that of the first step. `pruned_decay` is `d` in
`grad += d (1 - m) w`.

The schedule of the target (`ramp`) applies here too: `K_l(u)` rises from `first_shares` to the allocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fcpts_core.bridge.budget import worth_of
from fcpts_core.bridge.inverse import threshold_for_count
from fcpts_core.engine.events import Measured
from fcpts_core.masks.parametrization import pruned
from fcpts_core.masks.patterns import pattern
from fcpts_core.masks.remade import known
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction import schedule
from fcpts_core.reconstruction.bounding import unnormalised
from fcpts_core.reconstruction.distill import first_shares
from fcpts_core.reconstruction.norms import undone_on_error
from fcpts_core.reconstruction.resuming import marked
from fcpts_core.reconstruction.stepping import descend, follow_back, in_numbers
from fcpts_core.reconstruction.training import (
    Training,
    distance,
    next_batch,
    thresholds_of,
    watched,
    weight_optimizer,
    zero_out,
)
from fcpts_core.reconstruction.unfolding import renormed


class _StraightThrough(torch.autograd.Function):
    """`w m` forward; backward the gradient of the masked weight for every weight, plus decay of the pruned ones."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor, decay: float) -> Tensor:
        ctx.save_for_backward(weight, mask)
        ctx.decay = decay
        return weight * mask

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        weight, mask = ctx.saved_tensors
        return (torch.addcmul(grad, weight, ~mask, value=ctx.decay) if ctx.decay else grad), None, None


class Following(nn.Module):
    """The mask of one layer: `zeros` weights, chosen anew at every call unless it is fixed."""

    def __init__(self, weight: Tensor, zeros: int, settings_pattern: str, decay: float, fixed: bool) -> None:
        super().__init__()
        self.pattern, self.decay, self.fixed = pattern(settings_pattern), decay, fixed
        self.zeros = zeros
        self.mask = self.pattern.choose(weight.detach().abs(), zeros)

    def forward(self, weight: Tensor) -> Tensor:
        if self.fixed:
            masked = weight * self.mask
        else:
            self.mask = self.pattern.choose(weight.detach().abs(), self.zeros)
            masked = _StraightThrough.apply(weight, self.mask, self.decay)  # type: ignore[no-untyped-call]
        return known(masked, partial(torch.mul, weight.detach(), self.mask))

    @property
    def chosen(self) -> int:
        """How many zeros the mask of the last call has."""
        return self.mask.numel() - int(self.mask.sum())


def masks_for(problem: Problem, counts: Sequence[int]) -> tuple[Following, ...]:
    """Masks with so many zeros `[L]`, as the settings say."""
    settings = problem.settings
    return tuple(
        Following(layer.weight, zeros, settings.pattern, settings.pruned_decay, settings.masks == "fixed")
        for layer, zeros in zip(problem.layers, counts, strict=True)
    )


def applied(problem: Problem, masks: Sequence[Following], counts: Sequence[int]) -> tuple[float, ...]:
    """Leaves so many zeros `[L]` in the weights, which are free of their masks again; returns the thresholds.

    They are those of the weights before they are zeroed, as all during learning. Where no threshold tells what was
    chosen (patterns, fixed masks, ties), it is one between 0 and the smallest magnitude kept.
    """
    weights = [layer.weight.detach() for layer in problem.layers]
    final = [
        mask.mask if mask.fixed else mask.pattern.choose(weight.abs(), zeros)
        for mask, weight, zeros in zip(masks, weights, counts, strict=True)
    ]
    pruning = [threshold_for_count(weight.abs(), zeros) for weight, zeros in zip(weights, counts, strict=True)]
    told = [
        torch.equal(weight.abs() >= threshold, mask)
        for weight, threshold, mask in zip(weights, pruning, final, strict=True)
    ]
    zero_out(weights, final)
    return tuple(
        threshold if tells else apart
        for threshold, tells, apart in zip(pruning, told, thresholds_of(weights), strict=True)
    )


def netwise(problem: Problem, shares: tuple[float, ...]) -> Telling[tuple[float, ...]]:
    """The whole loop at the sparsities `shares` `[L]`; returns the thresholds of the masks it ends with."""
    settings = problem.settings
    counts, first = problem.counts(shares), problem.counts(first_shares(problem, shares))
    bounded = unnormalised(problem)
    with renormed(problem) as folded:
        state = Training(
            weights=weight_optimizer(problem.student, settings),
            generator=torch.Generator().manual_seed(problem.seed),
            bounded=bounded,
        )
        masks = masks_for(problem, counts)
        with watched(problem, state), pruned(problem.layers, masks), marked(problem, state):
            while state.step < settings.steps:
                target = schedule.scheduled_target(settings, problem.sparsity, state.step)
                for mask, zeros in zip(masks, _between(first, counts, problem, target), strict=True):
                    mask.zeros = zeros
                yield _step(problem, state, masks, target)
        found = applied(problem, masks, counts)
    return thresholds_of([layer.weight for layer in problem.layers]) if folded else found


def _between(first: Sequence[int], last: Sequence[int], problem: Problem, target: float) -> list[int]:
    """Zeros of each layer while the target rises: as far from `first` to `last` as the target is."""
    begin, end = worth_of(first, problem.worth), worth_of(last, problem.worth)
    share = 1.0 if end == begin else (target * problem.total - begin) / (end - begin)
    return [round(low + min(max(share, 0.0), 1.0) * (high - low)) for low, high in zip(first, last, strict=True)]


def _step(problem: Problem, state: Training, masks: Sequence[Following], target: float) -> Measured:
    settings = problem.settings
    batch = next_batch(problem, state)
    rate = settings.learning_rate * schedule.rate(settings, state.step)
    with undone_on_error(problem.student):
        loss = distance(problem, batch, state)
        value = follow_back(state, loss, settings)
        measured = in_numbers(problem, state.step + 1, value, rate, [mask.chosen for mask in masks], target)
        descend(state, settings, rate)
    state.step += 1
    return measured
