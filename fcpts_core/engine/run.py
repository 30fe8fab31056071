"""One run from configuration to exactly sparse model, told as events. Nothing here draws, prints or sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fcpts_core.bookmark import Bookmark
from fcpts_core.engine.chosen_images import phases
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import (
    Allocated,
    Event,
    Finished,
    Phase,
    Result,
    Sensed,
    Stepped,
)
from fcpts_core.engine.needed import largest_block, require_memory
from fcpts_core.engine.portrayal import layer_result, skipped, started, surveyed
from fcpts_core.engine.prepare import preparing
from fcpts_core.engine.solve import solve
from fcpts_core.measure import memory
from fcpts_core.measure.flops import kept_share, uses
from fcpts_core.measure.judging import Judge, Judgement, main
from fcpts_core.methods import settings_for
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.unfolding import lacking

SURVEYS = 40


@dataclass
class _Clock:
    """How long the learning steps took that there have been."""

    steps: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Place:
    """Where a run goes on: its bookmark, the learning steps so far, their seconds, and those of all work."""

    bookmark: Bookmark
    steps: int
    seconds: float
    worked: float


class Run:
    """`events()` does the work, one learning step for each `Stepped`; closing it stops the run.

    `state_dict` holds the dense tensors with their exact zeros once `Finished` has been told, None before. With a
    `place` it goes on from there and tells only what comes after it. `at_rest` is called whenever the run, with all it
    has told so far, can be put down; `bookmark.state()` and `standing()` then say all that is needed to go on.
    """

    def __init__(self, config: RunConfig, place: Place | None = None) -> None:
        self.config = config
        self.place = place
        self.bookmark = Bookmark() if place is None else place.bookmark
        self.at_rest: Callable[[], None] = _nothing
        self.settings = settings_for(config.method, config.overrides)
        self.state_dict: dict[str, Tensor] | None = None
        self._clock = _Clock() if place is None else _Clock(place.steps, place.seconds)
        self._worked = 0.0 if place is None else place.worked
        self._since = 0.0

    def events(self) -> Generator[Event, None, None]:
        with ExitStack() as stack:
            stack.callback(memory.give_back)
            telling = stack.enter_context(closing(self._tell()))
            while True:
                self._since = time.perf_counter()
                event = next(telling, None)
                self._worked += time.perf_counter() - self._since
                if event is None:
                    return
                yield event

    def standing(self) -> dict[str, float]:
        """What `Place` needs to know besides the bookmark."""
        worked = self._worked + time.perf_counter() - self._since
        return {"steps": self._clock.steps, "seconds": self._clock.seconds, "worked": worked}

    def _told(self, problem: Problem, telling: Telling[tuple[float, ...]]) -> Generator[Event, None, tuple[float, ...]]:
        """What the stages tell, as events, with a survey now and then; pauses between steps do not count as seconds."""
        every, clock = max(1, self.settings.steps // SURVEYS), self._clock
        with closing(telling):
            while True:
                began = time.perf_counter()
                try:
                    event = next(telling)
                except StopIteration as end:
                    thresholds: tuple[float, ...] = end.value
                    return thresholds
                if isinstance(event, Phase | Allocated | Sensed):
                    yield event
                    self.at_rest()
                    continue
                clock.steps += 1
                clock.seconds += time.perf_counter() - began
                yield Stepped(**vars(event), seconds=clock.seconds)
                if event.step % every == 0 or event.step == self.settings.steps:
                    yield surveyed(problem, event.step)
                self.at_rest()

    def _tell(self) -> Generator[Event, None, None]:
        memory.begin()
        yield Phase("reading model and images")
        prepared = yield from preparing(self.config)
        problem = replace(prepared.problem, bookmark=self.bookmark)
        require_memory(problem)
        memory.keep_freed(largest_block(problem))
        if left_out := skipped(prepared):
            yield Phase(f"{left_out:,} pictures could not be read and are left out")
        judge = Judge(problem.task, prepared.test, prepared.device)
        dense = yield from _measured("measuring the dense model", judge, problem.teacher)
        if self.place is None:
            yield started(self.config, prepared, dense.main)
            yield surveyed(problem, 0)

        clock = self._clock
        thresholds = yield from self._told(problem, solve(problem))
        if (self.settings.start != "magnitude" and not clock.steps) or lacking(problem) or self.bookmark.notes:
            # No step has surveyed what least squares made of the weights, or what they are with their norms folded in,
            # or that the start was kept.
            yield surveyed(problem, clock.steps)

        sparse = yield from _measured("measuring the sparse model", judge, problem.student)
        agreements = judge.agreements(sparse, dense)
        rows = tuple(map(layer_result, problem.layers, thresholds))
        image = prepared.calibration.inputs(torch.arange(1)).to(prepared.device)
        zeros, weights = sum(row.zeros for row in rows), sum(row.weights for row in rows)
        self.state_dict = {name: tensor.detach().cpu().clone() for name, tensor in problem.student.state_dict().items()}
        yield Finished(
            Result(
                model=self.config.model,
                method=self.config.method,
                target_sparsity=self.config.sparsity,
                sparsity=zeros / weights,
                zeros=zeros,
                weights=weights,
                dense_accuracy=dense.main,
                accuracy=sparse.main,
                agreement=main(agreements),
                calibration_images=len(prepared.calibration),
                test_images=0 if prepared.test is None else len(prepared.test),
                steps=clock.steps,
                seconds=self._worked + time.perf_counter() - self._since,
                seconds_per_step=clock.seconds / clock.steps if clock.steps else None,
                peak_rss_mb=memory.peak_rss_mb(),
                layers=rows,
                flops_kept=kept_share(uses(problem.student, problem.layers, image), problem.layers),
                task=problem.task.name,
                measure=problem.task.measures[0],
                top5=sparse.measures.get("top-5"),
                dense_top5=dense.measures.get("top-5"),
                measures=dict(sparse.measures),
                dense_measures=dict(dense.measures),
                agreements=dict(agreements),
                skipped_images=skipped(prepared),
                notes=(*prepared.notes, *self.bookmark.notes),
                budget=self.settings.budget,
            )
        )


def _measured(text: str, judge: Judge, network: nn.Module) -> Generator[Event, None, Judgement]:
    yield Phase(text)
    return (yield from phases(text, judge.judging(network)))


def _nothing() -> None:
    return None


def execute(config: RunConfig) -> Iterator[Event]:
    """The events of one run."""
    yield from Run(config).events()
