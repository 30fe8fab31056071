"""How background runs end: by errors, by being forgotten, with the program."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fcpts_core.engine import workers
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Failed, Phase
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import InputError, RunError
from tests.engine.stories import (
    CONFIG,
    PATIENCE,
    Build,
    Puppet,
    Stage,
    Told,
    always,
    look,
    seeds,
    started,
    stepped,
    story,
    until,
    wait_for,
)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (InputError("The images are too few."), "The images are too few."),
        (RunError("The loss is not finite."), "The loss is not finite."),
        (Failed("It was recorded so."), "It was recorded so."),
        (ZeroDivisionError("by zero"), "unforeseen error, ZeroDivisionError: by zero. Try other settings"),
        (MemoryError(), "ran out of memory: try a smaller batch"),
        (Phase("and then nothing"), "ended without a result"),
    ],
)
def test_a_run_that_goes_wrong_fails_with_a_sentence_and_keeps_its_last_good_state(
    open_registry: Build, end: Event | Exception, reason: str
) -> None:
    registry = open_registry(always(started(9), stepped(1), stepped(2), end))
    key = registry.submit(CONFIG)
    view = until(registry, key)
    assert view.state is State.FAILED
    assert reason in view.snapshot.reason
    assert view.snapshot.last == stepped(2)
    assert registry.artifacts(key) == {}


def test_only_unforeseen_errors_are_logged(open_registry: Build, caplog: pytest.LogCaptureFixture) -> None:
    for error in (InputError("No."), ZeroDivisionError("by zero")):
        registry = open_registry(always(error))
        until(registry, registry.submit(CONFIG))
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_a_run_that_cannot_even_be_made_fails(open_registry: Build) -> None:
    def refuse(config: RunConfig) -> Told:
        raise InputError(f"There is no model {config.model}.")

    registry = open_registry(refuse)
    view = until(registry, registry.submit(CONFIG))
    assert (view.state, view.snapshot.reason) == (State.FAILED, "There is no model digits-resnet20.")


def test_an_error_while_closing_does_not_undo_a_cancel(open_registry: Build) -> None:
    class Stubborn(Puppet):
        def events(self) -> Iterator[Event]:
            try:
                yield from super().events()
            finally:
                raise OSError("still open")

    puppet = Stubborn(3)
    registry = open_registry(lambda config: puppet)
    key = registry.submit(CONFIG)
    assert puppet.waiting.wait(PATIENCE)
    registry.cancel(key)
    puppet.let()
    assert until(registry, key).state is State.CANCELLED


def test_finished_runs_are_forgotten_least_recently_seen_first(open_registry: Build) -> None:
    registry = open_registry(always(*story(1)), keep=2)
    keys = []
    for _ in range(4):
        keys.append(registry.submit(CONFIG))
        until(registry, keys[-1])
        assert look(registry, keys[0])
    assert [registry.view(key) is not None for key in keys] == [True, False, False, True]


def test_a_full_queue_gives_up_a_paused_run_that_nobody_looks_at(
    open_registry: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_registry(Stage(1), max_queued=1)
    _, forgotten = (registry.submit(config) for config in seeds(2))
    registry.pause(forgotten)
    with pytest.raises(InputError, match="The queue is full"):
        registry.submit(CONFIG)
    monkeypatch.setattr(workers, "FORGOTTEN_AFTER", 0.0)
    assert registry.submit(CONFIG)
    assert look(registry, forgotten).state is State.CANCELLED


def test_close_ends_everything_and_takes_nothing_more(open_registry: Build) -> None:
    stage = Stage(3)
    registry = open_registry(stage)
    keys = [registry.submit(config) for config in seeds(3)]
    registry.pause(keys[2])
    stage.await_step(0)
    closer = threading.Thread(target=registry.close)
    closer.start()
    wait_for(lambda: look(registry, keys[0]).asked is State.CANCELLED)
    stage.puppets[0].let()
    closer.join(PATIENCE)
    assert {look(registry, key).state for key in keys} == {State.CANCELLED}
    assert stage.puppets[0].closed.is_set()
    with pytest.raises(InputError, match="shutting down"):
        registry.submit(CONFIG)


def test_close_does_not_wait_for_ever(staged: tuple[RunRegistry, str, Puppet]) -> None:
    registry, key, puppet = staged
    registry.close(timeout=0.01)
    assert look(registry, key).asked is State.CANCELLED
    puppet.let()
    assert until(registry, key).state is State.CANCELLED
