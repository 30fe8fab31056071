"""From a problem to a sparse student: the allocation first, then stage after stage a start and a reconstruction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.allocation.respect import budget_under, respect
from fcpts_core.engine.events import Allocated, Measured, Phase
from fcpts_core.problem import Problem, Telling, Told
from fcpts_core.reconstruction.fallback import ON_THE_WAY, Start, may_be_kept
from fcpts_core.reconstruction.norms import norm_layers, recalibrate
from fcpts_core.reconstruction.registry import RECONSTRUCTIONS
from fcpts_core.reconstruction.stages import Stage, stages
from fcpts_core.reconstruction.training import thresholds_of
from fcpts_core.second_order.start import second_order_start
from fcpts_core.silently import retold

LEARNING = {"fcpts": "learning thresholds and weights"}


def solve(problem: Problem) -> Telling[tuple[float, ...]]:
    """Allocation, start and reconstruction, one after the other; returns the thresholds of the sparse student."""
    settings = problem.settings
    shares = yield from problem.bookmark.stage("allocation", lambda: ALLOCATIONS[settings.allocation].allocate(problem))
    budget = budget_under(settings.pattern, problem.dense, problem.sparsity, settings.layer_cap, problem.worth)
    return (yield from rebuild(problem, respect(shares, budget)))


def rebuild(problem: Problem, shares: tuple[float, ...]) -> Telling[tuple[float, ...]]:
    """Start and reconstruction at these sparsities `[L]`, in all stages; returns the student's thresholds `[L]`."""
    thresholds: tuple[float, ...] = ()
    for stage in stages(problem, shares):
        if stage.number < problem.bookmark.stage_begun:
            continue  # a run that goes on has it behind itself
        thresholds = yield from _counted(_rebuild_once(stage), stage)
    return thresholds


def _rebuild_once(stage: Stage) -> Telling[tuple[float, ...]]:
    problem, settings = stage.problem, stage.problem.settings
    yield from problem.bookmark.begun(stage.number, problem.student, lambda: _start(stage))
    start = None
    if may_be_kept(settings):
        yield Phase("asking for the answers before learning")
        start = Start.of(problem)
    if settings.steps:
        yield Phase(LEARNING.get(settings.reconstruction, "learning weights"))
    thresholds = yield from RECONSTRUCTIONS[settings.reconstruction].reconstruct(problem, stage.shares)
    if settings.recalibrate and norm_layers(problem.student):  # the next stage reads the network in eval mode too
        yield Phase("recalibrating norm statistics")
        recalibrate(problem.student, problem.images)
    if start is not None and (yield from start.kept_if_better(problem, 1.0 if stage.last else ON_THE_WAY)):
        return thresholds_of([layer.weight for layer in problem.layers])
    return thresholds


def _start(stage: Stage) -> Telling[None]:
    settings = stage.problem.settings
    if settings.solves:
        yield from second_order_start(stage.problem, stage.shares)
    else:
        yield Allocated(stage.shares)


def _counted(telling: Telling[tuple[float, ...]], stage: Stage) -> Telling[tuple[float, ...]]:
    """What one stage tells, its steps counted on from those before it."""

    def anew(told: Told) -> Iterator[Told]:
        if isinstance(told, Phase) and stage.of > 1:
            yield replace(told, text=f"stage {stage.number} of {stage.of}: {told.text}")
        elif isinstance(told, Measured):
            yield replace(told, step=told.step + stage.before)
        else:
            yield told

    return retold(telling, anew)
