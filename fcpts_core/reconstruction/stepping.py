"""How a step ends in every learning loop: gradients checked and clipped, the weights moved, the step in numbers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from fcpts_core.bridge import threshold_for
from fcpts_core.engine.events import Measured
from fcpts_core.masks.parametrization import original
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.bounding import bound
from fcpts_core.reconstruction.settings import Settings
from fcpts_core.reconstruction.training import Training, check_finite, parameters_of, set_rate


def follow_back(state: Training, loss: Tensor, settings: Settings) -> float:
    """The loss as a number, checked, and its gradients."""
    value = loss.item()
    check_finite("loss", value, settings, state.step)
    state.weights.zero_grad(set_to_none=True)
    if loss.requires_grad:
        loss.backward()
    return value


def descend(state: Training, settings: Settings, rate: float | None = None, beside: float = 0.0) -> None:
    """One step of the weights, their gradient bounded and clipped; `beside` is the norm of what else is about to move.

    Without a `rate` those of the optimizer stay. The gradients are gone afterwards: the next forward pass needs the
    room. The step is not counted yet.
    """
    bound(state.bounded, settings)
    norm = nn.utils.clip_grad_norm_(parameters_of(state.weights), settings.clip)
    check_finite("gradient", float(norm) + beside, settings, state.step)
    if rate is not None:
        set_rate(state.weights, rate)
    state.weights.step()
    state.weights.zero_grad(set_to_none=True)


def in_numbers(
    problem: Problem,
    step: int,
    loss: float,
    rate: float,
    zeros: Sequence[int],
    target: float | None = None,
    thresholds: Sequence[float] | None = None,
) -> Measured:
    """A step under masks with so many zeros `[L]`; nothing controls their number.

    Without a `target` it is the problem's; without `thresholds` they are those that prune as many of the weights.
    """
    shares = tuple(count / layer.weights for count, layer in zip(zeros, problem.layers, strict=True))
    if thresholds is None:
        pairs = zip(problem.layers, shares, strict=True)
        thresholds = [threshold_for(original(layer).detach(), share) for layer, share in pairs]
    return Measured(
        step=step,
        reconstruction=loss,
        control=0.0,
        total=loss,
        sparsity=problem.share(zeros),
        scheduled_target=problem.sparsity if target is None else target,
        learning_rate=rate,
        layer_sparsity=shares,
        thresholds=tuple(thresholds),
    )
