"""How long the runs take that are still to be done, judged by those of the same model that have ended.

A run of the same method tells best. Where only the method with other settings was seen to run, its time without the
steps is taken for granted, and its pace for the steps that are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from fcpts_core.compare.cells import Cell
from fcpts_core.compare.progress import CellView
from fcpts_core.engine.events import Result
from fcpts_core.methods import settings_for


def seconds_for(left: Sequence[CellView], known: Sequence[CellView]) -> tuple[float, bool]:
    """Seconds for the cells `left`, and whether that is all of it: a method never seen to run adds nothing."""
    seen: dict[tuple[str, str], list[Result]] = {}
    for view in known:
        if view.result is not None:
            for name in {view.cell.label, _name(view.cell)}:
                seen.setdefault((view.result.model, name), []).append(view.result)
    found = [_seconds(view.cell, seen) for view in left]
    return sum(filter(None, found)), None not in found


def _seconds(cell: Cell, seen: Mapping[tuple[str, str], Sequence[Result]]) -> float | None:
    model = cell.config.model
    if same := seen.get((model, cell.label)):
        return fmean(result.seconds for result in same)
    if not (alike := seen.get((model, _name(cell)))):
        return None
    steps = settings_for(cell.config.method, cell.config.overrides).steps
    return fmean(result.seconds + (steps - result.steps) * (result.seconds_per_step or 0.0) for result in alike)


def _name(cell: Cell) -> str:
    return f"{cell.config.method}:"
