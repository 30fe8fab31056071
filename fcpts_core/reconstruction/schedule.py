"""What changes with the step: the rates and the target in force. `u = step / steps` runs from 0 to 1."""

from __future__ import annotations

import math

from fcpts_core.reconstruction.settings import Settings

FULL = 0.9  # the sparsity from which on the learning rate is what the settings say
THRESHOLD_FLOOR = 0.01  # thresholds follow the target to the very end, but no longer shake weights that have settled
FEW_STEPS = 400  # with fewer, thresholds take larger steps, or they would not have arrived when the steps end
MOST_LONGER = 10  # times: a threshold that doubles in one step leaves nothing to learn from


def rate(settings: Settings, step: int) -> float:
    """Factor on the learning rate: linear from 0 over the warm-up, then half a cosine from 1 to 0."""
    warmup = round(settings.warmup * settings.steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(settings.steps - warmup, 1)))


def rate_at(settings: Settings, sparsity: float) -> float:
    """The peak rate on the way to a target: `learning_rate min(1, log(1 - R*) / log(1 - 0.9))^rate_power`.

    A slightly pruned network is nearly right, and steps that a hard-pruned one needs would only shake it.
    """
    if settings.rate_power == 0:
        return settings.learning_rate
    factor = math.log(1 - min(sparsity, FULL)) / math.log(1 - FULL)
    return float(settings.learning_rate * factor**settings.rate_power)


def threshold_rate(settings: Settings, step: int) -> float:
    """Factor on the threshold rate: as `rate`, but priced steps never fall below a hundredth, and few steps are longer.

    A priced step changes `log t` by the rate at most, so what all steps together can reach is the rate times their
    number. The factor `400 / steps`, between 1 and 10, lets a short run go as far as one of 400 steps.
    """
    if settings.threshold_gradient == "plain":
        return rate(settings, step)
    return max(rate(settings, step), THRESHOLD_FLOOR) * min(max(1.0, FEW_STEPS / settings.steps), MOST_LONGER)


def scheduled_target(settings: Settings, sparsity: float, step: int) -> float:
    """`R*(u) = R* - (1 - ramp_start) R* (1 - u / ramp)^3` while `u < ramp`, then `R*` (Zhu and Gupta, 2017)."""
    ramp = settings.ramp * settings.steps
    if step >= ramp:
        return sparsity
    return sparsity * (1 - (1 - settings.ramp_start) * (1 - step / ramp) ** 3)
