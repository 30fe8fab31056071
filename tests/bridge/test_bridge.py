"""The bridge counts exactly and has the smoothed count's derivative as its gradient."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from fcpts_core.bridge import bridge, share_below, smooth_bridge
from fcpts_core.density import estimate
from tests.oracles import direct_cdf, direct_pdf


def layer(atom: bool = False) -> Tensor:
    weights = 0.02 * torch.randn(16, 8, 3, 3) + 0.003
    return weights * (torch.rand_like(weights) > 0.3) if atom else weights


def leaf(value: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("atom", [False, True])
@pytest.mark.parametrize("t", [0.0, 1e-9, 0.004, 0.02, 0.05, 1.0, math.inf])
def test_forward_is_the_exact_count(t: float, atom: bool) -> None:
    weights = layer(atom)
    sparsity = bridge(leaf(t), weights, estimate(weights))
    assert sparsity.item() == sum(abs(w) < t for w in weights.flatten().tolist()) / weights.numel()


@pytest.mark.parametrize("atom", [False, True])
def test_nothing_is_below_zero_and_all_below_infinity(atom: bool) -> None:
    weights = layer(atom)
    density = estimate(weights)
    for through in (lambda t: bridge(t, weights, density), lambda t: smooth_bridge(t, density)):
        assert through(leaf(0.0)).item() == 0.0
        assert through(leaf(-1.0)).item() == 0.0
        assert through(leaf(math.inf)).item() == pytest.approx(1.0, abs=1e-12)
        assert through(leaf(1e-12)).item() == pytest.approx(density.atom, abs=1e-9)


@pytest.mark.parametrize("atom", [False, True])
@pytest.mark.parametrize("t", [0.001, 0.004, 0.02, 0.05])
def test_gradient_is_the_finite_difference_of_the_smoothed_count(t: float, atom: bool) -> None:
    weights = layer(atom)
    density = estimate(weights)
    sample, h, step = weights.double().flatten().numpy(), density.bandwidth, 1e-7
    around = torch.tensor([t - step, t + step, step - t, -step - t], dtype=torch.float64).numpy()
    low, high, right, left = direct_cdf(around, sample, h)
    slope = ((high - left) - (low - right)) / (2 * step)
    threshold = leaf(t)
    bridge(threshold, weights, density).backward()
    peak = direct_pdf(density.grid.numpy(), sample, h).max()
    assert threshold.grad is not None
    assert threshold.grad.item() == pytest.approx(slope, abs=2e-3 * peak)
    assert threshold.grad.item() == density.slope(t).item()


@pytest.mark.parametrize("t", [0.0007, 0.011, 0.03])
def test_smooth_bridge_passes_the_gradient_check(t: float) -> None:
    density = estimate(layer(atom=True))
    assert torch.autograd.gradcheck(lambda x: smooth_bridge(x, density), leaf(t), eps=1e-7, atol=1e-4)


def test_smooth_bridge_follows_the_count() -> None:
    weights = layer()
    density = estimate(weights)
    t = torch.linspace(0.001, 0.1, 40)
    exact = torch.stack([share_below(weights, x) for x in t])
    torch.testing.assert_close(smooth_bridge(t, density), exact, atol=0.02, rtol=0)


def test_no_gradient_reaches_the_weights() -> None:
    weights, threshold = layer().requires_grad_(), leaf(0.02)
    (bridge(threshold, weights, estimate(weights)) ** 2).backward()
    assert weights.grad is None
    assert threshold.grad is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_type_follows_the_threshold_and_the_rule_of_chain_holds(dtype: torch.dtype) -> None:
    weights = layer()
    density, threshold = estimate(weights), leaf(0.02, dtype)
    sparsity = bridge(threshold, weights, density)
    assert sparsity.dtype == dtype
    (3 * sparsity**2).backward()
    expected = 6 * sparsity.detach() * density.slope(threshold.detach())
    torch.testing.assert_close(threshold.grad, expected)


def test_coarse_weights_do_not_round_the_threshold() -> None:
    weights = torch.tensor([1.0], dtype=torch.bfloat16)
    assert share_below(weights, torch.tensor(1.001)).item() == 1.0
    assert share_below(weights, torch.tensor(0.999)).item() == 0.0
