"""Layer after layer, each imitates its dense self on its own: POT (Lazarevich et al., ICCVW 2021).

    minimise  |layer(x) - dense layer(x)|^2 / |dense layer(x)|^2      over the kept weights and the bias of the layer

after the repair of `statistics`. `x` is what the layer gets in the dense model, or in the sparse model so far
(`layer_inputs`). The support stays. The rate of the weights is `learning_rate` throughout, ten times that for biases;
the steps are shared equally between the layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from fcpts_core.models.layers import PrunableLayer
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.losses import relative_error
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.reconstruction.reached import in_order, input_of, shared_equally
from fcpts_core.reconstruction.resuming import marked
from fcpts_core.reconstruction.statistics import repair_statistics
from fcpts_core.reconstruction.stepping import descend, follow_back, in_numbers
from fcpts_core.reconstruction.training import Training, next_batch, thresholds_of, weight_optimizer

BIAS_RATE = 10.0  # times that of the weights


def layerwise(problem: Problem, shares: tuple[float, ...]) -> Telling[tuple[float, ...]]:
    """Repair, then the whole loop; layers that the network never calls are pruned and left so."""
    repaired = yield from repair_statistics(problem, shares)
    generator = torch.Generator().manual_seed(problem.seed)
    modules = [layer.module for layer in problem.layers]
    reached = in_order(problem.student, modules, problem.images.inputs(torch.arange(1)).to(problem.device))
    shared, end = shared_equally(problem.settings.steps, max(len(reached), 1)), 0
    with problem.bookmark.values("layers", place=0, thresholds=list(repaired)) as at:
        for place, (index, steps) in enumerate(zip(reached, shared, strict=False)):
            begin, end = end, end + steps
            if place < at["place"]:
                continue
            at["place"] = place
            layer = problem.layers[index]
            state = Training(
                weights=_optimizer(layer.module, problem),
                generator=generator,
                bounded=tuple(layer.module.parameters()),
                step=begin,
            )
            with norm_mode(problem.student, "eval"), _support_kept(layer), marked(problem, state):
                while state.step < end:
                    loss = _step(problem, state, layer)
                    (at["thresholds"][index],) = thresholds_of([layer.weight])
                    zeros = [one.weights - int(one.weight.count_nonzero()) for one in problem.layers]
                    rate = problem.settings.learning_rate
                    yield in_numbers(problem, state.step, loss, rate, zeros, thresholds=at["thresholds"])
        return tuple(at["thresholds"])


def _optimizer(module: nn.Module, problem: Problem) -> torch.optim.Optimizer:
    optimizer = weight_optimizer(module, problem.settings)
    for group in optimizer.param_groups:
        if all(parameter.ndim <= 1 for parameter in group["params"]):
            group["lr"] *= BIAS_RATE
    return optimizer


@contextmanager
def _support_kept(layer: PrunableLayer) -> Iterator[None]:
    """For a while, zeros take no gradient; afterwards the layer has no gradients at all."""
    handle = layer.weight.register_hook((layer.weight.detach() != 0).mul)
    try:
        yield
    finally:
        handle.remove()
        for parameter in layer.module.parameters():
            parameter.grad = None


def _step(problem: Problem, state: Training, layer: PrunableLayer) -> float:
    settings, dense = problem.settings, problem.teacher.get_submodule(layer.name)
    batch = next_batch(problem, state)
    with torch.no_grad():
        sparse = settings.layer_inputs == "sparse"
        x = input_of(problem.student, layer.module, batch) if sparse else input_of(problem.teacher, dense, batch)
        meant: Tensor = dense(x)
    value = follow_back(state, relative_error(layer.module(x), meant), settings)
    descend(state, settings)
    state.step += 1
    return value
