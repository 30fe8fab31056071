"""Backward passes against their formulas, written out weight by weight, and against what they stand for."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fcpts_core.density import estimate
from fcpts_core.masks.estimators import ESTIMATORS, kernel

WEIGHTS = [0.9, -0.5, 0.3, -0.3, 0.29, 0.0, -0.04, 0.6, -1.7]
GRADIENT = [1.0, -2.0, 0.5, 3.0, -1.0, 4.0, 0.25, 0.0, 2.0]
CURVATURE = [0.5, 1.0, 2.0, 0.25, 4.0, 1.0, 3.0, 1.0, 0.125]
THRESHOLD, BANDWIDTH = 0.3, 0.2


def gaussian(u: float) -> float:
    return math.exp(-(u**2) / (2 * BANDWIDTH**2)) / (BANDWIDTH * math.sqrt(2 * math.pi))


def swept(w: float) -> float:
    return gaussian(w - THRESHOLD) + gaussian(w + THRESHOLD)


def boxed(w: float) -> float:
    return 0.5 if abs(abs(w) - THRESHOLD) < 1 else 0.0


def kept(w: float) -> float:
    return 1.0 if abs(w) >= THRESHOLD else 0.0


TO_WEIGHT: dict[str, Callable[[float, float], float]] = {
    "none": lambda w, g: g * kept(w),
    "box": lambda w, g: g * (kept(w) + abs(w) * boxed(w)),
    "window": lambda w, g: g,
    "curvature": lambda w, g: g,
}
TO_THRESHOLD: dict[str, Callable[[float, float, float], float]] = {
    "none": lambda w, g, f: 0.0,
    "box": lambda w, g, f: -g * w * boxed(w),
    "window": lambda w, g, f: -g * w * swept(w),
    "curvature": lambda w, g, f: f * w**2 / 2 * swept(w),
}


def backward(name: str, weights: Tensor, threshold: float, bandwidth: float, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients for the weights and the threshold when `grad` comes back; the curvature repeats itself."""
    weights = weights.clone().requires_grad_()
    t = torch.tensor(threshold, dtype=weights.dtype, requires_grad=True)
    curvature = torch.tensor(CURVATURE, dtype=weights.dtype).repeat(len(weights))[: len(weights)]
    ESTIMATORS[name](weights, t, bandwidth, curvature).backward(grad)
    assert weights.grad is not None
    return weights.grad, torch.zeros(()) if t.grad is None else t.grad


@pytest.mark.parametrize("name", ESTIMATORS)
def test_backward_is_the_formula(name: str) -> None:
    weights, grad = torch.tensor(WEIGHTS, dtype=torch.float64), torch.tensor(GRADIENT, dtype=torch.float64)
    to_weights, to_threshold = backward(name, weights, THRESHOLD, BANDWIDTH, grad)
    assert to_weights.tolist() == pytest.approx([TO_WEIGHT[name](w, g) for w, g in zip(WEIGHTS, GRADIENT, strict=True)])
    assert to_threshold.item() == pytest.approx(
        sum(TO_THRESHOLD[name](w, g, f) for w, g, f in zip(WEIGHTS, GRADIENT, CURVATURE, strict=True))
    )


def test_every_estimator_has_its_formula_here() -> None:
    assert TO_WEIGHT.keys() == TO_THRESHOLD.keys() == ESTIMATORS.keys()


@pytest.mark.parametrize("t", [0.01, 0.1, 0.3, 1.0, 2.5])
def test_window_is_the_slope_of_the_smoothed_mask(t: float) -> None:
    """For a linear loss `sum g v`, with the chance that `|w + h e| >= t` in place of the mask."""
    weights, grad = torch.randn(200, dtype=torch.float64), torch.randn(200, dtype=torch.float64)
    h, step = 0.15, 1e-5

    def loss(threshold: float) -> float:
        chance = torch.special.ndtr((weights - threshold) / h) + torch.special.ndtr((-weights - threshold) / h)
        return float((grad * weights * chance).sum())

    _, slope = backward("window", weights, t, h, grad)
    assert slope.item() == pytest.approx((loss(t + step) - loss(t - step)) / (2 * step), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("t", [1e-4, 0.05, 0.2, 0.7, 2.0])
@pytest.mark.parametrize("zeros", [0, 150])
def test_window_counts_weights_as_the_bridge_does(t: float, zeros: int) -> None:
    """The loss "number of weights kept" has `g w = 1`: its slope is minus what the bridge says, `n dr/dt`."""
    weights = 0.5 * torch.randn(500, dtype=torch.float64)
    weights[:zeros] = 0
    density = estimate(weights)
    grad = torch.where(weights == 0, torch.zeros_like(weights), 1 / weights)
    _, slope = backward("window", weights, t, density.bandwidth, grad)
    peak = float(density.pdf.max())
    assert -slope.item() / 500 == pytest.approx(density.slope(t).item(), abs=2e-3 * peak)


def test_the_kernel_is_a_density_of_that_width() -> None:
    x = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    k = kernel(x, 0.2)
    assert torch.trapezoid(k, x).item() == pytest.approx(1)
    assert torch.trapezoid(k * x**2, x).item() == pytest.approx(0.2**2)


def test_curvature_is_the_second_order_loss_of_what_is_swept_over() -> None:
    """All weights at one place: `n dr/dt` of them per unit, each costing `f w^2 / 2`."""
    weights = torch.full((9,), 0.4, dtype=torch.float64)
    _, slope = backward("curvature", weights, 0.4, 0.05, torch.zeros(9, dtype=torch.float64))
    each = [f * 0.4**2 / 2 for f in CURVATURE]
    assert slope.item() == pytest.approx(sum(each) / (0.05 * math.sqrt(2 * math.pi)))
