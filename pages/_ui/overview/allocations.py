"""Where methods put the zeros of several models (FCPTS, Figure 5): a panel a model, one target for all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fcpts_core.allocation import OF_WEIGHTS
from fcpts_core.assets import asset
from fcpts_core.compare.recording import load
from fcpts_core.engine.events import Layer
from fcpts_core.errors import InputError
from pages._ui import numbers as fmt
from pages._ui import preview
from pages._ui.charts.axes import layer_axis, share_axis
from pages._ui.charts.method_lines import entries, method_lines
from pages._ui.charts.panel import Panel
from pages._ui.theme import style_of

METHODS = ("uniform", "erk", "global-magnitude")
"""Those whose allocation is known at once; the learned one comes from a recorded run."""

LEARNED = "fcpts"
RECORDING = ("recordings", "allocations-90.json.gz")
"""Made by `fcpts compare --models digits-resnet20,digits-vit --methods fcpts --sparsities 0.9 --threads 1`."""

TARGET = 0.9


@dataclass(frozen=True)
class Allocations:
    """Sparsities of one model's layers by method, `[L]` each, all at one target."""

    model: str
    layers: tuple[Layer, ...]
    lines: dict[str, tuple[float, ...]]


@lru_cache(maxsize=1)
def recorded() -> dict[str, tuple[float, ...]]:
    """The learned allocation of each model that was recorded, by model."""
    found: dict[str, tuple[float, ...]] = {}
    try:
        views = load(asset(*RECORDING))
    except InputError:  # costs only the learned lines
        return found
    for view in views:
        if view.result is not None and view.cell.config.method == LEARNED:
            found[view.cell.config.model] = tuple(layer.sparsity for layer in view.result.layers)
    return found


@lru_cache(maxsize=16)
def allocations(model: str, weights: str | None) -> Allocations:
    """Those of a model, the learned one where it is on record for the model's own weights."""
    seen = preview.portrait(model, weights, (), "silverman")
    lines = {name: OF_WEIGHTS[name](seen.weights, TARGET) for name in METHODS}
    if weights is None and model in recorded():
        lines = {LEARNED: recorded()[model], **lines}
    return Allocations(model, seen.layers, lines)


def panel(found: Allocations) -> Panel:
    """Stepped lines, one a method."""
    layout = {
        "uirevision": found.model,
        "hovermode": "closest",
        "margin": {"l": 48, "r": 12, "t": 10, "b": 24},
        "xaxis": layer_axis(found.layers),
        "yaxis": share_axis("share of zero weights", range=[0, 1.02]),
    }
    return Panel(
        name=f"allocations-{found.model}",
        title=found.model,
        aside=f"{len(found.layers)} layers, {fmt.percent(TARGET, 0)} of all weights zero",
        summary=_summary(found),
        figure={"data": method_lines(found.lines, found.layers), "layout": layout},
        legend=entries(tuple(found.lines)),
        note=_summary(found),
    )


def _summary(found: Allocations) -> str:
    name = LEARNED if LEARNED in found.lines else METHODS[-1]
    line = found.lines[name]
    low, high = (choose(range(len(line)), key=line.__getitem__) for choose in (min, max))
    return (
        f"{style_of(name).label} spares {found.layers[low].name} ({fmt.percent(line[low])}) and takes most of "
        f"{found.layers[high].name} ({fmt.percent(line[high])})."
    )
