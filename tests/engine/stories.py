"""Made-up runs: a whole stream of events, and puppets whose every step waits for the test's word."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import (
    Curve,
    Event,
    Finished,
    Layer,
    LayerResult,
    Phase,
    Result,
    Started,
    Stepped,
    Surveyed,
)
from fcpts_core.engine.job import RunLike, RunView
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry

PATIENCE = 20.0
CONFIG = RunConfig()


def seeds(count: int) -> list[RunConfig]:
    """Configurations that a `Stage` can tell apart."""
    return [replace(CONFIG, seed=seed) for seed in range(count)]


def started(steps: int) -> Started:
    layers = (Layer("conv", "Conv2d", (2, 3, 1, 1), 6), Layer("head", "Linear", (2, 2), 4))
    return Started(CONFIG.to_json(), layers, 10, 0.5, 5, steps, 0.75, 16, 8, {"uniform": (0.5, 0.5)})


def stepped(step: int, **changes: Any) -> Stepped:
    values: dict[str, Any] = {
        "step": step,
        "reconstruction": 1.0 / step,
        "control": 0.1 / 3,
        "total": 1.0 / step + 0.1 / 3,
        "sparsity": 0.5,
        "scheduled_target": 0.5,
        "learning_rate": 0.05,
        "layer_sparsity": (1 / 3, 2 / 3),
        "thresholds": (0.123456789, 1e-7 / 3),
        "seconds": step / 7,
    }
    return Stepped(**{**values, **changes})


def surveyed(step: int, points: int = 4) -> Surveyed:
    pdf = tuple(1 / (3 + step + place) for place in range(points))
    return Surveyed(step, (Curve(-1.0, 1.0, pdf, 0.0, 0.1 / 3), Curve(-0.5, 0.5, pdf, 0.25, 0.2)))


def finished(steps: int) -> Finished:
    rows = (LayerResult("conv", (2, 3, 1, 1), 6, 2, 1 / 3, 0.1), LayerResult("head", (2, 2), 4, 3, 0.75, 0.2))
    pace = 1 / 7 if steps else None
    return Finished(
        Result("toy", "fcpts", 0.5, 0.5, 5, 10, 0.75, 0.5, 0.625, 16, 8, steps, steps / 7, pace, 123.4, rows)
    )


def story(steps: int, survey_every: int = 5) -> Iterator[Event]:
    """A run that goes well: phases, steps, densities now and then, a result."""
    yield Phase("reading the model")
    yield started(steps)
    yield surveyed(0)
    for step in range(1, steps + 1):
        yield stepped(step)
        if step % survey_every == 0:
            yield surveyed(step)
    yield Phase("measuring")
    yield finished(steps)


def tensors() -> dict[str, torch.Tensor]:
    return {"conv.weight": torch.tensor([[0.0, 1.0], [2.0, 0.0]]).T, "head.bias": torch.zeros(2)}


class Told:
    """A run that yields the given events as fast as it is asked; an exception among them is raised."""

    def __init__(self, *events: Event | BaseException) -> None:
        self._events = events
        self.state_dict: dict[str, torch.Tensor] | None = None
        self.closed = threading.Event()

    def events(self) -> Iterator[Event]:
        try:
            for event in self._events:
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, Finished):
                    self.state_dict = tensors()
                yield event
        finally:
            self.closed.set()


class Puppet:
    """A run whose learning steps each wait for `let()`; `waiting` says that one is waited for now."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.state_dict: dict[str, torch.Tensor] | None = None
        self.waiting = threading.Event()
        self.closed = threading.Event()
        self._words: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def let(self, error: BaseException | None = None) -> None:
        """Lets the step in hand end, well or with an error."""
        assert self.waiting.wait(PATIENCE)
        self.waiting.clear()
        self._words.put(error)

    def dismiss(self) -> None:
        """Waits for no word any more."""
        for _ in range(self.steps):
            self._words.put(None)

    def events(self) -> Iterator[Event]:
        try:
            yield Phase("reading the model")
            yield started(self.steps)
            for step in range(1, self.steps + 1):
                self.waiting.set()
                if error := self._words.get(timeout=PATIENCE):
                    raise error
                yield stepped(step)
            self.state_dict = tensors()
            yield finished(self.steps)
        finally:
            self.closed.set()


class Stage:
    """Makes puppets for a registry and hands them out by their run's seed."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.puppets: dict[int, Puppet] = {}

    def __call__(self, config: RunConfig) -> Puppet:
        puppet = self.puppets[config.seed] = Puppet(self._steps)
        return puppet

    def await_step(self, seed: int) -> Puppet:
        """Waits until that puppet waits in a step of its own."""
        wait_for(lambda: seed in self.puppets and self.puppets[seed].waiting.is_set())
        return self.puppets[seed]

    def dismiss(self) -> None:
        for puppet in self.puppets.values():
            puppet.dismiss()


class Build(Protocol):
    """The type of the fixture `open_registry`."""

    def __call__(self, make_run: Callable[[RunConfig], RunLike], **limits: Any) -> RunRegistry: ...


def always(*events: Event | BaseException) -> Callable[[RunConfig], Told]:
    """A factory of runs that all yield the same."""
    return lambda config: Told(*events)


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds; for what has no event of its own to wait for."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "This took too long."
        time.sleep(0.001)


def look(registry: RunRegistry, key: str) -> RunView:
    """The view of a run that is there."""
    view = registry.view(key)
    assert view is not None
    return view


def until(registry: RunRegistry, key: str, *states: State) -> RunView:
    """The view of a run once it is in one of the states, by default the final ones."""
    view = registry.wait(key, *states, timeout=PATIENCE)
    assert view is not None
    assert view.state in states if states else view.state.final, f"It is {view.state}."
    return view
