"""Background comparisons: cells one after the other, each computed once, failures told, cancelled at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fcpts_core.compare import comparison
from fcpts_core.compare.cells import Cell, kept
from fcpts_core.compare.comparison import MAX_CELLS, Comparisons
from fcpts_core.compare.progress import ComparisonView, overlaid, results
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.job import PUBLISH_EVERY, RunLike
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import InputError, RunError
from tests.engine.stories import PATIENCE, Stage, Told, finished, seeds, story, wait_for


@pytest.fixture
def open_comparisons(tmp_path: Path) -> Iterator[Callable[..., Comparisons]]:
    """Builds comparisons over runs that are made up; all of one test share a folder."""
    built: list[tuple[RunRegistry, Comparisons, Callable[[RunConfig], RunLike]]] = []

    def build(make_run: Callable[[RunConfig], RunLike], **limits: Any) -> Comparisons:
        registry = RunRegistry(make_run=make_run, **limits)
        made = Comparisons(registry, tmp_path)
        built.append((registry, made, make_run))
        return made

    yield build
    for registry, made, make_run in built:
        for running in made._all.values():
            running.cancel()
        registry.close(timeout=0.0)
        if isinstance(make_run, Stage):
            make_run.dismiss()
        for running in made._all.values():
            running.join(PATIENCE)


def cells(count: int) -> tuple[Cell, ...]:
    return tuple(Cell(config, 1, config.method) for config in seeds(count))


def ended(made: Comparisons, key: str) -> ComparisonView:
    view = made.wait(key, PATIENCE)
    assert view is not None
    assert view.over
    return view


def seen(made: Comparisons, key: str) -> ComparisonView:
    view = made.view(key)
    assert view is not None
    return view


class Counted:
    """Runs that go well at once, except for those of the seeds in `broken`; `asked` are the seeds in order."""

    def __init__(self, *broken: int) -> None:
        self.broken = broken
        self.asked: list[int] = []

    def __call__(self, config: RunConfig) -> Told:
        self.asked.append(config.seed)
        return Told(RunError("It broke.")) if config.seed in self.broken else Told(*story(3))


def test_cells_are_computed_in_order_and_kept_as_files(
    open_comparisons: Callable[..., Comparisons], tmp_path: Path
) -> None:
    runs = Counted()
    made = open_comparisons(runs)
    view = ended(made, made.start(cells(4)))
    assert runs.asked == [0, 1, 2, 3]
    assert [cell.state for cell in view.cells] == [State.DONE] * 4
    assert [result for _, result in results(view.cells)] == [finished(3).result] * 4
    assert (view.ended, view.share, view.run, view.cancelled) == (4, 1.0, None, False)
    assert [kept(tmp_path, cell) for cell in cells(4)] == [finished(3).result] * 4


def test_a_cell_is_never_computed_twice(open_comparisons: Callable[..., Comparisons]) -> None:
    runs = Counted()
    made = open_comparisons(runs)
    ended(made, made.start(cells(2)))
    ended(made, made.start(cells(3)))
    another = open_comparisons(runs)  # as after a restart over the same folder
    assert [view.state for view in another.known(cells(4))] == [State.DONE] * 3 + [State.QUEUED]
    ended(another, another.start(cells(3)))
    assert runs.asked == [0, 1, 2]


def test_a_failed_cell_says_why_and_the_others_go_on(open_comparisons: Callable[..., Comparisons]) -> None:
    made = open_comparisons(Counted(1))
    view = ended(made, made.start(cells(3)))
    assert [cell.state for cell in view.cells] == [State.DONE, State.FAILED, State.DONE]
    assert [cell.reason for cell in view.cells] == ["", "It broke.", ""]
    assert len(results(view.cells)) == 2


def test_a_failed_cell_is_tried_again_by_the_next_comparison(open_comparisons: Callable[..., Comparisons]) -> None:
    runs = Counted(1)
    made = open_comparisons(runs)
    ended(made, made.start(cells(2)))
    runs.broken = ()
    assert ended(made, made.start(cells(2))).cells[1].state is State.DONE
    assert runs.asked == [0, 1, 1]


def test_the_cell_in_hand_shows_how_far_it_is(open_comparisons: Callable[..., Comparisons]) -> None:
    stage = Stage(4)
    made = open_comparisons(stage)
    key = made.start(cells(2))
    puppet = stage.await_step(0)
    puppet.let()
    time.sleep(2 * PUBLISH_EVERY)
    puppet.let()
    wait_for(lambda: seen(made, key).share == pytest.approx(2 / 8))
    view = seen(made, key)
    assert [cell.state for cell in view.cells] == [State.RUNNING, State.QUEUED]
    assert view.run is not None
    assert view.run.config.seed == 0
    assert not view.over


def test_cancelling_ends_the_cell_in_hand_and_leaves_the_others_undone(
    open_comparisons: Callable[..., Comparisons],
) -> None:
    stage = Stage(2)
    made = open_comparisons(stage)
    key = made.start(cells(3))
    stage.await_step(0).dismiss()
    stage.await_step(1)
    made.cancel(key)
    view = ended(made, key)
    assert [cell.state for cell in view.cells] == [State.DONE, State.CANCELLED, State.CANCELLED]
    assert view.cancelled
    stage.puppets[1].dismiss()
    assert stage.puppets[1].closed.wait(PATIENCE)
    assert 2 not in stage.puppets


def test_a_pause_holds_the_run_in_hand_and_begins_no_other(open_comparisons: Callable[..., Comparisons]) -> None:
    stage = Stage(2)
    made = open_comparisons(stage)
    key = made.start(cells(2))
    first = stage.await_step(0)
    made.pause(key)
    assert seen(made, key).paused
    wait_for(lambda: (run := seen(made, key).run) is not None and run.asked is State.PAUSED)
    first.let()
    wait_for(lambda: (run := seen(made, key).run) is not None and run.state is State.PAUSED)
    at_rest = seen(made, key).seconds
    time.sleep(0.05)
    assert seen(made, key).seconds == at_rest
    assert not first.waiting.is_set()
    made.resume(key)
    first.let()
    stage.await_step(1).dismiss()
    view = ended(made, key)
    assert [cell.state for cell in view.cells] == [State.DONE, State.DONE]
    assert not view.paused
    assert view.seconds > at_rest
    assert seen(made, key).seconds == view.seconds


def test_a_paused_comparison_can_be_stopped(
    open_comparisons: Callable[..., Comparisons],
) -> None:
    stage = Stage(1)
    made = open_comparisons(stage)
    key = made.start(cells(3))
    first = stage.await_step(0)
    made.pause(key)
    made.cancel(key)
    view = ended(made, key)
    first.dismiss()
    assert {cell.state for cell in view.cells} == {State.CANCELLED}
    assert list(stage.puppets) == [0]


def test_a_run_that_another_comparison_follows_is_not_held(open_comparisons: Callable[..., Comparisons]) -> None:
    stage = Stage(3)
    made = open_comparisons(stage)
    first = made.start(cells(1))
    puppet = stage.await_step(0)
    made.pause(first)
    wait_for(lambda: (run := seen(made, first).run) is not None and run.asked is State.PAUSED)
    second = made.start(cells(1))
    wait_for(lambda: (run := seen(made, second).run) is not None and run.asked is None)
    puppet.dismiss()
    assert ended(made, second).cells[0].state is State.DONE
    assert ended(made, first).cells[0].state is State.DONE


def test_comparisons_that_want_one_cell_follow_one_run(open_comparisons: Callable[..., Comparisons]) -> None:
    stage = Stage(1)
    made = open_comparisons(stage)
    first = made.start(cells(1))
    stage.await_step(0)
    second = made.start(cells(1))
    wait_for(lambda: seen(made, second).run is not None)
    made.cancel(first)
    assert ended(made, first).cells[0].state is State.CANCELLED
    stage.puppets[0].let()
    assert ended(made, second).cells[0].state is State.DONE
    assert list(stage.puppets) == [0]


def test_a_full_queue_is_waited_for_and_said(
    open_comparisons: Callable[..., Comparisons], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "PATIENCE", 0.01)
    stage = Stage(1)
    made = open_comparisons(stage, max_running=1, max_queued=0)
    first = made.start(cells(1))
    stage.await_step(0)
    second = made.start(cells(2)[1:])
    wait_for(lambda: "queue is full" in seen(made, second).waiting)
    stage.puppets[0].let()
    ended(made, first)
    stage.await_step(1).let()
    assert ended(made, second).cells[0].state is State.DONE


def test_finished_runs_leave_room_for_those_of_others(open_comparisons: Callable[..., Comparisons]) -> None:
    made = open_comparisons(Counted(), keep=2)
    own = made._registry.submit(replace(RunConfig(), seed=99))
    made._registry.wait(own, timeout=PATIENCE)
    ended(made, made.start(cells(6)))
    assert made._registry.view(own) is not None


def test_what_cannot_be_compared_is_refused(open_comparisons: Callable[..., Comparisons]) -> None:
    made = open_comparisons(Counted())
    with pytest.raises(InputError, match="nothing to compare"):
        made.start(())
    with pytest.raises(InputError, match=f"at most {MAX_CELLS}"):
        made.start(cells(MAX_CELLS + 1))
    assert made.view("unknown") is None
    made.cancel("unknown")


def test_recorded_results_stand_in_for_what_is_not_known(open_comparisons: Callable[..., Comparisons]) -> None:
    made = open_comparisons(Counted())
    recorded = ended(made, made.start(cells(2))).cells
    wanted = open_comparisons(Counted()).known(tuple(replace(cell, threads=3) for cell in cells(3)))
    assert [view.state for view in overlaid(wanted, recorded)] == [State.DONE, State.DONE, State.QUEUED]
