"""One moment of a run, the numbers that all charts of that moment share."""

from __future__ import annotations

from dataclasses import dataclass

from fcpts_core.engine.events import Curve, Layer, Started
from fcpts_core.engine.snapshot import Snapshot


@dataclass(frozen=True)
class Moment:
    """State of all layers after `step` steps: `sparsities`, `thresholds` and `curves` are `[L]`.

    `sparsities` and `thresholds` are empty while nothing is known of them, `curves` before the first survey. While a
    search or the solving of layers goes on, the sparsities are those that it has come to.
    """

    started: Started
    step: int
    sparsities: tuple[float, ...]
    thresholds: tuple[float, ...]
    curves: tuple[Curve, ...]
    final: bool

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.started.layers

    @property
    def sparsity(self) -> float | None:
        """Global sparsity `R = sum n_l r_l / sum n_l`."""
        if not self.sparsities:
            return None
        zeros = sum(r * layer.weights for r, layer in zip(self.sparsities, self.layers, strict=True))
        return zeros / self.started.weights

    @property
    def saved(self) -> float | None:
        """The share of the multiply-adds that fall away, `sum u_l n_l r_l / sum u_l n_l`; None where none are known."""
        pairs = list(zip(self.layers, self.started.uses, strict=False))
        total = sum(uses * layer.weights for layer, uses in pairs)
        if not (self.sparsities and total):
            return None
        return sum(r * uses * layer.weights for r, (layer, uses) in zip(self.sparsities, pairs, strict=True)) / total


def moment_at(snapshot: Snapshot, step: int | None = None) -> Moment | None:
    """The run as it stood after `step` steps, by default as it stands now; None before it has started.

    The last moment of a finished run is its result, thresholds scaled to the exact target included.
    """
    started = snapshot.started
    if started is None:
        return None
    now = step is None or step >= snapshot.step
    at = snapshot.step if now or step is None else step
    survey = snapshot.survey_at(at)
    curves = survey.curves if survey else ()
    if now and snapshot.result is not None:
        rows = snapshot.result.layers
        return Moment(
            started, at, tuple(row.sparsity for row in rows), tuple(row.threshold for row in rows), curves, final=True
        )
    point = snapshot.stepped_at(at)
    allocated = snapshot.allocated if now else None
    if allocated is not None:
        return Moment(started, at, allocated.layer_sparsity, point.thresholds if point else (), curves, final=False)
    if point is None:
        return Moment(started, 0, (), (), curves, final=False)
    return Moment(started, point.step, point.layer_sparsity, point.thresholds, curves, final=False)
