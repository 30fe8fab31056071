"""Axes that several charts share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from fcpts_core.engine.events import Layer
from pages._ui import numbers as fmt
from pages._ui.charts.moment import Moment
from pages._ui.charts.panel import plain


def share_axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis from 0 to 100 %."""
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    labels = ["0", "25", "50", "75", f"100{fmt.NARROW_SPACE}%"]
    return {"title": {"text": title}, "range": [0, 1.0], "tickvals": ticks, "ticktext": labels, **more}


def layer_axis(layers: Sequence[Layer], **more: Any) -> dict[str, Any]:
    """One position a layer in network order, labelled by the stages that the layers' names begin with."""
    stages = stages_of([layer.name for layer in layers])
    return {
        "range": [-0.6, len(layers) - 0.4],
        "tickvals": [(first + last) / 2 for _, first, last in stages],
        "ticktext": [plain(name) for name, _, _ in stages],
        "tickangle": 0,
        "showgrid": False,
        **more,
    }


def stages_of(names: Sequence[str], limit: int = 9) -> list[tuple[str, int, int]]:
    """Runs of names with one beginning, `(beginning, first, last)`, as deep into the names as `limit` labels allow."""
    best: list[tuple[str, int, int]] = []
    for depth in range(1, 5):
        found = []
        position = 0
        for prefix, group in groupby(names, key=lambda name: ".".join(name.split(".")[:depth])):
            size = len(list(group))
            found.append((prefix, position, position + size - 1))
            position += size
        if best and len(found) > limit:
            break
        best = found
        if len(best) >= 4:
            break
    return _readable(best, len(names), limit)


def _readable(stages: list[tuple[str, int, int]], total: int, limit: int) -> list[tuple[str, int, int]]:
    """Without the labels that would stand on each other: the widest stages win."""
    kept: list[tuple[str, int, int]] = []
    room = total / (limit + 2)
    for stage in sorted(stages, key=lambda item: item[1] - item[2]):
        middle = (stage[1] + stage[2]) / 2
        if all(abs(middle - (other[1] + other[2]) / 2) >= room for other in kept):
            kept.append(stage)
    return sorted(kept, key=lambda item: item[1])


def hover_texts(moment: Moment) -> list[str]:
    """What a reader learns about every layer by pointing at it."""
    texts = []
    for index, layer in enumerate(moment.layers):
        lines = [f"<b>{plain(layer.name)}</b>", f"{fmt.shape(layer.shape)} = {fmt.count(layer.weights)} weights"]
        if moment.sparsities:
            r = moment.sparsities[index]
            zeros = round(r * layer.weights)
            lines.append(f"{fmt.percent(r)} zero, {fmt.count(layer.weights - zeros)} kept")
        if moment.thresholds:
            lines.append(f"threshold {fmt.threshold(moment.thresholds[index])}")
        texts.append("<br>".join(lines))
    return texts


def lit(chosen: int) -> dict[str, Any]:
    """The frame around the chosen layer."""
    edges = {"x0": chosen - 0.5, "x1": chosen + 0.5, "y0": 0, "y1": 1}
    look = {"line": {"width": 1.5, "color": "@lit"}, "layer": "above"}
    return {"type": "rect", "xref": "x", "yref": "paper", **edges, **look}
