"""One background run as the registry keeps it: its story so far, its state, its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Failed, Finished, Phase, Result, Started, Stepped
from fcpts_core.engine.recording import Journal
from fcpts_core.engine.snapshot import Snapshot, State, Story
from fcpts_core.errors import InputError, RunError

if TYPE_CHECKING:
    from torch import Tensor

PUBLISH_EVERY = 0.1
NO_RESULT = "The run ended without a result: start it again, and report it if that happens again."


class RunLike(Protocol):
    """What a job needs of a run: its events, one learning step at a time, and the sparse tensors after the last one.

    A run that has its newest event as a line of the journal too may offer that as `line`.
    """

    @property
    def state_dict(self) -> Mapping[str, Tensor] | None: ...

    def events(self) -> Iterator[Event]: ...


class KeptRun(Protocol):
    """A run that outlives this process: `folder` is where the process that computes it writes what it needs.

    `threads` are those it began with; with `resumes` it goes on from its last checkpoint.
    """

    id: str
    config: RunConfig
    threads: int
    folder: str
    resumes: bool

    def running(self) -> None: ...

    def see(self, event: Event) -> None: ...

    def recorded(self) -> AbstractContextManager[Callable[[Event, Mapping[str, Tensor] | None], None]]: ...

    def end(self, state: State, result: Result | None, reason: str) -> None: ...


class Keeping(Protocol):
    """Where runs are kept; no method but `claim` ever raises an error."""

    trouble: str

    def warm(self) -> None: ...

    def begin(self, config: RunConfig, threads: int, origin: str = "", label: str = "") -> KeptRun | None: ...

    def claim(self, key: str) -> KeptRun: ...

    def view(self, key: str) -> RunView | None: ...

    def artifacts(self, key: str) -> Mapping[str, bytes]: ...


@dataclass(frozen=True)
class RunView:
    """One look at a background run.

    `asked` is the state that was asked for (paused or cancelled) while the step in hand still goes on. `queue_position`
    counts from 1. `elapsed` and `eta` are seconds of running, pauses and queueing left out; the other times are seconds
    since the epoch. `kept` says that the run outlives the server, so that it can be gone on with.
    """

    id: str
    config: RunConfig
    snapshot: Snapshot
    asked: State | None
    queue_position: int | None
    submitted_at: float
    started_at: float | None
    finished_at: float | None
    elapsed: float
    eta: float | None
    kept: bool = False

    @property
    def state(self) -> State:
        return self.snapshot.state


class Job:
    """The mutable side of a run; every method is called with the registry's lock held.

    `allowance` is the number of learning steps that the run may still take before it pauses, None for no limit.
    `snapshot` is replaced as a whole at each change of state or phase, at the end of a single step, and for anything
    else at most every `PUBLISH_EVERY` seconds.
    """

    def __init__(self, key: str, config: RunConfig, kept: KeptRun | None = None) -> None:
        self.key = key
        self.kept = kept
        self.config = config
        self.state = State.QUEUED
        self.snapshot = Snapshot(state=State.QUEUED)
        self.journal = Journal()
        self.thread: Thread | None = None
        self.allowance: int | None = None
        self.cancelled = False
        self.state_dict: Mapping[str, Tensor] | None = None
        self.files: dict[str, bytes] = {}
        self.submitted_at = time.time()
        self.started_at: float | None = None
        self.finished_at: float | None = None
        self.seen = time.monotonic()
        self._story = Story()
        self._published = 0.0
        self._running_since: float | None = None
        self._ran = 0.0

    def become(self, state: State) -> None:
        """Enters a state; a final one is never left again."""
        if self.state.final:
            return
        now = time.monotonic()
        if self._running_since is not None:
            self._ran += now - self._running_since
        self._running_since = now if state is State.RUNNING else None
        if state is State.RUNNING and self.started_at is None:
            self.started_at = time.time()
        if state.final:
            self.finished_at = time.time()
        self.state = state
        self._publish()

    def add(self, event: Event) -> None:
        """Takes one event into the story; the event that ends a run also ends the job."""
        self._story.add(event)
        if isinstance(event, Stepped) and self.allowance:
            self.allowance -= 1
        match event:
            case Finished():
                self.become(State.DONE)
            case Failed():
                self.become(State.FAILED)
            case Phase() | Started():
                self._publish()
            case _ if self.allowance is not None or time.monotonic() - self._published >= PUBLISH_EVERY:
                self._publish()

    @property
    def elapsed(self) -> float:
        return self._ran + (time.monotonic() - self._running_since if self._running_since is not None else 0.0)

    def view(self, queue_position: int | None) -> RunView:
        self.seen = time.monotonic()
        return RunView(
            id=self.key,
            config=self.config,
            snapshot=self.snapshot,
            asked=self._asked(),
            queue_position=queue_position,
            submitted_at=self.submitted_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            elapsed=self.elapsed,
            eta=None if self.state.final else remaining_seconds(self.snapshot),
            kept=self.kept is not None,
        )

    def _asked(self) -> State | None:
        if self.state.final:
            return None
        if self.cancelled:
            return State.CANCELLED
        return State.PAUSED if self.allowance == 0 and self.state is State.RUNNING else None

    def _publish(self) -> None:
        self.snapshot = replace(self._story.snapshot(), state=self.state)
        self._published = time.monotonic()


def remaining_seconds(snapshot: Snapshot) -> float | None:
    """Seconds of learning still to go at the pace so far; None before the first step and where nothing is learned."""
    if snapshot.started is None or snapshot.last is None or snapshot.step < 1:
        return None
    return (snapshot.started.steps - snapshot.step) * snapshot.last.seconds / snapshot.step


def failure(error: BaseException) -> Failed:
    """The end of a run that an error has stopped."""
    if isinstance(error, InputError | RunError):
        return Failed(str(error))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Failed("The run ran out of memory: try a smaller batch, fewer calibration images or a smaller model.")
    return Failed(
        f"The run stopped on an unforeseen error, {type(error).__name__}: {error}. "
        "Try other settings; the program's log holds the details to report."
    )
