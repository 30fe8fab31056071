"""A comparison as one frozen picture: what became of every cell so far, and the run that is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fcpts_core.compare.cells import Cell
from fcpts_core.engine.events import Result
from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import State


@dataclass(frozen=True)
class CellView:
    """One cell: `result` where it is done, `reason` (a sentence) where it failed; `queued` also means not begun."""

    cell: Cell
    state: State = State.QUEUED
    result: Result | None = None
    reason: str = ""


@dataclass(frozen=True)
class ComparisonView:
    """One look at a comparison.

    `run` is the background run of the cell in hand, which it may share with another comparison; `waiting` the sentence
    that says why there is none although cells are left. `seconds` is how long it has been at work, pauses left out.
    """

    id: str
    cells: tuple[CellView, ...]
    cancelled: bool = False
    run: RunView | None = None
    waiting: str = ""
    paused: bool = False
    seconds: float = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return all(view.state.final for view in self.cells)

    @property
    def ended(self) -> int:
        """Cells that are done or have failed."""
        return sum(view.state in (State.DONE, State.FAILED) for view in self.cells)

    @property
    def share(self) -> float:
        """How much of the work is behind, each cell counted alike, in [0, 1]."""
        begun = 0.0
        if self.run is not None and self.run.snapshot.started is not None:
            snapshot, steps = self.run.snapshot, self.run.snapshot.started.steps
            begun = snapshot.step / steps if steps else snapshot.phase_share or 0.0
        return min(1.0, (self.ended + begun) / max(1, len(self.cells)))


def results(cells: Sequence[CellView]) -> tuple[tuple[str, Result], ...]:
    """What is known so far, labelled as `fcpts_core.compare.table.rows` takes it."""
    return tuple((view.cell.label, view.result) for view in cells if view.result is not None)


def overlaid(cells: Sequence[CellView], known: Sequence[CellView]) -> tuple[CellView, ...]:
    """`cells`, where one has no result with that of `known` for the same question on whatever number of threads."""
    found = {_question(view.cell): view for view in known if view.result is not None}
    return tuple(view if view.result is not None else found.get(_question(view.cell), view) for view in cells)


def _question(cell: Cell) -> str:
    return repr((cell.label, sorted(cell.config.to_json().items(), key=lambda item: item[0])))
