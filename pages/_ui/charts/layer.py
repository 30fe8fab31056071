"""One layer up close: its density, pruned in the middle and kept in the tails, and below it the bridge `r(t)`.

Both share the x axis, so the height `p(t) + p(-t)` above stands over the tangent of `r` at the same `t` below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fcpts_core.engine.events import Curve
from pages._ui import numbers as fmt
from pages._ui.charts import curves as read
from pages._ui.charts.axes import share_axis
from pages._ui.charts.moment import Moment
from pages._ui.charts.panel import Panel, numbers

POINTS = 201


def layer(moment: Moment, first: tuple[Curve, ...], chosen: int, revision: str) -> Panel:
    """Density and bridge of the layer `chosen`; `first` are the densities before the first step, `[L]`."""
    facts = moment.layers[chosen]
    title = f"Layer {facts.name}"
    if not moment.curves:
        empty = {"data": [], "layout": {"uirevision": revision}}
        return Panel("layer", title, "The density of this layer is not measured yet.", empty)
    curve = moment.curves[chosen]
    t = moment.thresholds[chosen] if moment.thresholds else None
    # Wide enough for the density before learning, for that of now and for the threshold; snapped, so it seldom moves.
    reach = read.snapped(max(read.reach(first[chosen]), read.reach(curve), 1.4 * (t or 0.0)))
    traces = [*_density(curve, t, reach), *_bridge(curve, t, reach)]
    peak = read.snapped(1.18 * max(curve.pdf), 1.15)
    layout = {
        "uirevision": f"{revision} {facts.name}",
        "hovermode": "closest",
        "margin": {"l": 52, "r": 8, "t": 9, "b": 34},
        "xaxis": {
            "title": {"text": "weight w, and threshold t"},
            "range": [-reach, reach],
            "anchor": "y2",
            "nticks": 7,
        },
        "yaxis": {"title": {"text": "density p(w)"}, "range": [0, peak], "domain": [0.46, 1.0], "nticks": 4},
        "yaxis2": share_axis(
            "pruned, r(t)", domain=[0.0, 0.38], tickvals=[0, 0.5, 1], ticktext=["0", "50", "100\u202f%"]
        ),
        "shapes": _rules(t),
        "annotations": _labels(moment, chosen, curve, t, reach),
    }
    return Panel(
        name="layer",
        title=title,
        summary=f"{title}. {sentence(moment, chosen)}",
        figure={"data": traces, "layout": layout},
        aside=f"{fmt.shape(facts.shape)} = {fmt.count(facts.weights)} weights",
        note=sentence(moment, chosen),
    )


def sentence(moment: Moment, chosen: int) -> str:
    """What the threshold of one layer does, and what a slightly larger one would do."""
    if not (moment.thresholds and moment.curves):
        return "No threshold yet."
    t, r = moment.thresholds[chosen], moment.sparsities[chosen]
    more = 0.01 * t * read.slope(moment.curves[chosen], t)
    return (
        f"t = {fmt.threshold(t)} prunes {fmt.percent(r)}; a threshold 1 % larger prunes {fmt.points(more)} points more."
    )


def _density(curve: Curve, t: float | None, reach: float) -> list[dict[str, Any]]:
    """The curve in pieces, each filled by what becomes of its weights."""
    if t is None:
        return [_piece(curve, -reach, reach, "@dense", "not allocated yet")]
    edge = min(t, reach)
    return [
        _piece(curve, -reach, -edge, "@kept", "kept"),
        _piece(curve, edge, reach, "@kept", "kept"),
        _piece(curve, -edge, edge, "@pruned", "pruned"),
    ]


def _piece(curve: Curve, start: float, end: float, colour: str, fate: str) -> dict[str, Any]:
    xs = np.linspace(start, end, max(2, round(POINTS * (end - start) / (2 * max(abs(start), abs(end))))))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": numbers(xs.tolist()),
        "y": numbers(read.density(curve, xs).tolist()),
        "line": {"color": colour, "width": 2},
        "fill": "tozeroy",
        "fillcolor": f"{colour}/0.3",
        "hovertemplate": f"w = %{{x:.3g}}, p = %{{y:.3g}}, {fate}<extra></extra>",
    }


def _bridge(curve: Curve, t: float | None, reach: float) -> list[dict[str, Any]]:
    xs = np.linspace(0.0, reach, POINTS // 2)
    ys = read.share_within(curve, xs)
    look = {"type": "scatter", "mode": "lines", "yaxis": "y2"}
    curve_of_r = {
        **look,
        "x": numbers(xs.tolist()),
        "y": numbers(ys.tolist()),
        "line": {"color": "@text", "width": 2},
        "hovertemplate": "threshold %{x:.3g} prunes %{y:.1%}<extra></extra>",
    }
    if t is None or t > reach:
        return [curve_of_r]
    r, rise = float(read.share_within(curve, t)), read.slope(curve, t)
    # As long as a quarter of the axis, and never out of the picture.
    half = min([reach / 4, *([(1.04 - r) / rise, (r + 0.04) / rise] if rise > 0 else [])])
    tangent = {
        **look,
        "x": [t - half, t + half],
        "y": [r - half * rise, r + half * rise],
        "line": {"color": "@pruned", "width": 2},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    point = {
        **look,
        "mode": "markers",
        "x": [t],
        "y": [r],
        "marker": {"color": "@pruned", "size": 8},
        "hoverinfo": "skip",
    }
    return [curve_of_r, tangent, point]


def _rules(t: float | None) -> list[dict[str, Any]]:
    if t is None:
        return []
    look = {"type": "line", "xref": "x", "line": {"color": "@text", "width": 1.2}}
    left = {**look, "yref": "y domain", "x0": -t, "x1": -t, "y0": 0, "y1": 1}
    return [left, {**look, "yref": "paper", "x0": t, "x1": t, "y0": 0, "y1": 1}]


def _labels(moment: Moment, chosen: int, curve: Curve, t: float | None, reach: float) -> list[dict[str, Any]]:
    look = {"showarrow": False, "font": {"size": 11, "color": "@text"}}
    words = {**look, "xref": "x", "yref": "y2", "x": -reach, "xanchor": "left", "align": "left", "yanchor": "middle"}
    labels = [{**words, "y": 0.5, "text": "share of weights within \N{PLUS-MINUS SIGN}t,<br>the bridge r(t)"}]
    if t is None:
        return labels
    side = {"yref": "y domain", "y": 1, "yanchor": "top", **look}
    place = "left" if t < 0.75 * reach else "right"
    labels.append({**side, "x": t, "xanchor": place, "text": f" +t = {fmt.threshold(t)} "})
    labels.append({**side, "x": -t, "xanchor": "right" if place == "left" else "left", "text": " \N{MINUS SIGN}t "})
    if curve.atom > 0.0005:
        labels.append({**side, **_place_of_zeros(curve.atom, t, reach)})
    return labels


def _place_of_zeros(share: float, t: float, reach: float) -> dict[str, Any]:
    """Between the rules, or, where those leave no room for it on a phone, beside the curve and below their labels."""
    if t > 0.45 * reach:
        return {"x": 0, "xanchor": "center", "text": f"{fmt.percent(share)} exactly zero"}
    text = f"{fmt.percent(share)}<br>exactly zero"
    return {"x": -reach, "xanchor": "left", "align": "left", "y": 0.86, "text": text}
