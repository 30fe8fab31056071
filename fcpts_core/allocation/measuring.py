"""How each layer's error grows with its zeros, every layer alone and pruned by magnitude (or by the pattern).

    logits    mean (z - z')^2 over images and classes, `z'` of the dense network, `z` of the network with this one layer
              pruned; batch norms take each batch's own statistics in both, so a change of mean or scale, which
              recalibration undoes, costs nothing
    layer     the share of the layer's own output that cannot be brought back (see `layer_error`); for layers that are
              neither Conv2d nor Linear, the share of its squares that goes

The first takes a forward pass for every layer and point, the second one pass in all and a small least squares for
every point.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.allocation.counts import Budget
from fcpts_core.allocation.knapsack import dynamic_program
from fcpts_core.allocation.layer_error import one_layer_each, share
from fcpts_core.allocation.respect import budget_under
from fcpts_core.allocation.sensitivity import Sensitivity, grid_of
from fcpts_core.engine.events import Phase, Sensed
from fcpts_core.masks.patterns import pattern
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.second_order.observed import USUAL

LOGITS_OF, INPUTS_OF = 64, 256
"""How many of the calibration images are looked at: for every point, and once for all layers."""

Measure = Callable[[int, Tensor], float]
"""Index of the layer and its mask, True = kept, in; error out."""


def sensitivity(problem: Problem) -> Telling[tuple[float, ...]]:
    """The sparsities `[L]` that a dynamic program finds cheapest by the errors measured here, or measured before."""
    settings = problem.settings
    budget = budget_under(settings.pattern, problem.dense, problem.sparsity, settings.layer_cap, problem.worth)
    if (table := problem.sensitivities) is None:
        table = yield from measured(problem, budget)
        yield Sensed(**vars(table))
    yield Phase("sharing the zeros out where they cost least")
    return dynamic_program(table, budget)


def measured(problem: Problem, budget: Budget) -> Telling[Sensitivity]:
    """The table of all layers between the budget's bounds; all work is done on copies."""
    settings, layers = problem.settings, problem.layers
    kind, measure = pattern(settings.pattern), MEASURES[settings.sensitivity_error](problem)
    grids = [grid_of(*bounds) for bounds in zip(budget.sizes, budget.floors, budget.ceilings, strict=True)]
    with problem.bookmark.values("sensitivities", errors=[]) as found:
        for index, (weight, counts) in enumerate(zip(problem.dense, grids, strict=True)):
            if index < len(found["errors"]):
                continue
            yield Phase(f"measuring sensitivity: layer {index + 1} of {len(layers)}", index / len(layers))
            errors = [0.0, *(measure(index, kind.choose(weight.abs(), count)) for count in counts[1:])]
            found["errors"] = [*found["errors"], errors]
        measured = tuple(tuple(row) for row in found["errors"])
    names = tuple(layer.name for layer in layers)
    return Sensitivity(names, budget.sizes, tuple(grids), measured, settings.sensitivity_error)


def alone(problem: Problem, layer: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Numbers of zeros of one layer and the error of the logits at each, all other layers dense; to be looked at."""
    kind, measure, weight = pattern(problem.settings.pattern), by_logits(problem), problem.dense[layer]
    counts = grid_of(weight.numel(), weight.numel() - int(weight.count_nonzero()), weight.numel())
    errors = [0.0, *(measure(layer, kind.choose(weight.abs(), count)) for count in counts[1:])]
    return counts, tuple(errors)


def by_logits(problem: Problem) -> Measure:
    """The mean square of what pruning one layer changes in the logits."""
    network, batches = copy.deepcopy(problem.teacher), batches_of(problem, LOGITS_OF)
    weights = [network.get_parameter(f"{layer.name}.weight") for layer in problem.layers]
    meant = answers(problem, network, batches)

    @torch.no_grad()
    def measure(index: int, mask: Tensor) -> float:
        weights[index].mul_(mask)
        said = answers(problem, network, batches)
        weights[index].copy_(problem.dense[index])
        return float(F.mse_loss(said, meant))

    return measure


def by_layer(problem: Problem) -> Measure:
    """The share of the layer's output that is lost for good."""
    settings, names = problem.settings, [layer.name for layer in problem.layers]
    batches = batches_of(problem, INPUTS_OF)
    found = one_layer_each(problem.teacher, names, batches, settings.positions, settings.damping or USUAL, problem.seed)

    def measure(index: int, mask: Tensor) -> float:
        task, dense = found[index], problem.dense[index]
        if task is None:
            return share((dense * ~mask).square().sum(), dense.square().sum())
        return task.error(mask)

    return measure


MEASURES: dict[str, Callable[[Problem], Measure]] = {"logits": by_logits, "layer": by_layer}


@torch.no_grad()
def answers(problem: Problem, network: nn.Module, batches: Sequence[Tensor]) -> Tensor:
    """The logits of these batches, batch norms on each batch's own statistics unless one is a single image."""
    with norm_mode(network, "train" if min(map(len, batches)) > 1 else "eval"):
        return torch.cat([problem.task.rows(network, batch) for batch in batches])


def batches_of(problem: Problem, count: int, size: int = 64) -> list[Tensor]:
    """The first `count` images, plain, in batches of one size as far as that can be: none is a single image."""
    images = problem.images.take(count)
    parts = torch.arange(len(images)).chunk(-(-len(images) // size))
    return [images.inputs(part).to(problem.device) for part in parts]
