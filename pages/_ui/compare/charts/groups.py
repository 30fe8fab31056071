"""Fixed against learned allocation at one target: a row for each method, grouped by where its allocation comes from.

Figure 4 of the FCPTS paper asks the same question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fcpts_core.compare.kinds import Kind, kind_of
from fcpts_core.compare.table import Row
from fcpts_core.tasks.words import as_heading
from pages._ui import numbers as fmt
from pages._ui.charts.panel import Panel, plain
from pages._ui.compare.charts.accuracy import ranking
from pages._ui.compare.charts.scale import dense, floor_of, measure_of, share_axis, value
from pages._ui.compare.goal import row_words
from pages._ui.compare.picture import Picture
from pages._ui.theme import style_of

ROOM = 22
"""Characters of a method's own settings beside its row."""

HEADS = {
    Kind.LEARNED: "Allocation learned by thresholds",
    Kind.SEARCHED: "Allocation searched on images",
    Kind.FIXED: "Allocation by a fixed rule",
}


def groups(picture: Picture) -> Panel:
    """One dot a method; every chosen method has its row from the start, so none moves when another run ends."""
    rows = [row for row in picture.shown if row.target_sparsity == picture.target]
    found = {row.method: row for row in rows}
    lines = _lines(ranking(picture))
    floor = floor_of([value(row) or 0.0 for row in rows])
    level = dense(rows)
    traces = [_dot(label, height, found[label], floor) for height, label in lines if label in found]
    waiting = [_missing(picture, label, height) for height, label in lines if label and label not in found]
    layout = {
        "uirevision": f"{picture.revision} {picture.target}",
        "hovermode": "closest",
        "margin": {"l": 128, "r": 14, "t": 4, "b": 40},
        "xaxis": share_axis(floor, measure_of(rows), head=0.05),
        "yaxis": {
            "range": [min((height for height, _ in lines), default=0) - 0.7, 0.6],
            "tickvals": [height for height, label in lines if label],
            "ticktext": [_tick(style_of(label).label) for _, label in lines if label],
            "tickfont": {"size": 12, "color": "@text"},
            "griddash": "dot",
            "fixedrange": True,
        },
        "shapes": [_rule(level)] if level is not None else [],
        "annotations": [*_heads(lines, ranking(picture)), *waiting],
    }
    return Panel(
        name="groups",
        title="Fixed or learned allocation",
        aside=picture.goal.at(picture.target),
        summary=_summary(rows, picture),
        figure={"data": traces, "layout": layout},
        note=_sentence(rows),
    )


def _tick(label: str) -> str:
    """A method beside its row; settings of its own stand below it, as far as there is room."""
    name, comma, changes = label.partition(", ")
    if not comma:
        return plain(name)
    short = changes if len(changes) <= ROOM else f"{changes[: ROOM - 1]}\N{HORIZONTAL ELLIPSIS}"
    return f"{plain(name)}<br><span style='font-size:10px'>{plain(short)}</span>"


def _lines(ranked: Sequence[str]) -> list[tuple[float, str]]:
    """Heights of the rows from the top down; a row without a method is for the head of a group."""
    lines: list[tuple[float, str]] = []
    height = 0.0
    for kind in HEADS:
        mine = [label for label in ranked if kind_of(label) is kind]
        for label in ["", *mine] if mine else []:
            lines.append((height, label))
            height -= 1.0
    return lines


def _heads(lines: Sequence[tuple[float, str]], ranked: Sequence[str]) -> list[dict[str, Any]]:
    present = [kind for kind in HEADS if any(kind_of(label) is kind for label in ranked)]
    heights = [height for height, label in lines if not label]
    look = {"xref": "paper", "x": 0, "xanchor": "left", "showarrow": False, "xshift": -122, "align": "left"}
    return [
        {**look, "y": height, "text": HEADS[kind], "font": {"size": 11, "color": "@muted"}}
        for kind, height in zip(present, heights, strict=True)
    ]


def _dot(label: str, height: float, row: Row, floor: float) -> dict[str, Any]:
    style, share = style_of(label), value(row) or 0.0
    left = share > floor + 0.5 * (1 - floor)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers+text",
        "name": style.label,
        "meta": label,
        "x": [share],
        "y": [height],
        "text": [f"{fmt.percent(share, 1)}   " if left else f"   {fmt.percent(share, 1)}"],
        "textposition": "middle left" if left else "middle right",
        "textfont": {"size": 12, "color": "@text"},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 12},
        "hovertemplate": f"<b>{style.label}</b> {row_words(row)}<br>"
        f"{measure_of([row])} {fmt.percent(share, 2)}<extra></extra>",
        "cliponaxis": False,
    }
    if row.runs > 1 and row.spread:
        trace["error_x"] = {"type": "data", "array": [row.spread], "color": style.colour, "thickness": 1.5, "width": 4}
    return trace


def _missing(picture: Picture, label: str, height: float) -> dict[str, Any]:
    look = {"xref": "paper", "x": 0, "xanchor": "left", "xshift": 6, "showarrow": False}
    return {**look, "y": height, "text": picture.unfinished(label), "font": {"size": 11, "color": "@muted"}}


def _rule(level: float) -> dict[str, Any]:
    rule = {"dash": "dash", "width": 1.5, "color": "@dense"}
    return {"type": "line", "yref": "paper", "x0": level, "x1": level, "y0": 0, "y1": 1, "line": rule, "layer": "below"}


def _sentence(rows: Sequence[Row]) -> str:
    """The answer in words: the best of each side, and how far they are apart."""
    sides: dict[bool, Row] = {}
    for row in rows:
        fixed = kind_of(row.method) is Kind.FIXED
        if value(row) is not None and (fixed not in sides or (value(row) or 0) > (value(sides[fixed]) or 0)):
            sides[fixed] = row
    if len(sides) < 2:
        return ""
    rule, free = sides[True], sides[False]
    gap = (value(free) or 0.0) - (value(rule) or 0.0)
    first, second = (free, rule) if gap >= 0 else (rule, free)
    one, other = (f"{style_of(row.method).label} ({kind_of(row.method).value})" for row in (first, second))
    words = f"{one} is {fmt.points(gap, 1)} points ahead of {other}" if gap else f"{one} and {other} are level"
    return f"{words}. Methods differ in more than the allocation."


def _summary(rows: Sequence[Row], picture: Picture) -> str:
    head = f"{as_heading(measure_of(rows))} {picture.goal.at(picture.target)}"
    if not rows:
        return f"{head}: no run has ended yet."
    texts = [
        f"{style_of(row.method).label} ({kind_of(row.method).value} allocation) {fmt.percent(value(row), 2)}"
        for row in sorted(rows, key=lambda row: -(value(row) or 0.0))
    ]
    return f"{head}: {', '.join(texts)}."
