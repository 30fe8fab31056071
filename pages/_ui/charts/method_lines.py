"""The sparsity of every layer by several methods: a stepped line each, marks alone where steps would hide all else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fcpts_core.engine.events import Layer
from pages._ui import numbers as fmt
from pages._ui.charts.allocation import NARROW
from pages._ui.charts.panel import Entry, numbers, plain
from pages._ui.theme import style_of

Say = Callable[[float, Layer], str]


def method_lines(
    lines: Mapping[str, Sequence[float]], layers: Sequence[Layer], more: Say | None = None
) -> list[dict[str, Any]]:
    """A trace a method, with sparsities `[L]`; `more` is what the hover says besides of a share of zeros in a layer."""
    return [_line(label, line, layers, more) for label, line in lines.items()]


def entries(labels: Sequence[str]) -> tuple[Entry, ...]:
    """The legend: each method lights up by its entry."""
    styles = [(label, style_of(label)) for label in labels]
    return tuple(Entry(style.label, style.colour, style.dash, label) for label, style in styles)


def _line(label: str, line: Sequence[float], layers: Sequence[Layer], more: Say | None) -> dict[str, Any]:
    style = style_of(label)
    narrow = len(line) > NARROW
    texts = [
        f"<b>{plain(style.label)}</b><br>{plain(layer.name)}: {fmt.percent(share)} zero"
        + (more(share, layer) if more else "")
        for share, layer in zip(line, layers, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers" if narrow else "lines+markers",
        "name": style.label,
        "meta": label,
        "x": list(range(len(line))),
        "y": numbers(line),
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"color": style.colour, "dash": style.dash, "width": 2, "shape": "hvh"},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 5 if narrow else 6},
        "cliponaxis": False,
    }
