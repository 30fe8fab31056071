"""Runs in the background: each in its own process, a few at a time, the others in a queue that is visible.

    submit -> queued -> running <-> paused          and from any of the three: cancel -> cancelled
                           |
                           +-> done | failed

A thread for each run, the worker, asks for the run's next event only while it may, so pausing is not asking, and
cancelling is closing the iterator, which ends the process (see `fcpts_core.engine.remote`). A run waits its turn in the
order of submission; one that is paused gives its turn away, and takes it again, before later runs, when it is resumed
or stepped.
"""

from __future__ import annotations

import atexit
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing

from fcpts_core.engine import artifacts
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Failed, Finished
from fcpts_core.engine.job import NO_RESULT, Job, Keeping, RunLike, RunView, failure
from fcpts_core.engine.remote import Children
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.threads import share
from fcpts_core.errors import InputError, RunError

FORGOTTEN_AFTER = 3600.0
CLOSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class QueueFullError(InputError):
    """There is no room for another run now."""


class RunRegistry:
    """All background runs of a process, by unguessable id; every method may be called from any thread.

    At most `max_running` runs compute at a time, at most `max_queued` more wait or are paused, and the `keep` finished
    runs that were looked at last are remembered. Control calls on unknown or finished runs do nothing. `make_run` puts
    another engine in the place of the real one. With `keeping`, runs outlive this process: one that is not remembered
    is looked up there.
    """

    def __init__(
        self,
        max_running: int = 1,
        max_queued: int = 8,
        make_run: Callable[[RunConfig], RunLike] | None = None,
        keep: int = 20,
        keeping: Keeping | None = None,
    ) -> None:
        self._max_running = max_running
        self._max_queued = max_queued
        self._children = Children(lambda: self.threads, keep=max_running)
        self._make_run = make_run
        self._keep = keep
        self._keeping = keeping
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._closed = False
        atexit.register(self.close)

    @property
    def threads(self) -> int:
        """Torch threads of each run."""
        return share(self._max_running)

    def warm(self) -> None:
        """Gets ready for the next run, so that it need not wait for torch to be imported."""
        if self._make_run is None:
            self._children.warm()
        if self._keeping is not None:
            self._keeping.warm()

    def submit(self, config: RunConfig, origin: str = "", label: str = "") -> str:
        """Queues a run and returns its id; raises QueueFullError where there is no room.

        `origin` and `label` are what is kept of who asked for it.
        """
        with self._changed:
            self._make_room()
            kept = self._keeping.begin(config, self.threads, origin, label) if self._keeping else None
            return self._enqueue(Job(kept.id if kept else secrets.token_urlsafe(16), config, kept))

    def go_on_with(self, key: str) -> None:
        """Queues a kept run that did not end well, to go on from its last checkpoint; InputError where it cannot."""
        with self._changed:
            if self._live(key):
                return
            self._make_room()
            if self._keeping is None:
                raise InputError("Runs are not kept here: start it again.")
            kept = self._keeping.claim(key)
            self._enqueue(Job(key, kept.config, kept))

    def view(self, key: str) -> RunView | None:
        """The run as it is now, None where there is no such run."""
        with self._changed:
            if job := self._jobs.get(key):
                return job.view(self._queue_position(job))
        return self._keeping.view(key) if self._keeping else None

    def pause(self, key: str) -> None:
        """Stops before the next learning step."""
        with self._changed:
            if job := self._live(key):
                job.allowance = 0
                if job.state is State.QUEUED:
                    job.become(State.PAUSED)
                self._changed.notify_all()

    def step(self, key: str) -> None:
        """Takes one learning step more and pauses; calls made meanwhile add up."""
        with self._changed:
            if job := self._live(key):
                self._go_on(job, (job.allowance or 0) + 1)

    def resume(self, key: str) -> None:
        """Goes on to the end."""
        with self._changed:
            if job := self._live(key):
                self._go_on(job, None)

    def cancel(self, key: str) -> None:
        """Ends the run for good, after the learning step in hand at the latest."""
        with self._changed:
            if job := self._live(key):
                self._cancel(job)

    def drop(self, key: str) -> None:
        """Forgets a run that nobody will ask for again; one that has not ended is cancelled first."""
        with self._changed:
            job = self._jobs.get(key)
            if job is None:
                return
            if job.state.final:
                del self._jobs[key]
            else:
                self._cancel(job)
                job.seen = -math.inf

    def wait(self, key: str, *states: State, timeout: float | None = None) -> RunView | None:
        """Blocks until the run is in one of `states` (by default the final ones) or `timeout` seconds are over."""
        with self._changed:
            job = self._jobs.get(key)
            if job is None:
                return None
            self._changed.wait_for(lambda: job.state in states if states else job.state.final, timeout)
            return job.view(self._queue_position(job))

    def artifacts(self, key: str) -> dict[str, bytes]:
        """The files of a run that is done, by name; empty for any other."""
        with self._changed:
            job = self._jobs.get(key)
            if job is None:
                return dict(self._keeping.artifacts(key)) if self._keeping else {}
            job.seen = time.monotonic()
            result, tensors, files = job.snapshot.result, job.state_dict, job.files
        if files or result is None or tensors is None:
            return dict(files)
        threads = job.kept.threads if job.kept else self.threads
        files = artifacts.build(job.config, result, tensors, job.journal.text(), threads)
        with self._changed:
            job.files, job.state_dict = files, None
        return dict(files)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Cancels every run, ends their processes and waits up to `timeout` seconds for the workers."""
        atexit.unregister(self.close)
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                self._cancel(job)
            workers = [job.thread for job in self._jobs.values() if job.thread]
        self._children.close()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    # The methods below are called with the lock held, except for those of the worker's own thread.

    def _make_room(self) -> None:
        if self._closed:
            raise InputError("No new runs are taken: the server is shutting down.")
        live = [job for job in self._jobs.values() if not job.state.final]
        if len(live) >= self._max_running + self._max_queued and not self._drop_forgotten(live):
            raise QueueFullError(
                f"The queue is full: {len(live)} runs are running, waiting or paused. "
                "Wait until one of them ends, or cancel one, and start again."
            )

    def _enqueue(self, job: Job) -> str:
        self._jobs[job.key] = job
        self._admit()
        return job.key

    def _live(self, key: str) -> Job | None:
        job = self._jobs.get(key)
        if job is None or job.state.final:
            return None
        job.seen = time.monotonic()
        return job

    def _queue_position(self, job: Job) -> int | None:
        queue = [other for other in self._jobs.values() if other.state is State.QUEUED]
        return queue.index(job) + 1 if job in queue else None

    def _go_on(self, job: Job, allowance: int | None) -> None:
        job.allowance = allowance
        if job.state is State.PAUSED:
            job.become(State.QUEUED)
        self._admit()

    def _cancel(self, job: Job) -> None:
        job.cancelled = True
        if job.thread is None:
            job.become(State.CANCELLED)
            if job.kept is not None and not self._closed:
                job.kept.end(State.CANCELLED, None, "")
        self._changed.notify_all()

    def _admit(self) -> None:
        """Lets queued runs go while there is room, and forgets finished ones that are too many."""
        room = self._max_running - sum(job.state is State.RUNNING for job in self._jobs.values())
        queue = [job for job in self._jobs.values() if job.state is State.QUEUED]
        for job in queue[:room]:
            job.become(State.RUNNING)
            if job.thread is None:
                job.thread = threading.Thread(target=self._work, args=(job,), name="fcpts-run", daemon=True)
                job.thread.start()
        finished = sorted((job for job in self._jobs.values() if job.state.final), key=lambda job: job.seen)
        for job in finished[: max(0, len(finished) - self._keep)]:
            del self._jobs[job.key]
        self._changed.notify_all()

    def _drop_forgotten(self, live: list[Job]) -> bool:
        """Cancels the paused run that nobody has looked at for longest, if that is long enough."""
        paused = [job for job in live if job.state is State.PAUSED and not job.cancelled]
        forgotten = min(paused, key=lambda job: job.seen, default=None)
        if forgotten is None or time.monotonic() - forgotten.seen < FORGOTTEN_AFTER:
            return False
        self._cancel(forgotten)
        return True

    def _work(self, job: Job) -> None:
        end = self._follow(job)
        with self._changed:
            if end is None:
                job.become(State.CANCELLED)
            else:
                job.add(end)
            self._admit()
            # A server that shuts down stops nothing: what it leaves behind is found interrupted, and can go on.
            kept = None if end is None and self._closed else job.kept
        if kept is not None:
            kept.end(job.state, job.snapshot.result, job.snapshot.reason)

    def _follow(self, job: Job) -> Event | None:
        """Takes the run's events as long as it may; returns the one that ends the run, None where it was cancelled."""
        try:
            run = self._make_run(job.config) if self._make_run else self._children.run(job.config, job.kept)
            with ExitStack() as stack:
                events = stack.enter_context(closing(_generator(run.events())))
                record = stack.enter_context(job.kept.recorded()) if self._make_run and job.kept else None
                if job.kept is not None:
                    job.kept.running()
                while self._may_go_on(job):
                    event = next(events)
                    job.journal.add(event, getattr(run, "line", None))
                    if record is not None:
                        record(event, run.state_dict)
                    if job.kept is not None:
                        job.kept.see(event)
                    if isinstance(event, Finished):
                        job.state_dict = run.state_dict
                    if isinstance(event, Finished | Failed):
                        return event
                    with self._changed:
                        job.add(event)
        except StopIteration:
            return None if job.cancelled else Failed(NO_RESULT)
        except (InputError, RunError) as error:
            return failure(error)
        except BaseException as error:
            level = logging.INFO if job.cancelled else logging.ERROR
            log.log(level, "%s stopped on an unforeseen error", job.config, exc_info=True)
            return None if job.cancelled else failure(error)
        return None

    def _may_go_on(self, job: Job) -> bool:
        """Waits while the run is paused or queues again; False when it shall end."""
        with self._changed:
            if job.allowance == 0 and not job.cancelled:
                job.become(State.PAUSED)
                self._admit()
            self._changed.wait_for(lambda: job.cancelled or job.state is State.RUNNING)
            return not job.cancelled


def _generator(events: Iterator[Event]) -> Generator[Event, None, None]:
    """Any iterator as one that can be closed."""
    yield from events
