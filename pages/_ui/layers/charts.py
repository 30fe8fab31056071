"""Charts of one layer: its weights and threshold at one step, its way through the run, its part of the budget, what it
costs to prune it. Pure functions, no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fcpts_core.density import Histogram
from fcpts_core.engine.events import Curve
from fcpts_core.engine.snapshot import Snapshot
from fcpts_core.masks.portrait import LayerPortrait
from pages._ui import charts
from pages._ui import numbers as fmt
from pages._ui.charts import Moment
from pages._ui.charts.axes import layer_axis, lit
from pages._ui.charts.panel import Entry, Panel, numbers, plain

DOTS = 3000


def weights(moment: Moment, first: tuple[Curve, ...], chosen: int, bars: Histogram | None, revision: str) -> Panel:
    """Density and bridge as on the Playground, with the histogram of the dense weights behind them."""
    panel = charts.layer(moment, first, chosen, revision)
    if bars is None:
        return panel
    edges = [bars.lo + bars.bandwidth * (i + 0.5) for i in range(len(bars.heights))]
    trace = {
        "type": "bar",
        "x": numbers(edges),
        "y": numbers(bars.heights.tolist()),
        "width": bars.bandwidth,
        "marker": {"color": "@dense/0.35"},
        "hoverinfo": "skip",
    }
    figure = {**panel.figure, "data": [trace, *panel.figure["data"]]}
    height = max(panel.figure["layout"]["yaxis"]["range"][1], 1.05 * float(bars.heights.max()))
    scale = {**figure["layout"]["yaxis"], "range": [0, height]}
    figure["layout"] = {**figure["layout"], "bargap": 0, "barmode": "overlay", "yaxis": scale}
    entries = (Entry("dense weights, 100 bins", "@dense/0.5", "fill"), Entry("density now", "@text", "line"))
    return replace(panel, figure=figure, legend=entries)


def way(snapshot: Snapshot, moment: Moment, chosen: int, revision: str) -> Panel:
    """Threshold and sparsity of the layer over all steps, one chart below the other; a rule marks the moment."""
    points = [point for point in snapshot.history if point.thresholds]
    steps = [point.step for point in points]
    thresholds = [point.thresholds[chosen] for point in points]
    shares = [point.layer_sparsity[chosen] for point in points]
    look = {"type": "scatter", "mode": "lines", "x": numbers(steps)}
    traces = [
        {
            **look,
            "y": numbers(thresholds),
            "line": {"color": "@text", "width": 2},
            "hovertemplate": "step %{x}: t = %{y:.3g}<extra></extra>",
        },
        {
            **look,
            "y": numbers(shares),
            "yaxis": "y2",
            "line": {"color": "@pruned", "width": 2},
            "hovertemplate": "step %{x}: %{y:.1%} zero<extra></extra>",
        },
    ]
    rule = {"type": "line", "xref": "x", "yref": "paper", "x0": moment.step, "x1": moment.step, "y0": 0, "y1": 1}
    top = 1.15 * max(thresholds, default=1.0)
    layout = {
        "uirevision": f"{revision} {chosen}",
        "margin": {"l": 52, "r": 10, "t": 18, "b": 32},
        "xaxis": {"title": {"text": "step"}, "range": [0, max([*steps, 1])], "anchor": "y2", "showgrid": False},
        "yaxis": {"domain": [0.56, 0.97], "range": [0, top or 1.0], "nticks": 4},
        "yaxis2": {"domain": [0.0, 0.42], "range": [0, 1.02], "tickvals": [0, 0.5, 1], "tickformat": ".0%"},
        "shapes": [{**rule, "line": {"width": 1, "color": "@text/0.7"}}],
        "annotations": [_name("threshold t", 0.97), _name("share of zero weights", 0.42)],
    }
    summary = (
        f"The threshold went from {fmt.threshold(thresholds[0])} to {fmt.threshold(thresholds[-1])}, "
        f"the share of zeros from {fmt.percent(shares[0])} to {fmt.percent(shares[-1])}."
        if points
        else "This method learns no thresholds step by step."
    )
    return Panel("way", "Its way through the run", summary, {"data": traces, "layout": layout}, note=summary)


def _name(text: str, height: float) -> dict[str, Any]:
    place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": height, "yanchor": "bottom"}
    return {**place, "text": text, "showarrow": False, "font": {"size": 11, "color": "@muted"}}


def moves(portrait: LayerPortrait, final: bool) -> Panel:
    """Every weight before and after: pruned ones on the axis, kept ones beside the diagonal as far as they moved."""
    before, after = (tensor.flatten().float().numpy() for tensor in (portrait.before, portrait.after))
    kept = portrait.kept.flatten().numpy()
    reach = 1.05 * float(max(np.abs(before).max(), np.abs(after).max())) or 1.0
    traces = [
        _dots(before, after, ~kept, "@pruned/0.35", "pruned"),
        _dots(before, after, kept, "@kept/0.6", "kept"),
    ]
    diagonal = {"type": "line", "x0": -reach, "y0": -reach, "x1": reach, "y1": reach}
    layout = {
        "margin": {"l": 52, "r": 10, "t": 9, "b": 34},
        "hovermode": "closest",
        "xaxis": {"title": {"text": "weight before"}, "range": [-reach, reach], "nticks": 6},
        "yaxis": {"title": {"text": "weight after"}, "range": [-reach, reach], "nticks": 6},
        "shapes": [{**diagonal, "line": {"width": 1, "color": "@muted", "dash": "dot"}, "layer": "below"}],
    }
    moved = fmt.percent(portrait.moved, 0)
    note = (
        f"Weights that stay have moved by {moved} of their size, in the mean."
        if final
        else "Until the run ends only its thresholds are known: the weights are shown as they were."
    )
    summary = f"{fmt.count(portrait.zeros)} of {fmt.count(portrait.kept.numel())} weights are pruned. {note}"
    entries = (Entry("pruned", "@pruned", "fill"), Entry("kept", "@kept", "fill"))
    figure = {"data": traces, "layout": layout}
    return Panel("moves", "Weights before and after", summary, figure, legend=entries, note=note)


def _dots(before: Any, after: Any, chosen: Any, colour: str, fate: str) -> dict[str, Any]:
    places = np.flatnonzero(chosen)
    places = places[:: max(1, -(-places.size // DOTS))]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(before[places].tolist()),
        "y": numbers(after[places].tolist()),
        "marker": {"color": colour, "size": 4},
        "hovertemplate": f"%{{x:.3g}} before, %{{y:.3g}} after, {fate}<extra></extra>",
    }


def budget(moment: Moment, chosen: int) -> Panel:
    """Each layer's share of all weights, and of those that are kept."""
    sizes = np.array([layer.weights for layer in moment.layers], dtype=float)
    kept = sizes * (1 - np.array(moment.sparsities)) if moment.sparsities else sizes
    shares = [sizes / sizes.sum(), kept / (kept.sum() or 1.0)]
    positions, names = list(range(len(sizes))), [plain(layer.name) for layer in moment.layers]
    traces = [
        {
            "type": "bar",
            "x": [place + shift for place in positions],
            "y": numbers(share.tolist()),
            "width": 0.4,
            "marker": {"color": colour},
            "customdata": positions,
            "hovertext": [f"{name}: {fmt.percent(part)} {words}" for name, part in zip(names, share, strict=True)],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        for share, colour, words, shift in (
            (shares[0], "@dense", "of all weights", -0.21),
            (shares[1], "@kept", "of the weights that are kept", 0.21),
        )
    ]
    layout = {
        "margin": {"l": 44, "r": 8, "t": 9, "b": 22},
        "hovermode": "closest",
        "xaxis": layer_axis(moment.layers),
        "yaxis": {"title": {"text": "share"}, "tickformat": ".0%", "rangemode": "tozero", "nticks": 5},
        "shapes": [lit(chosen)],
    }
    note = (
        f"It holds {fmt.percent(shares[0][chosen])} of all weights and {fmt.percent(shares[1][chosen])} of those "
        "that are kept."
    )
    entries = (Entry("of all weights", "@dense", "fill"), Entry("of the kept ones", "@kept", "fill"))
    return Panel(
        "budget",
        "Its share of the budget",
        f"{moment.layers[chosen].name}. {note}",
        {"data": traces, "layout": layout},
        legend=entries,
        note=note,
        clickable=True,
    )


def sensitivity(moment: Moment, chosen: int, zeros: Sequence[int], errors: Sequence[float]) -> Panel:
    """Error of the logits with this layer alone pruned, over its sparsity, on a log axis."""
    size = moment.layers[chosen].weights
    shares = [count / size for count in zeros]
    floor = min((error for error in errors if error > 0), default=1e-6) / 2
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": numbers(shares),
        "y": numbers([max(error, floor) for error in errors]),
        "line": {"color": "@text", "width": 2},
        "marker": {"color": "@text", "size": 5},
        "hovertemplate": "%{x:.0%} zero: error %{y:.3g}<extra></extra>",
    }
    now = moment.sparsities[chosen] if moment.sparsities else None
    rule = {"type": "line", "x0": now, "x1": now, "yref": "paper", "y0": 0, "y1": 1}
    layout = {
        "margin": {"l": 58, "r": 10, "t": 9, "b": 34},
        "xaxis": {
            "title": {"text": "share of zero weights in it"},
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
        },
        "yaxis": {
            "title": {"text": "error of the output (log)"},
            "type": "log",
            "exponentformat": "power",
            "dtick": 1,
        },
        "shapes": [] if now is None else [{**rule, "line": {"color": "@pruned", "width": 1.5}}],
    }
    note = (
        "Mean square of what changes in the logits when this layer alone is pruned by size. The rule: where it is now."
    )
    figure = {"data": [trace], "layout": layout}
    return Panel("sensitivity", "What it costs to prune it", f"{note} At the end {errors[-1]:.3g}.", figure, note=note)
