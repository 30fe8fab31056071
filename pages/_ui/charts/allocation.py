"""Where the zeros go: a column a layer in network order, pruned below and kept above, other allocations as ghosts."""

from __future__ import annotations

from typing import Any

from pages._ui import numbers as fmt
from pages._ui.charts.axes import hover_texts, layer_axis, lit, share_axis
from pages._ui.charts.moment import Moment
from pages._ui.charts.panel import Entry, Panel, numbers
from pages._ui.theme import style_of

NARROW = 40
"""Layers from which on columns are narrow."""


def allocation(moment: Moment, chosen: int, revision: str) -> Panel:
    """Columns of `r_l`; `chosen` is lit, `revision` names the picture whose zoom is to be kept."""
    positions = list(range(len(moment.layers)))
    r = moment.sparsities
    columns: list[dict[str, Any]] = []
    if r:
        texts = {"hovertext": hover_texts(moment), "hovertemplate": "%{hovertext}<extra></extra>"}
        look = {"type": "bar", "x": positions, "width": 0.86, "customdata": positions, **texts}
        pruned = {"y": numbers(r), "marker": {"color": "@pruned/0.4"}}
        kept = {"y": numbers([1 - x for x in r]), "base": numbers(r), "marker": {"color": "@kept"}}
        columns = [{**look, **pruned}, {**look, **kept}]
    ghosts = [_ghost(name, values) for name, values in moment.started.references.items()]
    layout = {
        "uirevision": revision,
        "hovermode": "closest",
        "barmode": "overlay",
        "margin": {"l": 44, "r": 8, "t": 9, "b": 22},
        "xaxis": layer_axis(moment.layers),
        "yaxis": share_axis("share of zero weights"),
        "shapes": [lit(chosen)],
    }
    return Panel(
        name="allocation",
        title="Where the zeros go",
        summary=_summary(moment),
        figure={"data": [*columns, *ghosts], "layout": layout},
        legend=(
            Entry("pruned", "@pruned/0.4", "fill"),
            Entry("kept", "@kept", "fill"),
            *(_entry(name) for name in moment.started.references),
        ),
        note="One column a layer, from input to output. Choose a column to see that layer up close.",
        clickable=True,
    )


def _ghost(name: str, values: tuple[float, ...]) -> dict[str, Any]:
    """A stepped line; where columns are narrow a dash in each of them, as the risers would hide all else."""
    style = style_of(name)
    look = {"type": "scatter", "name": style.label, "hoverinfo": "skip"}
    if len(values) > NARROW:
        mark = {"symbol": "line-ew", "size": 5, "line": {"width": 2, "color": style.colour}}
        return {**look, "mode": "markers", "x0": 0, "dx": 1, "y": numbers(values), "marker": mark}
    line = {"shape": "hv", "width": 1.5, "dash": style.dash, "color": style.colour}
    edges = [-0.5 + i for i in range(len(values))] + [len(values) - 0.5]
    return {**look, "mode": "lines", "x": edges, "y": numbers([*values, values[-1]]), "line": line}


def _entry(name: str) -> Entry:
    style = style_of(name)
    return Entry(style.label, style.colour, style.dash)


def _summary(moment: Moment) -> str:
    count = len(moment.layers)
    if not moment.sparsities:
        return f"Allocation over {count} layers: nothing is allocated yet."
    ranked = sorted(range(count), key=lambda index: moment.sparsities[index])
    low, high = ranked[0], ranked[-1]
    return (
        f"Allocation over {count} layers after step {moment.step}: least zeros in {moment.layers[low].name} "
        f"({fmt.percent(moment.sparsities[low])}), most in {moment.layers[high].name} "
        f"({fmt.percent(moment.sparsities[high])}), {fmt.percent(moment.sparsity)} over all weights."
    )
