"""One job without threads: what is published when, and what its clock counts."""

from __future__ import annotations

import pytest

from fcpts_core.engine import job as job_module
from fcpts_core.engine.events import Phase
from fcpts_core.engine.job import PUBLISH_EVERY, Job
from fcpts_core.engine.snapshot import Snapshot, State
from tests.engine.stories import CONFIG, finished, started, stepped


class Clock:
    """Stands in for the time module: `monotonic` moves only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(job_module, "time", clock)
    return clock


def test_snapshots_are_published_ten_times_a_second_at_most(clock: Clock) -> None:
    job = Job("key", CONFIG)
    job.become(State.RUNNING)
    published: list[Snapshot] = []
    for step in range(1, 2001):
        clock.now += 0.001
        job.add(stepped(step))
        if not published or job.snapshot is not published[-1]:
            published.append(job.snapshot)
    assert 2.0 / PUBLISH_EVERY - 2 <= len(published) <= 2.0 / PUBLISH_EVERY + 1
    job.become(State.PAUSED)
    assert (job.snapshot.state, job.snapshot.step) == (State.PAUSED, 2000)


def test_phases_single_steps_and_ends_are_published_at_once(clock: Clock) -> None:
    job = Job("key", CONFIG)
    job.become(State.RUNNING)
    job.add(Phase("reading"))
    assert job.snapshot.phase == "reading"
    job.add(started(9))
    assert job.snapshot.started == started(9)
    job.allowance = 2
    for step in (1, 2):
        job.add(stepped(step))
        assert job.snapshot.step == step
    job.allowance = None
    job.add(stepped(3))
    assert job.snapshot.step == 2
    job.add(finished(9))
    assert (job.snapshot.step, job.snapshot.state, job.state) == (3, State.DONE, State.DONE)
    job.become(State.CANCELLED)
    assert job.state is State.DONE


def test_the_clock_leaves_queueing_and_pauses_out(clock: Clock) -> None:
    job = Job("key", CONFIG)
    for seconds, state in [(5, State.RUNNING), (2, State.PAUSED), (30, State.QUEUED), (7, State.RUNNING)]:
        clock.now += seconds
        job.become(state)
    clock.now += 3
    assert job.view(None).elapsed == pytest.approx(5)
    job.add(finished(0))
    clock.now += 100
    view = job.view(None)
    assert view.elapsed == pytest.approx(5)
    assert view.started_at
    assert view.finished_at
    assert view.started_at - view.submitted_at == pytest.approx(5)
    assert view.finished_at - view.submitted_at == pytest.approx(47)


def test_time_to_go_follows_the_pace_so_far(clock: Clock) -> None:
    job = Job("key", CONFIG)
    job.become(State.RUNNING)
    job.add(started(100))
    assert job.view(None).eta is None
    clock.now += 1
    job.add(stepped(20, seconds=4.0))
    assert job.view(None).eta == pytest.approx(16.0)
    job.add(finished(100))
    assert job.view(None).eta is None
