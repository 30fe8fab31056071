"""How learning ends: in exact zeros, or with a step that cannot be taken and leaves nothing behind."""

import math

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.errors import RunError
from fcpts_core.problem import Problem
from fcpts_core.reconstruction import distill
from fcpts_core.reconstruction.norms import norm_layers
from tests.cases import NETWORKS, ConvNet, begin, conv_net, learn, problem, thresholds, zeros_of


@pytest.mark.parametrize("cap", [1.0, 0.75])
@pytest.mark.parametrize("network", NETWORKS)
def test_finish_zeroes_the_smallest_by_threshold_and_nothing_else(network: str, cap: float) -> None:
    task = problem(NETWORKS[network](), sparsity=0.66, layer_cap=cap, keep_floor=0)
    state, _ = learn(task, 6)
    learned = [layer.weight.detach().clone() for layer in task.layers]
    projection = distill.finish(task, state)
    assert zeros_of([layer.weight for layer in task.layers]) == task.zeros
    for layer, before, mask, t in zip(task.layers, learned, projection.masks, projection.thresholds, strict=True):
        assert torch.equal(layer.weight.detach(), torch.where(mask, before, torch.zeros_like(before)))
        assert torch.equal(mask, before.abs() >= t)
        assert layer.weights - int(mask.sum()) <= max(math.floor(cap * layer.weights), zeros_of([before]))
    if cap == 1.0:
        ranks = [w.abs() / t for w, t in zip(learned, thresholds(state), strict=True)]
        pruned = torch.cat([rank[~mask] for rank, mask in zip(ranks, projection.masks, strict=True)])
        kept = torch.cat([rank[mask] for rank, mask in zip(ranks, projection.masks, strict=True)])
        assert pruned.max() <= kept.min() * (1 + 1e-5)


def learned(network: nn.Module) -> dict[int, Tensor]:
    """Weights and statistics by identity, since masks lend them other names."""
    tensors = [*network.parameters(), *(buffer for norm in norm_layers(network) for buffer in norm.buffers())]
    return {id(tensor): tensor.detach().clone() for tensor in tensors}


class Cliff(ConvNet):
    """Finite logits whose gradient is not: the slope of a square root at 0."""

    def forward(self, x: Tensor) -> Tensor:
        bias = self.linear.bias
        return super().forward(x) + (bias - bias.detach()).abs().sqrt()


@pytest.fixture(params=["loss", "gradient"])
def failing(request: pytest.FixtureRequest) -> tuple[Problem, str]:
    """Problems that cannot be learned: one soon runs away, the other has no gradient to start with."""
    if request.param == "loss":
        return problem(conv_net(), learning_rate=1e30, step_bound=1e30, clip=1e30, warmup=0.0), "loss"
    cliff = Cliff()
    cliff.load_state_dict(conv_net().state_dict())
    return problem(cliff.eval()), "gradient"


def test_a_step_that_fails_leaves_the_last_good_state(failing: tuple[Problem, str]) -> None:
    task, what = failing
    state = begin(task)
    good: list[tuple[dict[int, Tensor], list[float]]] = []

    def steps() -> None:
        with distill.attached(task, state):
            for _ in range(task.settings.steps):
                good.append((learned(task.student), thresholds(state)))
                distill.step(task, state)

    with pytest.raises(RunError, match=rf"The {what} is no longer finite after \d steps, .* smaller learning rate"):
        steps()
    before, values = good[-1]
    assert thresholds(state) == values
    for key, tensor in learned(task.student).items():
        assert tensor.isfinite().all()
        assert torch.equal(tensor, before[key])
    assert not any(part.training for network in (task.student, task.teacher) for part in network.modules())
    assert not any(part._forward_hooks for network in (task.student, task.teacher) for part in network.modules())
