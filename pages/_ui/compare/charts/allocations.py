"""Where each method puts the zeros: the sparsity of every layer in network order (Figure 5 of the FCPTS paper)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from fcpts_core.engine.events import Layer, Result
from pages._ui import numbers as fmt
from pages._ui.charts.axes import layer_axis
from pages._ui.charts.method_lines import entries, method_lines
from pages._ui.charts.panel import Panel
from pages._ui.compare.charts.accuracy import ranking
from pages._ui.compare.charts.scale import floor_of, share_axis
from pages._ui.compare.goal import brief
from pages._ui.compare.picture import Picture
from pages._ui.theme import style_of


def allocations(picture: Picture) -> Panel:
    """A stepped line a method with a result at the target, the mean over its seeds."""
    by_method: dict[str, list[Result]] = {}
    for label, result in picture.results:
        by_method.setdefault(label, []).append(result)
    ranked = [label for label in ranking(picture) if label in by_method]
    rows = by_method[ranked[0]][0].layers if ranked else ()
    layers = [Layer(row.name, "", row.shape, row.weights) for row in rows]
    lines = {label: _mean(by_method[label], len(layers)) for label in ranked}
    floor = floor_of([share for line in lines.values() for share in line])
    layout = {
        "uirevision": f"{picture.revision} {picture.target}",
        "hovermode": "closest",
        "margin": {"l": 48, "r": 12, "t": 10, "b": 24},
        "xaxis": layer_axis(layers),
        "yaxis": share_axis(floor, "share of zero weights"),
        "annotations": [] if ranked else [_nothing_yet(picture)],
    }
    return Panel(
        name="allocations",
        title="Where each method puts the zeros",
        aside=f"{picture.goal.at(picture.target)}, layers from input to output",
        summary=_summary(picture, lines, layers),
        figure={"data": method_lines(lines, layers, _kept), "layout": layout},
        legend=entries(ranked),
    )


def _mean(results: list[Result], count: int) -> tuple[float, ...]:
    """Sparsities `[L]`, the mean over the seeds."""
    return tuple(fmean(result.layers[index].sparsity for result in results) for index in range(count))


def _kept(share: float, layer: Layer) -> str:
    return f", {fmt.count(layer.weights - round(share * layer.weights))} of {fmt.count(layer.weights)} kept"


def _nothing_yet(picture: Picture) -> dict[str, Any]:
    place = {"xref": "paper", "x": 0.5, "yref": "paper", "y": 0.5}
    text = f"No run at {brief(picture.target)} has ended yet."
    return {**place, "text": text, "showarrow": False, "font": {"size": 12, "color": "@muted"}}


def _summary(picture: Picture, lines: dict[str, tuple[float, ...]], layers: Sequence[Layer]) -> str:
    if not lines:
        return f"Allocations {picture.goal.at(picture.target)}: no run has ended yet."
    texts = []
    for label, line in lines.items():
        low = min(range(len(line)), key=lambda index: line[index])
        texts.append(f"{style_of(label).label} least in {layers[low].name} ({fmt.percent(line[low])})")
    return f"Sparsity of {len(layers)} layers {picture.goal.at(picture.target)}: {', '.join(texts)}."
