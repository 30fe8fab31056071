"""Figures of the lesson as plain SVG, for paper and for readers without JavaScript.

They hold no colours of a theme but those that mean something: blue for kept, orange for pruned, grey for the rest.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fcpts_core.bridge import share_below, threshold_for
from fcpts_core.bridge.curves import bridge_curves
from fcpts_core.lesson.facts import measured, recorded
from fcpts_core.models.cards import load_model
from fcpts_core.models.layers import prunable_layers

KEPT, PRUNED, INK = "#0072B2", "#D55E00", "#57606a"
WIDTH, HEIGHT = 640, 240
LAYER = "layer3.0.conv2"
SHARE = 0.9
EVERY = 5
"""Every fifth point is enough on paper."""

Array = NDArray[np.float64]


def layer_weights() -> torch.Tensor:
    """The layer that the lesson looks at."""
    layers = prunable_layers(load_model("digits-resnet20").module)
    return next(layer.weight.detach() for layer in layers if layer.name == LAYER)


def density_figure() -> str:
    """The density with nine weights in ten pruned."""
    weights = layer_weights()
    curves = bridge_curves(weights)
    pdf = curves.smoothed[curves.stop_of("silverman")].pdf
    pdf = pdf[::EVERY]
    xs = np.linspace(-curves.reach, curves.reach, pdf.size)
    t = threshold_for(weights, SHARE)
    x, y = _scale(xs, 20, 620), _scale(np.append(pdf, 0.0), 210, 30)[:-1]
    inside = np.abs(xs) <= t
    parts = [
        _area(x[xs <= -t], y[xs <= -t], KEPT),
        _area(x[inside], y[inside], PRUNED),
        _area(x[xs >= t], y[xs >= t], KEPT),
        _line(x, y, INK),
        *(_text(at, 24, f"{sign}t", "middle") for sign, at in (("−", x[inside][0]), ("", x[inside][-1]))),
        _text(320, 120, f"{SHARE:.0%}", "middle"),
        _text(320, 234, "w", "middle"),
    ]
    return _svg(parts)


def bandwidth_figure() -> str:
    """Too narrow, Silverman's, too wide: the same weights, three bandwidths."""
    curves = bridge_curves(layer_weights())
    parts = []
    for place, stop in enumerate((0, curves.stop_of("silverman"), len(curves.smoothed) - 4)):
        pdf = curves.smoothed[stop].pdf[:: 2 if stop == 0 else EVERY]
        left = 10 + 210 * place
        x = _scale(np.arange(pdf.size, dtype=np.float64), left, left + 200)
        highest = float(curves.smoothed[0].pdf.max())
        parts.append(_line(x, 210 - 180 * pdf / highest, INK))
        parts.append(_text(left + 100, 234, f"h = {curves.smoothed[stop].bandwidth:.2g}", "middle"))
    return _svg(parts)


def staircase_figure(steps: int = 14) -> str:
    """A few weights wide, where the count of r(t) shows its steps."""
    weights = layer_weights()
    magnitudes = np.sort(weights.abs().double().reshape(-1).numpy())
    first = round(SHARE * magnitudes.size)
    chosen = magnitudes[first : first + steps + 1]
    places = np.repeat(chosen, 2)
    heights = np.repeat(np.arange(steps + 2, dtype=np.float64), 2)[1:-1]
    share = float(share_below(weights, torch.tensor(chosen[0], dtype=torch.float64)))
    parts = [
        _line(_scale(places, 60, 620), _scale(heights, 200, 30), INK),
        _text(60, 18, f"r ≈ {share:.2%}, 1/n", "start"),
        _text(340, 230, "t", "middle"),
    ]
    return _svg(parts)


def allocation_figure() -> str:
    """The recorded run's sparsity of every layer, a column each."""
    result = recorded().result
    layers = result.layers if result else ()
    width = 560 / max(len(layers), 1)
    parts = []
    for place, layer in enumerate(layers):
        left, top = 60 + place * width, 20 + 190 * (1 - layer.sparsity)
        parts.append(_bar(left, 20, width * 0.86, 190 * (1 - layer.sparsity), KEPT))
        parts.append(_bar(left, top, width * 0.86, 190 * layer.sparsity, PRUNED))
    parts += [_text(52, 30, "100 %", "end"), _text(52, 212, "0", "end")]
    parts += [_text(60, 232, layers[0].name, "start"), _text(615, 232, layers[-1].name, "end")]
    return _svg(parts)


def sizes_figure() -> str:
    """Sizes of the recorded model's file, dense, zipped and packed."""
    files = measured().files
    parts = []
    for place, name in enumerate(("zeros", "zip", "bitmask")):
        top = 30 + 64 * place
        length = 440 * files[name] / files["zeros"]
        parts.append(_bar(90, top, length, 36, INK if name == "zeros" else KEPT))
        label = {"zeros": "dense"}.get(name, name)
        parts.append(_text(82, top + 23, label, "end"))
        parts.append(_text(98 + length, top + 23, f"{files[name] / 1000:,.0f} kB", "start"))
    return _svg(parts)


def waffle_figure(told: bool = True) -> str:
    """Four hundred squares for all weights, as many blue ones as the recorded run has kept; all grey before `told`."""
    result = recorded().result
    kept = round(400 * (1 - (result.sparsity if result else 0.0)))

    def look(place: int) -> tuple[str, float]:
        if not told:
            return INK, 0.3
        return (KEPT, 0.95) if place < kept else (PRUNED, 0.35)

    return _svg([_bar(20 + 15 * (i % 40), 45 + 15 * (i // 40), 12, 12, *look(i)) for i in range(400)])


FIGURES = {
    "waffle": waffle_figure,
    "threshold": density_figure,
    "staircase": staircase_figure,
    "density": bandwidth_figure,
    "replay": allocation_figure,
    "sizes": sizes_figure,
}
"""Figures by their names in `steps.toml`; a step whose figure is numbers alone has none."""


def _scale(values: Array, low: float, high: float) -> Array:
    span = float(values.max() - values.min()) or 1.0
    scaled: Array = low + (values - values.min()) / span * (high - low)
    return scaled


def _points(x: Array, y: Array) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _area(x: Array, y: Array, colour: str) -> str:
    points = f"{x[0]:.1f},210 {_points(x, y)} {x[-1]:.1f},210"
    return f'<polygon points="{points}" fill="{colour}" fill-opacity="0.4"/>'


def _line(x: Array, y: Array, colour: str) -> str:
    return f'<polyline points="{_points(x, y)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _bar(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {size} fill="{colour}" fill-opacity="{opacity:g}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    look = f'font-family="sans-serif" font-size="13" fill="{INK}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{words}</text>'


def _svg(parts: list[str]) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>\n'
