"""Reading a density `p(w)` that came as points: its share within a threshold, its slope there, its spread.

Notation: `r(t) = atom + integral_{-t}^{t} p(w) dw` and `dr/dt = p(t) + p(-t)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fcpts_core.engine.events import Curve

Array = npt.NDArray[np.float64]


def grid(curve: Curve) -> Array:
    """The weights `w` at which the density is given, `[m]`."""
    return np.linspace(curve.lo, curve.hi, len(curve.pdf))


def density(curve: Curve, at: Any) -> Array:
    """`p(w)` at any weights, 0 outside the curve."""
    return np.interp(at, grid(curve), np.asarray(curve.pdf), left=0.0, right=0.0)


def share_within(curve: Curve, thresholds: Any) -> Array:
    """`r(t)` for every `t >= 0` given."""
    t = np.asarray(thresholds, dtype=float)
    within = _cumulative(curve, t) - _cumulative(curve, -t)
    return np.asarray(np.where(t > 0, np.clip(curve.atom + within, 0.0, 1.0), 0.0))


def _cumulative(curve: Curve, at: Array) -> Array:
    """The integral of `p` from the left end of the curve up to `at`, `p` taken as straight between its points."""
    pdf = np.asarray(curve.pdf)
    spacing = (curve.hi - curve.lo) / (len(pdf) - 1)
    below = np.concatenate([[0.0], np.cumsum((pdf[1:] + pdf[:-1]) / 2 * spacing)])
    position = np.clip((at - curve.lo) / spacing, 0.0, len(pdf) - 1)
    left = np.minimum(position.astype(int), len(pdf) - 2)
    rest = position - left
    return np.asarray(below[left] + spacing * rest * (pdf[left] + rest * (pdf[left + 1] - pdf[left]) / 2))


def slope(curve: Curve, threshold: float) -> float:
    """`dr/dt = p(t) + p(-t)`."""
    return float(density(curve, threshold) + density(curve, -threshold))


def spread(curve: Curve) -> float:
    """Root mean square of the weights under the curve; the curve's own width where it holds no mass."""
    xs, pdf = grid(curve), np.asarray(curve.pdf)
    mass = pdf.sum()
    mean_square = float((pdf * xs**2).sum() / mass) if mass > 0 else 0.0
    return float(np.sqrt(mean_square)) or max(abs(curve.lo), abs(curve.hi), 1e-12)


def reach(curve: Curve, share: float = 0.998) -> float:
    """The smallest grid distance from zero within which `share` of the non-zero weights lie."""
    farthest = max(abs(curve.lo), abs(curve.hi))
    distances = np.linspace(0.0, farthest, 256)
    inside = share_within(curve, distances) - curve.atom
    enough = inside >= share * (1.0 - curve.atom)
    return float(distances[np.argmax(enough)]) if enough.any() else farthest


def snapped(value: float, ratio: float = 1.3) -> float:
    """`value` rounded up on a geometric ladder: an axis that ends there does not move at every tick."""
    if value <= 0:
        return 1.0
    return float(ratio ** np.ceil(np.log(value) / np.log(ratio) - 1e-9))
