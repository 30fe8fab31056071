"""Accuracy against sparsity, a line for each method, the dense model as a rule (Figure 1 of the FCPTS paper)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fcpts_core.compare.table import Row
from fcpts_core.tasks.words import as_heading
from pages._ui import numbers as fmt
from pages._ui.charts.panel import Entry, Panel, numbers
from pages._ui.compare.charts.scale import best, dense, floor_of, measure_of, share_axis, value
from pages._ui.compare.goal import Goal, brief, row_words
from pages._ui.compare.picture import Picture
from pages._ui.theme import style_of


def accuracy(picture: Picture) -> Panel:
    """Lines over the sparsities; a click on a point looks at its sparsity up close."""
    rows = picture.shown
    ranked = ranking(picture)
    level = dense(rows)
    floor = floor_of([value(row) or 0.0 for row in rows])
    layout = {
        "uirevision": picture.revision,
        "hovermode": "closest",
        "margin": {"l": 48, "r": 12, "t": 10, "b": 40},
        "xaxis": _target_axis(picture.targets, picture.goal),
        "yaxis": share_axis(floor, measure_of(rows)),
        "shapes": [_target(picture.target), *([_dense(level)] if level is not None else [])],
        "annotations": [] if rows else [_nothing_yet()],
    }
    return Panel(
        name="accuracy",
        title=f"{as_heading(measure_of(rows).removesuffix(' with the dense model'))} against {_short(picture.goal)}",
        summary=_summary(rows, picture),
        figure={"data": [_line(label, rows) for label in ranked], "layout": layout},
        legend=(
            *(_entry(label) for label in ranked),
            *([Entry(f"dense {fmt.percent(level)}", "@dense", "dash")] if level is not None else []),
        ),
        note="Choose a point to look at its target up close. Point at a method to follow it through all charts. "
        "Equal steps to the right are equal factors of what is kept.",
        clickable=True,
    )


def ranking(picture: Picture) -> tuple[str, ...]:
    """All methods, the best at the target first, those without a figure last."""
    at = {row.method: value(row) for row in picture.shown if row.target_sparsity == picture.target}
    return tuple(sorted(picture.methods, key=lambda label: -(at.get(label) or -1.0)))


def place(sparsity: float) -> float:
    """Where a sparsity stands: equal steps are equal factors of what is kept, `-log10(1 - R)`."""
    return -math.log10(1 - sparsity)


def _target_axis(targets: Sequence[float], goal: Goal) -> dict[str, Any]:
    places = [place(target) for target in targets]
    low, high = min(places, default=0.0), max(places, default=1.0)
    room = 0.06 * (high - low) or 0.2
    return {
        "title": {"text": goal.axis},
        "range": [low - room, high + room],
        "tickvals": places,
        "ticktext": [brief(target) for target in targets],
        "showgrid": False,
    }


def _short(goal: Goal) -> str:
    return {Goal.SPARSITY: "sparsity", Goal.FLOPS: "multiply-adds removed", Goal.BOTH: "target"}[goal]


def _line(label: str, rows: Sequence[Row]) -> dict[str, Any]:
    mine = sorted((row for row in rows if row.method == label), key=lambda row: row.target_sparsity)
    known = [row for row in mine if value(row) is not None]
    style = style_of(label)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": style.label,
        "meta": label,
        "x": numbers([place(row.target_sparsity) for row in known]),
        "y": numbers([value(row) or 0.0 for row in known]),
        "customdata": [row.target_sparsity for row in known],
        "hovertext": [_words(row) for row in known],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"color": style.colour, "dash": style.dash, "width": 2.2},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 8},
        "cliponaxis": False,
    }
    if any(row.runs > 1 and row.spread for row in known):
        trace["error_y"] = {
            "type": "data",
            "array": [row.spread or 0.0 for row in known],
            "color": style.colour,
            "thickness": 1.3,
            "width": 4,
        }
    return trace


def _words(row: Row) -> str:
    found = value(row) or 0.0
    spread = f" \N{PLUS-MINUS SIGN} {fmt.points(row.spread)}" if row.runs > 1 and row.spread is not None else ""
    seeds = f", {row.runs} seeds" if row.runs > 1 else ""
    head = f"<b>{style_of(row.method).label}</b> {row_words(row)}"
    return f"{head}<br>{measure_of([row])} {fmt.percent(found, 2)}{spread}{seeds}"


def _entry(label: str) -> Entry:
    style = style_of(label)
    return Entry(style.label, style.colour, style.dash, label)


def _dense(level: float) -> dict[str, Any]:
    rule = {"dash": "dash", "width": 1.5, "color": "@dense"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": rule, "layer": "below"}


def _target(target: float) -> dict[str, Any]:
    where, rule = place(target), {"width": 1, "color": "@text/0.35"}
    ends = {"x0": where, "x1": where, "y0": 0, "y1": 1}
    return {"type": "line", "xref": "x", "yref": "paper", **ends, "line": rule, "layer": "below"}


def _nothing_yet() -> dict[str, Any]:
    place = {"xref": "paper", "x": 0.5, "yref": "paper", "y": 0.5}
    text = "Every run that ends adds a point."
    return {**place, "text": text, "showarrow": False, "font": {"size": 12, "color": "@muted"}}


def _summary(rows: Sequence[Row], picture: Picture) -> str:
    measure = measure_of(rows)
    parts = []
    for target in picture.targets:
        top = best([row for row in rows if row.target_sparsity == target])
        if top is not None:
            share = fmt.percent(value(top), 2)
            parts.append(f"at {brief(target)} the best is {style_of(top.method).label} with {share}")
    head = f"{as_heading(measure)} of {len(picture.methods)} methods at {len(picture.targets)} {picture.goal.several}"
    return f"{head}: {', '.join(parts)}." if parts else f"{head}: no run has ended yet."
