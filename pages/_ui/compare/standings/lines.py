"""The lines of the table as text, with the numbers to sort them by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcpts_core.compare.cells import Cell
from fcpts_core.compare.progress import CellView
from fcpts_core.compare.table import Row
from fcpts_core.engine.snapshot import State
from pages._ui import numbers as fmt
from pages._ui.compare.charts.scale import best, value
from pages._ui.compare.goal import FLOPS, brief
from pages._ui.compare.picture import Picture
from pages._ui.theme import style_of

COLUMNS = (
    ("Method", False),
    ("Target", True),
    ("Accuracy", True),
    ("Agreement", True),
    ("FLOPs kept", True),
    ("Time", True),
)
WORDS = {State.RUNNING: "running", State.QUEUED: "not run yet", State.CANCELLED: "stopped before it ran"}


@dataclass(frozen=True)
class Line:
    """One line; `texts` and `keys` (to sort by) have one entry a column, unless `words` stand for all from the third.

    `tag` stands behind the method and `model`, where there are several, below it; `state` is "" or that of a line
    without figures.
    """

    link: str
    colour: str
    texts: tuple[str, ...]
    keys: tuple[float | str | None, ...]
    best: bool = False
    tag: str = ""
    words: str = ""
    state: str = ""
    model: str = ""


@dataclass(frozen=True)
class Table:
    """`columns` are pairs of a head and whether its entries are numbers."""

    caption: str
    columns: tuple[tuple[str, bool], ...]
    lines: tuple[Line, ...]


def table_of(picture: Picture) -> Table:
    """All models, methods and targets: by target, the best first, those without figures last."""
    several = len({view.cell.config.model for view in picture.cells}) > 1
    rows = {(row.model, row.method, row.target_sparsity): row for row in picture.table}
    groups: dict[tuple[str, str, float], list[CellView]] = {}
    for view in picture.cells:
        groups.setdefault(_key(view.cell), []).append(view)
    tops = {
        (model, target): best([row for row in rows.values() if (row.model, row.target_sparsity) == (model, target)])
        for model, _, target in groups
    }
    lines = []
    order = sorted(groups, key=lambda key: (key[0], key[2], -((value(rows[key]) or 0.0) if key in rows else -1.0)))
    for key in order:
        name = style_of(key[1]).label
        model = key[0] if several else ""
        recorded = all(view.cell.name in picture.recorded for view in groups[key])
        tag = "recorded" if recorded and picture.recorded and not _all_recorded(picture) else ""
        if key in rows:
            top = tops[key[0], key[2]]
            level = top is not None and value(rows[key]) == value(top)
            lines.append(replace(_figures(rows[key], name, tag, level, len(groups[key])), model=model))
        lines.extend(
            replace(_without(key, name, view), model=model) for view in _worth_telling(groups[key], key in rows)
        )
    return Table(f"Every method at every {picture.goal.one}", COLUMNS, tuple(lines))


def _all_recorded(picture: Picture) -> bool:
    return all(view.cell.name in picture.recorded for view in picture.cells)


def _key(cell: Cell) -> tuple[str, str, float]:
    return cell.config.model, cell.label, cell.config.sparsity


def _figures(row: Row, name: str, tag: str, top: bool, seeds: int) -> Line:
    points = fmt.points(row.spread or 0.0)
    spread = f" \N{PLUS-MINUS SIGN} {points}" if float(points) else ""
    if row.budget == FLOPS and "budget=" not in row.method:
        tag = ", ".join(filter(None, [tag, "of multiply-adds"]))
    if row.runs < seeds:
        tag = ", ".join(filter(None, [tag, f"{row.runs} of {seeds} seeds"]))
    texts = (
        name,
        brief(row.target_sparsity),
        fmt.percent(row.accuracy, 2) + spread if row.accuracy is not None else fmt.MISSING,
        fmt.percent(row.agreement, 2),
        fmt.percent(row.flops_kept),
        fmt.duration(row.seconds),
    )
    keys = (name, row.target_sparsity, row.accuracy, row.agreement, row.flops_kept, row.seconds)
    return Line(row.method, style_of(row.method).colour, texts, keys, top, tag)


def _worth_telling(views: list[CellView], counted: bool) -> list[CellView]:
    """Every failed cell, and one that stands for all the others where there are no figures yet."""
    failed = [view for view in views if view.state is State.FAILED]
    others = [view for view in views if view.state in WORDS]
    running = [view for view in others if view.state is State.RUNNING]
    return failed if counted or not others else [*failed, (running or others)[0]]


def _without(key: tuple[str, str, float], name: str, view: CellView) -> Line:
    failed = view.state is State.FAILED
    words = f"Seed {view.cell.config.seed} failed: {view.reason}" if failed else WORDS[view.state]
    texts = (name, brief(key[2]))
    keys = (name, key[2], None, None, None, None)
    return Line(key[1], style_of(key[1]).colour, texts, keys, words=words, state=view.state.value)
