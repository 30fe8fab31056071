"""All reconstructions by name: what becomes of the weights once every layer has its sparsity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fcpts_core.allocation.learned import searching
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.blockwise import blockwise
from fcpts_core.reconstruction.distill import distill
from fcpts_core.reconstruction.layerwise import layerwise
from fcpts_core.reconstruction.magnitude import prune_by_magnitude
from fcpts_core.reconstruction.netwise import netwise
from fcpts_core.reconstruction.statistics import repair_statistics
from fcpts_core.reconstruction.unfolding import lacking

Reconstruct = Callable[[Problem, tuple[float, ...]], Telling[tuple[float, ...]]]
"""Sparsities `[L]` in, thresholds `[L]` out; the student ends with exactly `round(r_l n_l)` zeros in layer `l`, or with
the same number in total where the thresholds are learned."""


@dataclass(frozen=True)
class Reconstruction:
    """`usual` are the settings that differ from `Settings()` where this reconstruction is chosen.

    Where weights learn `together`, networks without norms get some meanwhile (see `unfolding`).
    """

    name: str
    title: str
    description: str
    reconstruct: Reconstruct
    usual: Mapping[str, Any] = field(default_factory=dict)
    together: bool = False

    @property
    def learns(self) -> bool:
        """Whether it takes steps."""
        return bool(self.usual.get("steps", 1))


RECONSTRUCTIONS: dict[str, Reconstruction] = {
    entry.name: entry
    for entry in (
        Reconstruction(
            "none",
            "None",
            "Weights are pruned and nothing else.",
            prune_by_magnitude,
            {"steps": 0, "recalibrate": False},
        ),
        Reconstruction(
            "norms",
            "Norm recalibration",
            "Weights are pruned, norm statistics taken anew on the calibration images.",
            prune_by_magnitude,
            {"steps": 0},
        ),
        Reconstruction(
            "statistics",
            "Statistics repaired",
            "Kept weights get back the mean and the deviation of their channel, biases make up for the mean shift of "
            "the outputs, norm statistics are taken anew.",
            repair_statistics,
            {"steps": 0},
        ),
        Reconstruction(
            "layer-wise",
            "Layer-wise",
            "After the repair of the statistics each layer learns alone to imitate its dense self; the support stays "
            "(POT).",
            layerwise,
            {"steps": 2000, "optimizer": "adam", "learning_rate": 1e-5, "augment": "none"},
        ),
        Reconstruction(
            "block-wise",
            "Block-wise",
            "One block after the other learns to imitate its dense self behind the sparse blocks before it; masks "
            "follow the magnitudes.",
            blockwise,
        ),
        Reconstruction(
            "second-order",
            "Second-order",
            "Layer after layer, a support by the inputs' second moments and least squares on it; nothing else is "
            "learned.",
            prune_by_magnitude,
            {"steps": 0, "start": "admm", "recalibrate": False},
        ),
        Reconstruction(
            "net-wise",
            "Net-wise distillation",
            "All weights learn together to imitate the dense network; masks follow the magnitudes, the allocation "
            "stays.",
            netwise,
            together=True,
        ),
        Reconstruction(
            "unipts",
            "Net-wise with the base-decayed objective",
            "As net-wise, by the objective, the rates and the decay of pruned weights of UniPTS.",
            netwise,
            {
                "steps": 1600,
                "objective": "base-decayed",
                "learning_rate": 0.01,
                "weight_decay": 1e-4,
                "pruned_decay": 5e-5,
                "nesterov": False,
                "warmup": 0.01,
                "ramp": 0.0,
            },
            together=True,
        ),
        Reconstruction(
            "fcpts",
            "Net-wise with learned thresholds",
            "Weights and thresholds learn together, so the allocation is only where they start.",
            distill,
            together=True,
        ),
    )
}


def gets_norms(problem: Problem) -> bool:
    """Whether the student has norms for a while that it lacks otherwise, in the search for its allocation at least."""
    settings = problem.settings
    learns = settings.steps > 0 and RECONSTRUCTIONS[settings.reconstruction].together
    if learns and lacking(problem):
        return True
    searches = settings.allocation == "learned" and settings.search_steps > 0
    return searches and bool(lacking(replace(problem, settings=searching(settings))))
