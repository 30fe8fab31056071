"""What a run will take, told before it begins: seconds and memory, from a few learning steps on one batch.

    seconds = reading + steps * (one step) + images * (one image forward) * (how often each is looked at)
              + arithmetic of least squares / (multiply-adds a second)

Steps and forward passes are measured on this machine with the run's own model, images, method and threads. Least
squares and searches are counted instead: their part is the least certain.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from fcpts_core.allocation import evolutionary, learned, measuring, priced
from fcpts_core.allocation.sensitivity import GRID
from fcpts_core.data import synthetic
from fcpts_core.data.images import ImageSet
from fcpts_core.data.room import available_bytes
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Measured
from fcpts_core.engine.needed import needed_bytes, require_memory
from fcpts_core.engine.prepare import Prepared, prepare
from fcpts_core.measure import memory
from fcpts_core.measure.accuracy import batch_for
from fcpts_core.measure.flops import uses
from fcpts_core.problem import Problem
from fcpts_core.reconstruction import fallback
from fcpts_core.reconstruction.norms import norm_layers, together
from fcpts_core.reconstruction.registry import RECONSTRUCTIONS, gets_norms
from fcpts_core.reconstruction.stages import count_of

PROBES = 3
"""Learning steps that are taken; the first one is not counted, it is slower than all others."""

PATIENCE = 10.0
"""Seconds for steps of one layer, or one block, each."""

ROW_SECONDS = 60e-6
"""What one row of a least squares takes beside its arithmetic."""


@dataclass(frozen=True)
class Estimate:
    """`seconds` of the whole run and of its `parts` by name; `memory_bytes` at most, of which `free_bytes` are left."""

    seconds: float
    memory_bytes: int
    free_bytes: int | None
    steps: int
    seconds_per_step: float | None
    parts: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Estimate:
        return cls(**data)


def estimate(config: RunConfig) -> Estimate:
    """Reads what the run would read and tries it; InputError where the run would be refused, for its memory too."""
    began = time.perf_counter()
    memory.begin()
    prepared = prepare(config, rehearsal=True)
    reading = time.perf_counter() - began
    problem = prepared.problem
    require_memory(problem)
    image = _seconds(lambda: _forward(problem, prepared.test or prepared.calibration))
    step = _step_seconds(problem) if problem.settings.steps else None
    count = len(prepared.calibration)
    parts = {
        "reading": reading,
        "making images": _making(config, prepared, image),
        "measuring": image * 2 * (0 if prepared.test is None else len(prepared.test)),
        "allocation": _searching(problem, image),
        "least squares": _least_squares(problem),
        "learning": problem.settings.steps * (step or 0.0),
        "recalibrating": image * count * _recalibrations(problem),
        "comparing with the start": image * _compared(problem),
    }
    return Estimate(
        sum(parts.values()),
        max(needed_bytes(problem), round(memory.peak_rss_mb() * 2**20)),
        available_bytes(),
        problem.settings.steps,
        step,
        {name: seconds for name, seconds in parts.items() if seconds},
    )


def _forward(problem: Problem, images: ImageSet) -> int:
    """Looks at one batch; returns how many images that are."""
    batch = images.take(min(batch_for(images), 64))
    problem.task.predict(problem.teacher, batch, problem.device)
    return len(batch)


def _seconds(work: Callable[[], int]) -> float:
    """Seconds for one of the things that `work` does and counts; the second time that it is done."""
    work()
    began = time.perf_counter()
    count = work()
    return (time.perf_counter() - began) / count


def _step_seconds(problem: Problem) -> float | None:
    """Seconds of one learning step, on a student pruned by magnitude alike in all layers.

    Where layers or blocks learn one after the other, a step takes longer the deeper they lie: one is taken of each, as
    far as `PATIENCE` goes, and the mean is told. Otherwise all are alike, and the shortest is the least disturbed.
    """
    reconstruction = RECONSTRUCTIONS[problem.settings.reconstruction]
    overrides: dict[str, Any] = {"start": "magnitude", "stages": 1}
    if not reconstruction.together and problem.settings.steps:
        overrides["steps"] = len(problem.layers)
    settings = problem.settings.changed(overrides)
    trial = replace(problem, settings=settings, images=problem.images.take(settings.batch_size))
    taken: list[float] = []
    with closing(reconstruction.reconstruct(trial, (problem.sparsity,) * len(problem.layers))) as told:
        began = time.perf_counter()
        for event in told:
            if isinstance(event, Measured):
                taken.append(time.perf_counter() - began)
                began = time.perf_counter()
            if len(taken) >= PROBES and (reconstruction.together or sum(taken) > PATIENCE):
                break
    if not taken:
        return None
    rest = taken[1:] or taken
    return min(rest) if reconstruction.together else sum(rest) / len(rest)


def _recalibrations(problem: Problem) -> int:
    """How often norm statistics are taken anew; those that are there while weights learn, twice in every stage.

    A second-order start moves those that are there besides.
    """
    settings = problem.settings
    moved = int(settings.solves and bool(norm_layers(problem.student)))
    taken = (2 if gets_norms(problem) else 1) if settings.recalibrate else 0
    return (moved + taken) * count_of(problem)


def _compared(problem: Problem) -> int:
    """How many images pass for the comparison with the start: through both networks, before and after each stage."""
    asked = 4 * min(fallback.ASKED, len(problem.images))
    return asked * count_of(problem) if fallback.may_be_kept(problem.settings) else 0


def _making(config: RunConfig, prepared: Prepared, image: float) -> float:
    """Synthetic images: each step is a forward and a backward pass, together about three of the former."""
    return 3 * image * synthetic.STEPS * len(prepared.calibration) if config.data == synthetic.NAME else 0.0


def _searching(problem: Problem, image: float) -> float:
    """Seconds of the search for the allocation: learning steps, or `image` seconds for all that pass."""
    settings = problem.settings
    if settings.allocation == "learned":
        return settings.search_steps * (_step_seconds(replace(problem, settings=learned.searching(settings))) or 0.0)
    if settings.allocation == "priced":  # a start, and as much again for what each layer is without some weights
        few = replace(problem, images=problem.images.take(priced.SOLVED_ON))
        return image * _looked_at(problem) + 2 * priced.ROUNDS * _solving(few)
    return image * _looked_at(problem)


def _looked_at(problem: Problem) -> int:
    """How many images pass for the allocation."""
    settings, count = problem.settings, len(problem.images)
    if settings.allocation == "evolutionary":
        members = evolutionary.POPULATION + settings.search_steps * (evolutionary.CROSSOVERS + evolutionary.MUTANTS)
        return 2 * members * min(evolutionary.IMAGES, count)
    if settings.allocation == "sensitivity" and settings.sensitivity_error == "logits":
        return len(problem.layers) * len(GRID) * min(measuring.LOGITS_OF, count)
    if settings.allocation == "priced":
        return priced.ROUNDS * (len(problem.layers) + 1) * min(together(problem.images), count)
    return 0


def _least_squares(problem: Problem) -> float:
    """Seconds of all second-order starts."""
    return count_of(problem) * _solving(problem) if problem.settings.solves else 0.0


def _solving(problem: Problem) -> float:
    """Seconds of one second-order start: moments of the inputs, then a factorisation for every row."""
    settings = problem.settings
    often = uses(problem.teacher, _dense_layers(problem), problem.images.inputs(torch.arange(1)).to(problem.device))
    work, rows = 0.0, 0
    for layer, positions in zip(problem.layers, often, strict=True):
        out, width = layer.shape[0], math.prod(layer.shape[1:])
        kept = (1 - problem.sparsity) * width
        seen = len(problem.images) * min(settings.positions, positions)
        work += 2 * seen * width**2 + 4 * width**3 + out * (kept**3 / 3 + 40 * width**2)
        rows += out
    return work / _rate() + rows * ROW_SECONDS


def _dense_layers(problem: Problem) -> tuple[Any, ...]:
    """The layers of the dense network, whose uses are counted."""
    from fcpts_core.models.layers import prunable_layers

    names = {layer.name for layer in problem.layers}
    return tuple(layer for layer in prunable_layers(problem.teacher) if layer.name in names)


def _rate(side: int = 384) -> float:
    """Multiply-adds a second in double precision."""
    matrix = torch.rand(side, side, dtype=torch.float64)
    matrix @ matrix
    began = time.perf_counter()
    matrix @ matrix
    return side**3 / max(time.perf_counter() - began, 1e-6)
