"""Is it learning: losses on a log axis above, global sparsity against its target below, one x axis for both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fcpts_core.engine.events import Stepped
from fcpts_core.engine.snapshot import Snapshot
from pages._ui import numbers as fmt
from pages._ui.charts.panel import Entry, Panel, numbers

FLOOR = 1e-6


def learning(snapshot: Snapshot, step: int, revision: str) -> Panel:
    """Curves over all steps seen so far; a rule marks `step` while an older one is looked at."""
    history = [point for point in snapshot.history if point.step > 0]
    steps = snapshot.started.steps if snapshot.started else 0
    target = snapshot.started.target_sparsity if snapshot.started else 0.0
    xs = [point.step for point in history]
    reconstruction = [point.reconstruction for point in history]
    control = [point.control for point in history]
    total = [point.total for point in history]
    traces = [
        _line("reconstruction", xs, reconstruction, "@text", "solid", 1.8),
        _line("control", xs, control, "@muted", "dot", 1.5),
        _line("total", xs, total, "@violet", "dash", 1.5),
    ]
    traces.append({**_line("sparsity", xs, [p.sparsity for p in history], "@pruned", "solid", 2.2), "yaxis": "y2"})
    if any(abs(point.scheduled_target - target) > 1e-9 for point in history):
        goal = _line("target of this step", xs, [p.scheduled_target for p in history], "@text/0.5", "dash", 1.0)
        traces.append({**goal, "yaxis": "y2"})
    low, high = _loss_range([reconstruction, control, total])
    floor = _sparsity_floor(history, target)
    layout = {
        "uirevision": revision,
        "hovermode": "x",
        "margin": {"l": 52, "r": 8, "t": 9, "b": 34},
        "xaxis": {"title": {"text": "step"}, "range": [0, max(steps, 1)], "anchor": "y2", "showgrid": False},
        "yaxis": {
            "title": {"text": "loss (log)"},
            "type": "log",
            "range": [low, high],
            "domain": [0.5, 1.0],
            "dtick": 1,
            "exponentformat": "power",
        },
        "yaxis2": {
            "title": {"text": "sparsity"},
            "domain": [0.0, 0.37],
            "range": [floor, 1.0 if floor < 0.9 else min(1.0, target + (target - floor) / 2)],
            "tickformat": ".0%" if floor < 0.95 else ".1%",
            "nticks": 4,
        },
        "shapes": [_target(target), *([_now(step)] if xs and step < xs[-1] else [])],
        "annotations": [_target_label(target), *([] if history else [_nothing_yet(steps)])],
    }
    return Panel(
        name="learning",
        title="Is it learning?",
        summary=_summary(history, steps, target),
        figure={"data": traces, "layout": layout},
        legend=(
            Entry("reconstruction", "@text", "line"),
            Entry("control", "@muted", "dot"),
            Entry("total", "@violet", "dash"),
        ),
        note="How far from the dense model (reconstruction) and from the target (control).",
    )


def _line(name: str, xs: Sequence[int], ys: Sequence[float], colour: str, dash: str, width: float) -> dict[str, Any]:
    value = "%{y:.1%}" if name in ("sparsity", "target of this step") else "%{y:.3g}"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": numbers(xs),
        "y": numbers([max(y, FLOOR) if math.isfinite(y) else math.nan for y in ys]),
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": f"step %{{x}}: {name} {value}<extra></extra>",
    }


def _loss_range(series: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Half decades around the losses, at least four of them: they move when one is passed, not at every tick."""
    logs = sorted(math.log10(max(y, FLOOR)) for ys in series for y in ys if math.isfinite(y))
    if not logs:
        return -2.0, 1.0
    high = math.ceil(2 * logs[-1] + 0.1) / 2
    low = math.floor(max(logs[len(logs) // 50], logs[-1] - 5))
    return float(min(low, high - 2)), high


def _sparsity_floor(history: Sequence[Stepped], target: float) -> float:
    """A tidy lower end for the sparsity axis, below everything that was reached."""
    lowest = min((point.sparsity for point in history), default=0.0)
    room = min(lowest, target) - 0.25 * (1 - min(lowest, target))
    for floor in (0.99, 0.98, 0.95, 0.9, 0.8, 0.75, 0.5, 0.25):
        if room >= floor:
            return floor
    return 0.0


def _target(target: float) -> dict[str, Any]:
    rule = {"dash": "dash", "width": 1.5, "color": "@text"}
    return {"type": "line", "xref": "paper", "yref": "y2", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": rule}


def _target_label(target: float) -> dict[str, Any]:
    place = {"xref": "paper", "x": 1, "xanchor": "right", "yref": "y2", "y": target, "yanchor": "bottom"}
    return {
        **place,
        "text": f"target {fmt.percent(target)}",
        "showarrow": False,
        "font": {"size": 11, "color": "@text"},
    }


def _nothing_yet(steps: int) -> dict[str, Any]:
    words = "The curves begin with the first step." if steps else "This method learns nothing: it prunes once."
    place = {"xref": "paper", "x": 0.5, "yref": "paper", "y": 0.75}
    return {**place, "text": words, "showarrow": False, "font": {"size": 12, "color": "@muted"}}


def _now(step: int) -> dict[str, Any]:
    rule = {"width": 1, "color": "@text/0.7"}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": step, "x1": step, "y0": 0, "y1": 1, "line": rule}


def _summary(history: Sequence[Stepped], steps: int, target: float) -> str:
    if not history:
        return "Loss and sparsity over the steps: nothing has been learned yet."
    last = history[-1]
    return (
        f"After step {last.step} of {steps}: reconstruction loss {fmt.loss(last.reconstruction)} "
        f"(at the start {fmt.loss(history[0].reconstruction)}), control loss {fmt.loss(last.control)}, "
        f"global sparsity {fmt.percent(last.sparsity)} against a target of {fmt.percent(target)}."
    )
