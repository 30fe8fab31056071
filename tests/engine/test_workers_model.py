"""The registry against a plain sequential model of it, and against threads that press every button at once."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import InputError, RunError
from tests.engine.stories import CONFIG, PATIENCE, Stage, Told, look, story, until

STEPS, MAX_RUNNING, MAX_QUEUED = 3, 2, 2
which = st.integers(0, 30)


@dataclass
class Expected:
    """What the model knows of one run."""

    key: str
    state: State = State.QUEUED
    allowance: int | None = None
    cancelled: bool = False
    steps: int = 0
    begun: bool = False


class Runs(RuleBasedStateMachine):
    """Every rule changes the model, does the same to the registry, and waits until the workers stand still."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(STEPS)
        self.registry = RunRegistry(MAX_RUNNING, MAX_QUEUED, self.stage, keep=1000)
        self.runs: list[Expected] = []

    def live(self) -> list[Expected]:
        return [run for run in self.runs if not run.state.final]

    def holding(self) -> list[Expected]:
        return [run for run in self.runs if run.state is State.RUNNING]

    @rule()
    def submit(self) -> None:
        if len(self.live()) == MAX_RUNNING + MAX_QUEUED:
            with pytest.raises(InputError):
                self.registry.submit(CONFIG)
        else:
            self.runs.append(Expected(self.registry.submit(replace(CONFIG, seed=len(self.runs)))))
            self.admit()

    @precondition(lambda self: self.live())
    @rule(pick=which)
    def pause(self, pick: int) -> None:
        run = self.live()[pick % len(self.live())]
        run.allowance = 0
        if run.state is State.QUEUED:
            run.state = State.PAUSED
        self.registry.pause(run.key)

    @precondition(lambda self: self.live())
    @rule(pick=which, single=st.booleans())
    def go_on(self, pick: int, single: bool) -> None:
        run = self.live()[pick % len(self.live())]
        run.allowance = (run.allowance or 0) + 1 if single else None
        if run.state is State.PAUSED:
            run.state = State.QUEUED
        (self.registry.step if single else self.registry.resume)(run.key)
        self.admit()

    @precondition(lambda self: self.live())
    @rule(pick=which)
    def cancel(self, pick: int) -> None:
        run = self.live()[pick % len(self.live())]
        run.cancelled = True
        if run.state is not State.RUNNING:
            run.state = State.CANCELLED
        self.registry.cancel(run.key)
        self.admit()

    @precondition(lambda self: self.holding())
    @rule(pick=which, fail=st.sampled_from([False, False, False, True]))
    def let(self, pick: int, fail: bool) -> None:
        """The step in hand of one running run ends."""
        run = self.holding()[pick % len(self.holding())]
        self.stage.puppets[self.runs.index(run)].let(RunError("The loss is not finite.") if fail else None)
        if fail:
            run.state = State.FAILED
        else:
            run.steps += 1
            run.allowance = run.allowance - 1 if run.allowance else run.allowance
            self.after_a_step(run)
        self.admit()

    def after_a_step(self, run: Expected) -> None:
        if run.cancelled:
            run.state = State.CANCELLED
        elif run.allowance == 0:
            run.state = State.PAUSED
        elif run.steps == STEPS:
            run.state = State.DONE

    def admit(self) -> None:
        for run in self.runs:
            if run.state is State.QUEUED and len(self.holding()) < MAX_RUNNING:
                run.begun = True
                run.state = State.DONE if run.steps == STEPS else State.RUNNING

    def still(self) -> bool:
        """All workers hold where the model says: each running one waits in the step after those it has taken."""
        for place, run in enumerate(self.runs):
            view = look(self.registry, run.key)
            if view.state is not run.state:
                return False
            if run.state is State.RUNNING and not (
                place in self.stage.puppets and self.stage.puppets[place].waiting.is_set()
            ):
                return False
        return True

    @invariant()
    def agrees_with_the_model(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.still():
            told = [(run.state, look(self.registry, run.key)) for run in self.runs]
            assert time.monotonic() < deadline, f"The registry never came to what was expected: {told}"
            time.sleep(0.0002)
        queued = [run for run in self.runs if run.state is State.QUEUED]
        for place, run in enumerate(self.runs):
            view = look(self.registry, run.key)
            assert view.queue_position == (queued.index(run) + 1 if run in queued else None)
            assert (view.started_at is not None) == run.begun
            assert (view.finished_at is not None) == run.state.final
            if run.state is not State.RUNNING:
                assert view.snapshot.step == run.steps
                assert view.asked is None
            else:
                paused = State.PAUSED if run.allowance == 0 else None
                assert view.asked is (State.CANCELLED if run.cancelled else paused)
            if run.state.final and run.begun:
                assert self.stage.puppets[place].closed.wait(PATIENCE)

    def teardown(self) -> None:
        for run in self.live():
            self.registry.cancel(run.key)
        for place, run in enumerate(self.runs):
            if run.state is State.RUNNING:
                self.stage.puppets[place].let()
        self.registry.close()
        assert all(look(self.registry, run.key).state.final for run in self.runs)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_pressing_every_button_at_once() -> None:
    registry = RunRegistry(max_running=2, max_queued=6, make_run=lambda config: Told(*story(150)), keep=1000)
    keys: list[str] = []
    ends: dict[str, set[State]] = {}
    wrong: list[str] = []

    def press(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(300):
            with suppress(InputError):
                keys.append(registry.submit(CONFIG))
            key = chance.choice(keys)
            chance.choice([registry.pause, registry.step, registry.resume, registry.resume, registry.cancel])(key)
            views = [look(registry, key) for key in list(keys)]
            for view in views:
                if view.state.final:
                    ends.setdefault(view.id, set()).add(view.state)
                elif view.snapshot.step > 150:
                    wrong.append(f"{view.snapshot.step} steps")

    pressers = [threading.Thread(target=press, args=(seed,)) for seed in range(4)]
    for presser in pressers:
        presser.start()
    for presser in pressers:
        presser.join()
    for key in keys:
        registry.resume(key)
    for key in keys:
        view = until(registry, key)
        assert view.state in (State.DONE, State.CANCELLED)
        assert ends.get(key, {view.state}) == {view.state}
        steps = [point.step for point in view.snapshot.history]
        assert steps == list(range(1, len(steps) + 1))
        assert (view.state is State.DONE) == (view.snapshot.result is not None)
    assert wrong == []
    registry.close()
