"""What a run says of its problem and its networks: the start, densities, the rows of the allocation."""

from __future__ import annotations

from torch import Tensor

from fcpts_core.allocation import OF_WEIGHTS
from fcpts_core.density import estimate, resample
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Curve, Layer, LayerResult, Started, Surveyed
from fcpts_core.engine.prepare import Prepared
from fcpts_core.masks.parametrization import original
from fcpts_core.models.layers import PrunableLayer
from fcpts_core.problem import Problem

REFERENCES = ("uniform", "erk", "global-magnitude")
"""The allocations that are drawn behind that of a run."""

CURVE_POINTS = 256


def started(config: RunConfig, prepared: Prepared, dense_accuracy: float | None) -> Started:
    """The problem as it stands before the first step."""
    problem = prepared.problem
    weights = [layer.weight.detach() for layer in problem.layers]
    return Started(
        config=config.to_json(),
        layers=tuple(Layer(layer.name, layer.kind, layer.shape, layer.weights) for layer in problem.layers),
        weights=sum(layer.weights for layer in problem.layers),
        target_sparsity=config.sparsity,
        target_zeros=None if problem.worth else problem.zeros,
        steps=problem.settings.steps,
        dense_accuracy=dense_accuracy,
        calibration_images=len(prepared.calibration),
        test_images=0 if prepared.test is None else len(prepared.test),
        references={
            name: allocate(weights, config.sparsity, problem.settings.layer_cap, problem.worth)
            for name, allocate in OF_WEIGHTS.items()
            if name in REFERENCES
        },
        measure=problem.task.measures[0],
        notes=prepared.notes,
        budget=problem.settings.budget,
        uses=problem.worth,
    )


def skipped(prepared: Prepared) -> int:
    """How many pictures could not be read."""
    return prepared.calibration.skipped + (0 if prepared.test is None else prepared.test.skipped)


def surveyed(problem: Problem, step: int) -> Surveyed:
    """Densities of the weights beneath the masks: the last ones still show what the final thresholds prune."""
    rule = problem.settings.bandwidth
    return Surveyed(step, tuple(curve(original(layer).detach(), rule) for layer in problem.layers))


def curve(weights: Tensor, bandwidth: str) -> Curve:
    """The density of these weights as it is drawn."""
    density = estimate(weights, bandwidth)
    lo, hi, pdf = resample(density, CURVE_POINTS)
    return Curve(lo, hi, pdf, density.atom, density.bandwidth)


def layer_result(layer: PrunableLayer, threshold: float) -> LayerResult:
    """One row of the allocation, zeros counted."""
    zeros = layer.weights - int(layer.weight.count_nonzero())
    return LayerResult(layer.name, layer.shape, layer.weights, zeros, zeros / layer.weights, threshold)
