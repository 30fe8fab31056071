"""What travels between the page and the bridge in the browser: compact arrays one way, what was let go of the other."""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.bridge import share_below, threshold_for
from fcpts_core.bridge.curves import BridgeCurves, bridge_curves
from fcpts_core.density import Density, Histogram, estimate, histogram
from pages._ui import preview

VIEWS = ("kde", "exact", "histogram")
HIDEABLE = ("view", "bandwidth", "zoom", "inverse", "density", "sparsity")
SENT = 500_000
"""Magnitudes that are sent; of a larger layer every second, third ... one, and its counts are rounded to that."""

SHOWN = 500
"""Single weights drawn below the density."""

FIRST = 0.9
"""The sparsity that a first visit shows."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """One layer of one model, as the bridge shows it."""

    model: str
    name: str
    shape: tuple[int, ...]
    weights: Tensor
    curves: BridgeCurves
    histogram: Histogram

    @property
    def silverman(self) -> int:
        return self.curves.stop_of("silverman") if self.weights.any() else 0


@dataclass(frozen=True)
class Seen:
    """What the reader sees: the threshold in weight units, the place of the bandwidth in the list, view and zoom."""

    t: float
    stop: int
    view: str = "kde"
    zoom: float = 0.0

    @classmethod
    def of(cls, state: Any, portrait: Portrait, start: Seen) -> Seen:
        """What a browser says, checked: it can send anything."""
        if not isinstance(state, Mapping):
            return start
        values = {**asdict(start), **{name: state[name] for name in asdict(start) if name in state}}
        t, stop, view, zoom = values["t"], values["stop"], values["view"], values["zoom"]
        sound = all(isinstance(value, int | float) and math.isfinite(value) for value in (t, stop, zoom))
        if not sound or view not in VIEWS:
            return start
        last = len(portrait.curves.smoothed) - 1
        return cls(
            min(max(t, 0.0), portrait.curves.reach), min(max(int(stop), 0), last), view, min(max(zoom, 0.0), 1.0)
        )


@dataclass(frozen=True)
class Checked:
    """The same numbers as Python has them, from the weights: exact count and share, smooth share, the two densities."""

    count: int
    share: float
    smooth: float
    plus: float
    minus: float

    @property
    def slope(self) -> float:
        return self.plus + self.minus


@lru_cache(maxsize=24)
def portrait(model: str, weights: str | None, layer: str) -> Portrait:
    """That layer of that model, `weights` a file of the reader's own; a layer that it does not have is a KeyError."""
    seen = preview.portrait(model, weights, (), "silverman")
    index = {facts.name: place for place, facts in enumerate(seen.layers)}[layer]
    tensor = seen.weights[index]
    return Portrait(model, layer, tuple(tensor.shape), tensor, bridge_curves(tensor), histogram(tensor))


def layers_of(model: str, weights: str | None) -> tuple[str, ...]:
    """Names of the model's layers; raises InputError where it cannot be read."""
    return tuple(facts.name for facts in preview.portrait(model, weights, (), "silverman").layers)


def first_look(seen: Portrait) -> Seen:
    """Nine weights in ten pruned, Silverman's bandwidth."""
    return Seen(min(threshold_for(seen.weights, FIRST), seen.curves.reach), seen.silverman)


@lru_cache(maxsize=4)
def _density(seen: Portrait, stop: int) -> Density:
    return estimate(seen.weights, seen.curves.smoothed[stop].bandwidth)


def checked(portrait: Portrait, seen: Seen) -> Checked:
    """What `seen` shows, computed from the weights themselves."""
    t = torch.tensor(seen.t, dtype=torch.float32)
    share = float(share_below(portrait.weights, t.double()))
    density = _density(portrait, seen.stop)
    if seen.view == "exact":
        plus = minus = 0.0
    else:
        source: Density | Histogram = portrait.histogram if seen.view == "histogram" else density
        plus, minus = (float(source.pdf_at(sign * t.double())) for sign in (1, -1))
    return Checked(round(share * portrait.weights.numel()), share, float(density.rate(seen.t)), plus, minus)


def message(portrait: Portrait, start: Seen, words: Mapping[str, str], hidden: Collection[str]) -> dict[str, Any]:
    """All that the browser needs; equal arguments give equal messages, which travel once."""
    return {
        "id": f"{portrait.model} {portrait.name} {start} {' '.join(sorted(hidden))}",
        "words": dict(words),
        "hidden": sorted(hidden),
        "start": asdict(start),
        **_packed(portrait),
    }


@lru_cache(maxsize=24)
def _packed(portrait: Portrait) -> dict[str, Any]:
    curves, bars = portrait.curves, portrait.histogram
    every = -(-curves.magnitudes.size // SENT)
    # The largest of each group stands for it, so a count is never above the true one by more than the group.
    sent = curves.magnitudes[every - 1 :: every]
    flat = portrait.weights.detach().reshape(-1)
    sample = flat[:: max(1, flat.numel() // SHOWN)].numpy()
    return {
        "magnitudes": _floats(sent),
        "weights": curves.magnitudes.size,
        "every": every,
        "reach": curves.reach,
        "sample": _floats(sample[np.abs(sample) <= curves.reach]),
        "histogram": {"lo": bars.lo, "width": bars.bandwidth, "heights": _floats(bars.heights.numpy())},
        "stops": [
            {
                "bandwidth": curve.bandwidth,
                "rules": list(curve.rules),
                "peak": float(curve.pdf.max()),
                "pdf": _shares(curve.pdf, float(curve.pdf.max())),
                "rate": _shares(curve.rate, 1.0),
            }
            for curve in curves.smoothed
        ],
    }


def _floats(values: NDArray[Any]) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def _shares(values: NDArray[np.float64], most: float) -> str:
    """Values from 0 to `most` in two bytes each: within 1e-5 of `most`."""
    return base64.b64encode(np.round(65535 * values / (most or 1.0)).astype("<u2").tobytes()).decode()
