"""The allocation that thresholds learn through the bridge: FCPTS run as a search, its weights thrown away.

Thresholds and the weights of a copy learn together for `search_steps` steps (see `reconstruction.distill`): every
layer gives up zeros until one more costs the same everywhere, while the kept weights make up for what has gone. They
begin at `power`, of which every layer keeps the share `keep_floor` at least. The sparsities that this ends with are the
allocation; the student is left alone, for whatever reconstruction follows.
"""

from __future__ import annotations

import copy
from dataclasses import replace

from fcpts_core.allocation.power import power
from fcpts_core.engine.events import Allocated, Measured, Phase
from fcpts_core.models.layers import counterparts
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.distill import distill
from fcpts_core.reconstruction.settings import Settings

SEARCH = {
    "allocation": "power",
    "reconstruction": "fcpts",
    "ramp": 0.7,
    "ramp_start": 0.4,
    "estimator": "curvature",
    "threshold_gradient": "priced",
    "threshold_map": "softplus",
    "density": "kernel",
    "recalibrate": True,
}
"""The search's own settings, whatever the reconstruction that follows has; all others are shared with it."""

TOLD_EVERY = 10  # steps


def searching(settings: Settings) -> Settings:
    """The settings of the search before a reconstruction with these."""
    return settings.changed({**SEARCH, "steps": settings.search_steps})


def learned(problem: Problem) -> Telling[tuple[float, ...]]:
    """The sparsities `[L]` of learned thresholds after `search_steps` steps."""
    yield Phase("learning the allocation")
    settings = searching(problem.settings)
    student = copy.deepcopy(problem.student)
    layers = counterparts(problem.layers, student)
    search = replace(problem, student=student, layers=layers, settings=settings)
    weights = [layer.weight.detach() for layer in layers]
    telling = distill(search, power(weights, problem.sparsity, settings.layer_cap, settings.keep_power, problem.worth))
    for told in telling:
        if isinstance(told, Measured) and told.step % TOLD_EVERY == 0:
            yield Allocated(told.layer_sparsity)
            share = told.step / settings.steps
            yield Phase(f"learning the allocation: step {told.step} of {settings.steps}", share)
    return tuple((layer.weights - int(layer.weight.count_nonzero())) / layer.weights for layer in layers)
