"""What the page shows: the reader's own comparison, the recorded one, or what is known of what the choices ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fcpts_core.compare.cells import Cell
from fcpts_core.compare.progress import CellView, ComparisonView, overlaid, results
from fcpts_core.compare.table import Row, rows
from fcpts_core.engine.events import Result
from fcpts_core.engine.snapshot import State
from pages._ui.compare.goal import Goal, goal_of
from pages._ui.compare.settings import nearest


class Kind(StrEnum):
    RUN = "run"
    RECORDING = "recording"
    PREVIEW = "preview"


@dataclass(frozen=True)
class Picture:
    """All cells of one comparison and where they come from; `target` and `model` are the ones looked at up close.

    `recorded` are the names of the cells whose result comes from the recording, `problem` the sentence that says why
    the choices cannot be run.
    """

    kind: Kind
    cells: tuple[CellView, ...]
    target: float
    model: str
    recorded: frozenset[str] = frozenset()
    own: ComparisonView | None = None
    problem: str = ""

    @property
    def open(self) -> bool:
        """Whether this is a comparison that has not ended."""
        return self.kind is Kind.RUN and self.own is not None and not self.own.over

    @property
    def table(self) -> tuple[Row, ...]:
        """One row for each model, method and target with a result."""
        return rows(results(self.cells))

    @property
    def shown(self) -> tuple[Row, ...]:
        """The rows of the model looked at."""
        return tuple(row for row in self.table if row.model == self.model)

    @property
    def methods(self) -> tuple[str, ...]:
        """Labels of all methods, with a result or without."""
        return tuple(dict.fromkeys(view.cell.label for view in self.cells))

    @property
    def goal(self) -> Goal:
        """What the targets are shares of."""
        configs = {view.cell.label: view.cell.config for view in self.cells}.values()
        return goal_of((config.method, config.overrides) for config in configs)

    @property
    def targets(self) -> tuple[float, ...]:
        return tuple(sorted({view.cell.config.sparsity for view in self.cells}))

    @property
    def results(self) -> tuple[tuple[str, Result], ...]:
        """Results of the model and at the target looked at, with their methods."""
        found = results(self.cells)
        return tuple((label, r) for label, r in found if (r.model, r.target_sparsity) == (self.model, self.target))

    @property
    def revision(self) -> str:
        """What a zoom belongs to."""
        return f"{self.kind} {self.own.id if self.own and self.kind is Kind.RUN else ''} {self.model}"

    def unfinished(self, method: str) -> str:
        """Why a method has no figure at the model and target looked at; empty where it has one."""
        views = [view for view in self.cells if view.cell.label == method and self._in_sight(view.cell)]
        if any(view.result is not None for view in views):
            return ""
        states = {view.state for view in views}
        words = {State.RUNNING: "running", State.FAILED: "failed", State.CANCELLED: "stopped"}
        return next((text for state, text in words.items() if state in states), "waits" if self.open else "not run yet")

    def _in_sight(self, cell: Cell) -> bool:
        return (cell.config.model, cell.config.sparsity) == (self.model, self.target)


def choose(
    wanted: Sequence[Cell],
    own: ComparisonView | None,
    known: Sequence[CellView],
    recorded: Sequence[CellView],
    values: Mapping[str, Any],
    problem: str = "",
) -> Picture:
    """The picture for the cells `wanted`; `known` are the same with what the server has of them.

    `values` say which target and which model to look at; where those are not there, the nearest and the first.
    """
    names = [cell.name for cell in wanted]
    if own is not None and (not own.over or [view.cell.name for view in own.cells] == names):
        return Picture(Kind.RUN, own.cells, *_lens(own.cells, values), own=own)
    if own is None and all(view.result is not None for view in overlaid([CellView(cell) for cell in wanted], recorded)):
        known = tuple(CellView(cell) for cell in wanted)  # a first visit sees one whole recording, whoever was here
    cells = overlaid(known, recorded)
    borrowed = frozenset(view.cell.name for view, other in zip(cells, known, strict=True) if view is not other)
    kind = Kind.RECORDING if borrowed and len(borrowed) == len(cells) else Kind.PREVIEW
    return Picture(kind, cells, *_lens(cells, values), borrowed, own, problem)


def _lens(cells: Sequence[CellView], values: Mapping[str, Any]) -> tuple[float, str]:
    models = list(dict.fromkeys(view.cell.config.model for view in cells))
    model = values["show"] if values["show"] in models else next(iter(models), "")
    return nearest(values["target"], sorted({view.cell.config.sparsity for view in cells})), model
