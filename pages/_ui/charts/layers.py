"""All layers at once: one column a layer, its density drawn along the column, pruned in the middle, kept beyond +-t.

Every layer stands on its own scale, `w` divided by the spread of its weights, so layers of different size can be
compared. One heat map: it reads the same with 10 or 160 layers.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from pages._ui.charts import curves as read
from pages._ui.charts.axes import hover_texts, layer_axis, lit
from pages._ui.charts.moment import Moment
from pages._ui.charts.panel import Entry, Panel, numbers

SPAN = 4.0
ROWS = 81
SHADE = 0.45


def layers(moment: Moment, chosen: int, revision: str) -> Panel:
    """The heat map, the layer `chosen` framed."""
    positions = list(range(len(moment.layers)))
    spreads = [read.spread(curve) for curve in moment.curves]
    limits = [min(t / s, SPAN) for t, s in zip(moment.thresholds, spreads, strict=False)]
    traces = [_heat(moment, spreads), *(_rule(sign, limits) for sign in (1, -1) if limits)]
    if moment.curves:
        traces.append(_pointer(moment, positions))
    layout = {
        "uirevision": revision,
        "hovermode": "closest",
        "margin": {"l": 44, "r": 8, "t": 9, "b": 22},
        "xaxis": layer_axis(moment.layers),
        "yaxis": {
            "title": {"text": "weight / spread of the layer"},
            "range": [-SPAN, SPAN],
            "tickvals": [-4, -2, 0, 2, 4],
            "showgrid": False,
        },
        "shapes": [lit(chosen)],
    }
    return Panel(
        name="layers",
        title="All layers",
        summary=_summary(moment, limits),
        figure={"data": traces, "layout": layout},
        legend=(
            Entry("pruned", "@pruned", "fill"),
            Entry("kept", "@kept", "fill"),
            Entry("threshold \N{PLUS-MINUS SIGN}t", "@text", "line"),
        ),
        note="How the weights of every layer spread: the stronger the colour, the more of them.",
        clickable=True,
    )


def _heat(moment: Moment, spreads: list[float]) -> dict[str, Any]:
    """Cells are signed: minus where the weight is pruned, plus where it is kept, strength from the density."""
    rows = np.linspace(-SPAN, SPAN, ROWS)
    cells = np.zeros((ROWS, len(moment.layers)))
    for column, (curve, spread) in enumerate(zip(moment.curves, spreads, strict=False)):
        weights = rows * spread
        height = read.density(curve, weights)
        strength = (height / height.max()) ** SHADE if height.max() > 0 else height
        pruned = np.abs(weights) < moment.thresholds[column] if moment.thresholds else np.zeros(ROWS, dtype=bool)
        cells[:, column] = np.where(pruned, -strength, strength)
    packed = np.round(100 * cells).astype(np.int8)
    z = {"dtype": "i1", "bdata": base64.b64encode(packed.tobytes()).decode(), "shape": f"{ROWS}, {len(moment.layers)}"}
    known = bool(moment.thresholds)
    return {
        "type": "heatmap",
        "z": z,
        "x0": 0,
        "dx": 1,
        "y0": -SPAN,
        "dy": 2 * SPAN / (ROWS - 1),
        "zmin": -100,
        "zmax": 100,
        "xgap": 1 if len(moment.layers) <= 80 else 0,
        "showscale": False,
        "hoverinfo": "skip",
        "colorscale": [
            [0.0, "@pruned"],
            [0.5, "@panel"],
            [1.0, "@kept" if known else "@dense"],
        ],
    }


def _rule(sign: int, limits: list[float]) -> dict[str, Any]:
    edges = [-0.5 + i for i in range(len(limits))] + [len(limits) - 0.5]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": edges,
        "y": numbers([sign * limit for limit in [*limits, limits[-1]]]),
        "line": {"shape": "hv", "width": 1.2, "color": "@text"},
        "hoverinfo": "skip",
    }


def _pointer(moment: Moment, positions: list[int]) -> dict[str, Any]:
    """Invisible columns that carry the hover text and take the click."""
    return {
        "type": "bar",
        "x": positions,
        "y": [2 * SPAN] * len(positions),
        "base": -SPAN,
        "width": 1,
        "marker": {"color": "@panel/0"},
        "customdata": positions,
        "hovertext": hover_texts(moment),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _summary(moment: Moment, limits: list[float]) -> str:
    if not moment.curves:
        return "Densities of all layers: not measured yet."
    text = f"Densities of all {len(moment.layers)} layers after step {moment.step}, each on the scale of its own spread"
    if not limits:
        return f"{text}."
    low, high = int(np.argmin(limits)), int(np.argmax(limits))
    return (
        f"{text}: the threshold lies between {limits[low]:.2f} spreads ({moment.layers[low].name}) "
        f"and {limits[high]:.2f} spreads ({moment.layers[high].name})."
    )
