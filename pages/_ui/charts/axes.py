"""Axes that several charts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fcpts_core.engine.events import Layer
from pages._ui import numbers as fmt
from pages._ui.charts.moment import Moment
from pages._ui.charts.names import labels
from pages._ui.charts.panel import plain

ROOMS = (240, 290, 360, 430, 520, 640, 800, 1000)
CHARACTER = 5.8
"""Lengths of an axis for which there are labels, and of a character of a label, in pixels."""


def share_axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis from 0 to 100 %."""
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    labels = ["0", "25", "50", "75", f"100{fmt.NARROW_SPACE}%"]
    return {"title": {"text": title}, "range": [0, 1.0], "tickvals": ticks, "ticktext": labels, **more}


def layer_axis(layers: Sequence[Layer], **more: Any) -> dict[str, Any]:
    """One position a layer in network order, labelled by what the layers' names begin with.

    `fitted` has the labels for axes of several lengths in pixels, of which the browser takes those that have room; the
    ticks themselves are those of the shortest. Whole names are in the hover texts.
    """
    names = tuple(layer.name for layer in layers)
    fitted = [{"room": room, **_ticks(labels(names, room / CHARACTER))} for room in ROOMS]
    return {
        "range": [-0.6, len(layers) - 0.4],
        **_ticks(labels(names, ROOMS[0] / CHARACTER)),
        "fitted": fitted,
        "tickangle": 0,
        "showgrid": False,
        **more,
    }


def _ticks(found: Sequence[tuple[float, str]]) -> dict[str, Any]:
    return {"tickvals": [place for place, _ in found], "ticktext": [plain(text) for _, text in found]}


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
