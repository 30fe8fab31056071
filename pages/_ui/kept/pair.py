"""Two kept runs side by side: where their zeros lie apart, how each learned, which settings differ. No Streamlit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fcpts_core.engine.events import Layer
from fcpts_core.engine.snapshot import Snapshot
from fcpts_core.errors import InputError
from fcpts_core.methods import settings_for
from fcpts_core.store.records import RunRecord
from pages._ui import numbers as fmt
from pages._ui.charts.axes import layer_axis
from pages._ui.charts.moment import moment_at
from pages._ui.charts.panel import Entry, Panel, numbers, plain

COLOURS = ("@cyan", "@pink")
DASHES = ("solid", "longdash")
LONG = 32
"""Letters of a name that have room in a legend."""


def names(first: RunRecord, second: RunRecord) -> tuple[str, str]:
    """What the two are called: their names, with a letter before where these are long or the same."""
    found = first.name, second.name
    if found[0] == found[1] or max(map(len, found)) > LONG:
        return f"A: {_short(found[0])}", f"B: {_short(found[1])}"
    return found


def _short(name: str) -> str:
    return name if len(name) <= LONG else f"{name[: LONG - 1]}\N{HORIZONTAL ELLIPSIS}"


def settings_diff(first: RunRecord, second: RunRecord) -> list[tuple[str, str, str]]:
    """Name and both values of every setting in which the runs differ, those of their methods among them."""
    found = [_settings(record) for record in (first, second)]
    names = dict.fromkeys([*found[0], *found[1]])
    pairs = ((name, _text(found[0].get(name)), _text(found[1].get(name))) for name in names)
    return [pair for pair in pairs if pair[1] != pair[2]]


def figures(first: RunRecord, second: RunRecord) -> list[tuple[str, str, str]]:
    """What both achieved."""
    return [
        ("accuracy", fmt.percent(first.accuracy, 2), fmt.percent(second.accuracy, 2)),
        ("sparsity", fmt.percent(first.sparsity, 2), fmt.percent(second.sparsity, 2)),
        ("dense accuracy", fmt.percent(first.dense_accuracy, 2), fmt.percent(second.dense_accuracy, 2)),
        ("time", fmt.duration(first.seconds), fmt.duration(second.seconds)),
    ]


def differences(pictures: Sequence[Snapshot], names: Sequence[str]) -> Panel:
    """By how much each layer is sparser in the first run than in the second, in percentage points."""
    moments = [moment_at(picture) for picture in pictures]
    layers: tuple[Layer, ...] = moments[0].layers if moments[0] else ()
    shares = [dict(zip((x.name for x in m.layers), m.sparsities, strict=False)) if m else {} for m in moments]
    shared = [layer for layer in layers if all(layer.name in share for share in shares)]
    gaps = [100 * (shares[0][layer.name] - shares[1][layer.name]) for layer in shared]
    reach = max([1.0, *map(abs, gaps)]) * 1.1
    texts = [f"{plain(layer.name)}: {gap:+.2f} points" for layer, gap in zip(shared, gaps, strict=True)]
    bars = {
        "type": "bar",
        "x": list(range(len(shared))),
        "y": numbers(gaps),
        "marker": {"color": [COLOURS[0] if gap >= 0 else COLOURS[1] for gap in gaps]},
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    layout = {
        "hovermode": "closest",
        "margin": {"l": 48, "r": 12, "t": 10, "b": 24},
        "xaxis": layer_axis(shared) if shared else {"visible": False},
        "yaxis": {"title": {"text": "points of sparsity"}, "range": [-reach, reach], "zeroline": True},
        "annotations": [] if shared else [_words("The two runs have no layers in common.")],
    }
    return Panel(
        name="differences",
        title="Where the zeros lie apart",
        aside="one column a layer, from input to output",
        summary=_gap_words(shared, gaps, names),
        figure={"data": [bars], "layout": layout},
        legend=(
            Entry(f"more zeros in {names[0]}", COLOURS[0], "fill"),
            Entry(f"more zeros in {names[1]}", COLOURS[1], "fill"),
        ),
    )


def curves(pictures: Sequence[Snapshot], names: Sequence[str]) -> Panel:
    """Loss and global sparsity of both over their steps."""
    data: list[dict[str, Any]] = []
    for picture, name, colour, dash in zip(pictures, names, COLOURS, DASHES, strict=True):
        history = [point for point in picture.history if point.step > 0]
        line = {"type": "scatter", "mode": "lines", "x": numbers([point.step for point in history])}
        look = {"color": colour, "dash": dash, "width": 2}
        losses = [point.reconstruction if point.reconstruction > 0 else math.nan for point in history]
        words = f"{plain(name)}, step %{{x}}: "
        data.append({**line, "y": numbers(losses), "line": look, "hovertemplate": words + "%{y:.3g}<extra></extra>"})
        shares = numbers([point.sparsity for point in history])
        more = {"yaxis": "y2", "line": look, "hovertemplate": words + "%{y:.2%} zero<extra></extra>"}
        data.append({**line, "y": shares, **more})
    learned = any(len(picture.history) > 1 for picture in pictures)
    layout = {
        "hovermode": "closest",
        "margin": {"l": 52, "r": 12, "t": 8, "b": 32},
        "xaxis": {"title": {"text": "step"}, "anchor": "y2", "showgrid": False},
        "yaxis": {"type": "log", "domain": [0.47, 1], "title": {"text": "loss (log)"}},
        "yaxis2": {"domain": [0, 0.37], "tickformat": ".0%", "title": {"text": "sparsity"}},
        "annotations": [] if learned else [_words("Neither of the two learned in steps.")],
    }
    ends = [f"{name} ends at step {picture.step}" for name, picture in zip(names, pictures, strict=True)]
    return Panel(
        name="curves",
        title="How each learned",
        aside="distance from the dense model, and global sparsity",
        summary=f"Loss and sparsity over the steps: {', '.join(ends)}.",
        figure={"data": data, "layout": layout},
        legend=tuple(Entry(name, colour, dash) for name, colour, dash in zip(names, COLOURS, DASHES, strict=True)),
    )


def _settings(record: RunRecord) -> dict[str, object]:
    config = {name: value for name, value in record.config.items() if name != "overrides"}
    try:
        own = vars(settings_for(record.method, record.run_config.overrides))
    except InputError:  # kept by a version with other settings
        own = dict(record.config.get("overrides", {}))
    return {**config, "threads": record.threads, **own}


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or fmt.MISSING
    return fmt.MISSING if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _gap_words(layers: Sequence[Layer], gaps: Sequence[float], names: Sequence[str]) -> str:
    if not layers:
        return "The two runs have no layers in common."
    widest = max(range(len(gaps)), key=lambda index: abs(gaps[index]))
    more, gap = (names[0], gaps[widest]) if gaps[widest] >= 0 else (names[1], -gaps[widest])
    return f"The two lie furthest apart in {layers[widest].name}, where {more} has {gap:.1f} points more zeros."


def _words(text: str) -> dict[str, Any]:
    place = {"xref": "paper", "x": 0.5, "yref": "paper", "y": 0.5, "showarrow": False}
    return {**place, "text": text, "font": {"size": 12, "color": "@muted"}}
