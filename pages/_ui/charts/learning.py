"""Is it learning: three small charts over the same steps, one below the other, never two y axes in one.

Above the reconstruction loss and the total on a log axis, in the middle the control loss on its own log axis, below the
global sparsity against its target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fcpts_core.engine.events import Stepped
from fcpts_core.engine.snapshot import Snapshot
from pages._ui import numbers as fmt
from pages._ui.charts.panel import Entry, Panel, numbers

FLOOR = 1e-6
ROWS = {"y": (0.67, 0.93), "y2": (0.43, 0.57), "y3": (0.0, 0.33)}
"""Axes of the three charts and the heights they take; above each stands its name."""


def learning(snapshot: Snapshot, step: int, revision: str) -> Panel:
    """Curves over all steps seen so far; a rule marks `step` while an older one is looked at."""
    history = [point for point in snapshot.history if point.step > 0]
    steps = snapshot.started.steps if snapshot.started else 0
    target = snapshot.started.target_sparsity if snapshot.started else 0.0
    xs = [point.step for point in history]
    reconstruction = [point.reconstruction for point in history]
    control = [point.control for point in history]
    total = [point.total for point in history]
    sparsity = [point.sparsity for point in history]
    scheduled = [point.scheduled_target for point in history]
    traces = [
        _line("y", "total", xs, total, "@violet", "dash", 1.5),
        _line("y", "reconstruction", xs, reconstruction, "@text", "solid", 2.0),
        _line("y2", "control", xs, control, "@text", "solid", 1.5),
        _line("y3", "target of the step", xs, scheduled, "@text/0.55", "dot", 1.2),
        _line("y3", _share_name(snapshot), xs, sparsity, "@pruned", "solid", 2.2),
    ]
    floor = _sparsity_floor(history, target)
    layout = {
        "uirevision": revision,
        "hovermode": "x",
        "margin": {"l": 44, "r": 10, "t": 0, "b": 32},
        "xaxis": {
            "title": {"text": "step"},
            "range": [0, max(steps, 1)],
            "anchor": "y3",
            "showgrid": False,
            "showticklabels": steps > 0,
        },
        "yaxis": _log_axis("y", _decades([*reconstruction, *total]), bool(xs)),
        "yaxis2": _log_axis("y2", _decades(control), bool(xs)),
        "yaxis3": {"domain": ROWS["y3"], "range": [floor, 1.0], **_sparsity_ticks(floor)},
        "shapes": [_target(target), *([_now(step)] if xs and step < xs[-1] else [])],
        "annotations": [
            _name("y", "distance from the dense model (log)"),
            _name("y2", "control loss, distance from the target (log)"),
            _name("y3", _share_name(snapshot)),
            _target_label(target),
            *([] if history else [_nothing_yet(steps)]),
        ],
    }
    return Panel(
        name="learning",
        title="Is it learning?",
        summary=_summary(history, steps, target, _share_name(snapshot)),
        figure={"data": traces, "layout": layout},
        legend=(Entry("reconstruction", "@text", "line"), Entry("total", "@violet", "dash")),
    )


def _share_name(snapshot: Snapshot) -> str:
    flops = snapshot.started is not None and snapshot.started.budget == "flops"
    return "multiply-adds saved" if flops else "global sparsity"


def _line(
    axis: str, name: str, xs: Sequence[int], ys: Sequence[float], colour: str, dash: str, width: float
) -> dict[str, Any]:
    shares = axis == "y3"
    shown = [y if shares else max(y, FLOOR) for y in ys]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": numbers(xs),
        "y": numbers([y if math.isfinite(y) else math.nan for y in shown]),
        "yaxis": axis,
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": f"step %{{x}}: {name} %{{y:{'.2%' if shares else '.3g'}}}<extra></extra>",
    }


def _log_axis(axis: str, ends: tuple[float, float], known: bool) -> dict[str, Any]:
    # A tick at every decade or, where there are many, at every other one, so that labels never touch.
    step = max(1, math.ceil((ends[1] - ends[0]) / (3 if axis == "y" else 1.5)))
    look = {"dtick": step, "exponentformat": "power"} if known else {"showticklabels": False, "showgrid": False}
    return {"type": "log", "range": list(ends), "domain": ROWS[axis], **look}


def _decades(series: Sequence[float]) -> tuple[float, float]:
    """Half decades around the values, at least two of them: they move when one is passed, not at every tick."""
    logs = sorted(math.log10(max(y, FLOOR)) for y in series if math.isfinite(y))
    if not logs:
        return -1.0, 0.0
    high = math.ceil(2 * logs[-1] + 0.1) / 2
    low = math.floor(2 * max(logs[len(logs) // 50], logs[-1] - 4) - 0.1) / 2
    return min(low, high - 1.0), high


def _sparsity_floor(history: Sequence[Stepped], target: float) -> float:
    """A tidy lower end for the sparsity axis, below everything that was reached."""
    lowest = min((point.sparsity for point in history), default=0.0)
    room = min(lowest, target) - 0.25 * (1 - min(lowest, target))
    return next((floor for floor in (0.98, 0.95, 0.9, 0.8, 0.5) if room >= floor), 0.0)


def _sparsity_ticks(floor: float) -> dict[str, Any]:
    middle = (1 + floor) / 2
    digits = 0 if round(100 * middle, 6).is_integer() else 1
    ends = [floor, middle, 1.0]
    return {"tickvals": ends, "ticktext": [f"{100 * x:.{digits}f}" for x in ends[:2]] + [f"100{fmt.NARROW_SPACE}%"]}


def _name(axis: str, text: str) -> dict[str, Any]:
    """The name of one of the three charts, above its left end."""
    place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": ROWS[axis][1], "yanchor": "bottom"}
    return {**place, "text": text, "showarrow": False, "font": {"size": 11, "color": "@muted"}}


def _target(target: float) -> dict[str, Any]:
    rule = {"dash": "dash", "width": 1.5, "color": "@text"}
    return {"type": "line", "xref": "paper", "yref": "y3", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": rule}


def _target_label(target: float) -> dict[str, Any]:
    place = {"xref": "paper", "x": 1, "xanchor": "right", "yref": "paper", "y": ROWS["y3"][1], "yanchor": "bottom"}
    return {
        **place,
        "text": f"target {fmt.percent(target)}",
        "showarrow": False,
        "font": {"size": 11, "color": "@text"},
    }


def _nothing_yet(steps: int) -> dict[str, Any]:
    words = "The curves begin with the first step." if steps else "This method learns nothing: it prunes once."
    place = {"xref": "paper", "x": 0.5, "yref": "paper", "y": sum(ROWS["y"]) / 2}
    return {**place, "text": words, "showarrow": False, "font": {"size": 12, "color": "@muted"}}


def _now(step: int) -> dict[str, Any]:
    rule = {"width": 1, "color": "@text/0.7"}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": step, "x1": step, "y0": 0, "y1": 1, "line": rule}


def _summary(history: Sequence[Stepped], steps: int, target: float, share: str) -> str:
    if not history:
        return "Loss and sparsity over the steps: nothing has been learned yet."
    last = history[-1]
    return (
        f"After step {last.step} of {steps}: reconstruction loss {fmt.loss(last.reconstruction)} "
        f"(at the start {fmt.loss(history[0].reconstruction)}), control loss {fmt.loss(last.control)}, "
        f"{share} {fmt.percent(last.sparsity)} against a target of {fmt.percent(target)}."
    )
