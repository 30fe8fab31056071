"""The small example against automatic differentiation, and against a pocket calculator."""

from __future__ import annotations

import math

import pytest
import torch

from fcpts_core.bridge import toy


def loss(t: torch.Tensor) -> torch.Tensor:
    scales = torch.tensor([layer.scale for layer in toy.LAYERS], dtype=torch.float64)
    costs = torch.tensor([layer.cost for layer in toy.LAYERS], dtype=torch.float64)
    sizes = torch.tensor([float(layer.weights) for layer in toy.LAYERS], dtype=torch.float64)
    r = 1 - torch.exp(-t / scales)
    return (costs * r**2).sum() + toy.CONTROL * ((sizes * r).sum() / sizes.sum() - toy.TARGET).abs()


@pytest.mark.parametrize("seed", [0, 3])
def test_the_gradient_is_that_of_the_loss(seed: int) -> None:
    for step in toy.descend(12, seed):
        t = torch.tensor([row.threshold for row in step.rows], dtype=torch.float64, requires_grad=True)
        value = loss(t)
        (gradient,) = torch.autograd.grad(value, t)
        assert step.loss == pytest.approx(value.item())
        assert [row.gradient for row in step.rows] == pytest.approx(gradient.tolist())


def test_the_first_step_can_be_checked_by_hand() -> None:
    first, second = toy.descend(1)
    a, b = first.rows
    assert a.sparsity == pytest.approx(1 - math.exp(-0.1 / 0.5))
    assert b.slope == pytest.approx((1 - b.sparsity) / 0.25)
    assert (a.control, b.control) == (-100 / 400, -300 / 400)
    assert second.rows[1].threshold == pytest.approx(0.1 - 0.1 * (2 * 0.05 * b.sparsity - 0.75) * b.slope)


def test_the_budget_is_met_within_a_point_and_the_layer_that_hurts_gives_less() -> None:
    last = toy.descend(9)[-1]
    assert last.sparsity == pytest.approx(toy.TARGET, abs=0.01)
    assert last.rows[0].sparsity < last.rows[1].sparsity


def test_a_seed_fixes_the_start() -> None:
    assert toy.start(5) == toy.start(5) != toy.start(6)
    assert toy.start(0) == (0.1, 0.1)
