"""A run as one frozen picture, folded from its events: the same events give the same picture, live or replayed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from fcpts_core.engine.events import Allocated, Event, Failed, Finished, Phase, Result, Started, Stepped, Surveyed

HISTORY_POINTS = 500
SURVEY_FRAMES = 40

Item = TypeVar("Item")


class State(StrEnum):
    """Where a run stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def final(self) -> bool:
        return self in (State.DONE, State.CANCELLED, State.FAILED, State.INTERRUPTED)


@dataclass(frozen=True)
class Snapshot:
    """All that a page may draw of a run.

    `history` holds at most 500 steps, evenly thinned, and always the newest; `surveys` at most 40 sets of densities.
    `allocated` is the newest that was told of the allocation since the newest step, None where nothing was, and
    `phase_share` how much of the phase is behind, None where that is not known.
    """

    state: State = State.QUEUED
    phase: str = ""
    started: Started | None = None
    history: tuple[Stepped, ...] = ()
    surveys: tuple[Surveyed, ...] = ()
    result: Result | None = None
    reason: str = ""
    allocated: Allocated | None = None
    phase_share: float | None = None

    @property
    def last(self) -> Stepped | None:
        return self.history[-1] if self.history else None

    @property
    def step(self) -> int:
        return self.last.step if self.last else 0

    def survey_at(self, step: int) -> Surveyed | None:
        """The newest densities that are not newer than `step`; the first ones where all are newer."""
        older = [survey for survey in self.surveys if survey.step <= step]
        return older[-1] if older else (self.surveys[0] if self.surveys else None)

    def stepped_at(self, step: int) -> Stepped | None:
        """The newest kept step that is not newer than `step`; the first one where all are newer."""
        older = [point for point in self.history if point.step <= step]
        return older[-1] if older else (self.history[0] if self.history else None)


class Thinned(Generic[Item]):
    """Keeps at most `limit` (2 or more) of the items it is given: every `stride`-th one and always the newest.

    When full, every second kept item goes and the stride doubles, so what is kept depends only on what was given.
    """

    def __init__(self, limit: int) -> None:
        if limit < 2:
            raise ValueError(
                f"The limit is {limit}: expected at least 2, one for the first item and one for the newest."
            )
        self._limit = limit
        self._stride = 1
        self._count = 0
        self._kept: list[Item] = []
        self._newest: Item | None = None

    def add(self, item: Item) -> None:
        self._newest = item
        if self._count % self._stride == 0:
            if len(self._kept) == self._limit - 1:
                self._kept = self._kept[::2]
                self._stride *= 2
            if self._count % self._stride == 0:
                self._kept.append(item)
        self._count += 1

    def items(self) -> tuple[Item, ...]:
        if self._newest is None or (self._kept and self._kept[-1] is self._newest):
            return tuple(self._kept)
        return (*self._kept, self._newest)


class Story:
    """Folds events into snapshots; one writer, cheap to add to, `snapshot()` is immutable."""

    def __init__(self) -> None:
        self._snapshot = Snapshot(state=State.RUNNING)
        self._history: Thinned[Stepped] = Thinned(HISTORY_POINTS)
        self._surveys: Thinned[Surveyed] = Thinned(SURVEY_FRAMES)

    def add(self, event: Event) -> None:
        match event:
            case Stepped():
                self._history.add(event)
                if self._snapshot.allocated is not None:
                    self._snapshot = replace(self._snapshot, allocated=None)
            case Surveyed():
                self._surveys.add(event)
            case Allocated():
                self._snapshot = replace(self._snapshot, allocated=event)
            case Phase(text=text, share=share):
                self._snapshot = replace(self._snapshot, phase=text, phase_share=share)
            case Started():
                self._snapshot = replace(self._snapshot, started=event)
            case Finished(result=result):
                self._snapshot = replace(self._snapshot, result=result, state=State.DONE)
            case Failed(reason=reason):
                self._snapshot = replace(self._snapshot, reason=reason, state=State.FAILED)

    def snapshot(self) -> Snapshot:
        return replace(self._snapshot, history=self._history.items(), surveys=self._surveys.items())


def tell(events: Iterable[Event]) -> Snapshot:
    """The snapshot that these events lead to."""
    story = Story()
    for event in events:
        story.add(event)
    return story.snapshot()
