"""Every threshold can be reached, by assignment and by gradient steps, on its layer's own scale."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fcpts_core.bridge import Threshold, UnitThreshold, layer_scale
from fcpts_core.errors import InputError


@pytest.mark.parametrize("scale", [1e-8, 0.02, 1.0, 1e6])
@pytest.mark.parametrize("ratio", [1e-25, 1e-9, 1e-3, 0.5, 1.0, 3.0, 40.0, 1e5, 1e20])
def test_value_survives_the_round_trip(ratio: float, scale: float) -> None:
    assert Threshold.from_value(ratio * scale, scale).value == pytest.approx(ratio * scale, rel=1e-5)
    assert Threshold.from_value(ratio * scale, scale, torch.float64).value == pytest.approx(ratio * scale, rel=1e-12)


@pytest.mark.parametrize("ratio", [1e-25, 1e-3, 0.5, 3.0, 1e5])
def test_gradient_is_the_documented_one(ratio: float) -> None:
    threshold = Threshold.from_value(0.02 * ratio, 0.02, torch.float64)
    threshold().backward()
    assert threshold.theta.grad is not None
    assert threshold.theta.grad.item() == pytest.approx(-0.02 * math.expm1(-ratio), rel=1e-9)


def test_gradient_check() -> None:
    threshold = Threshold.from_value(0.013, 0.02, torch.float64)
    assert torch.autograd.gradcheck(
        lambda theta: torch.func.functional_call(threshold, {"theta": theta}), threshold.theta
    )


@pytest.mark.parametrize("target", [1e-4, 0.03, 0.5])
def test_gradient_steps_lead_anywhere(target: float) -> None:
    threshold = Threshold.from_value(0.02, 0.02)
    optimiser = torch.optim.Adam(threshold.parameters(), lr=0.5)
    for _ in range(1500):
        optimiser.zero_grad()
        ((threshold() / target).log() ** 2).backward()
        optimiser.step()
    assert threshold.value == pytest.approx(target, rel=1e-2)


def test_zero_becomes_tiny_but_positive() -> None:
    threshold = Threshold.from_value(0.0, 0.02)
    assert 0 < threshold.value < 1e-30
    threshold().backward()
    assert threshold.theta.grad is not None
    assert threshold.theta.grad > 0


def test_assigning_keeps_the_parameter() -> None:
    threshold = Threshold.from_value(0.1, 0.02)
    theta = threshold.theta
    threshold.assign(0.7)
    assert threshold.theta is theta
    assert threshold.value == pytest.approx(0.7)


def test_it_lives_in_a_parametrization_and_comes_off() -> None:
    class Soft(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.threshold = Threshold.from_value(0.1, 0.2)

        def forward(self, weight: Tensor) -> Tensor:
            return weight * torch.sigmoid(weight.abs() - self.threshold())

    layer = nn.Linear(4, 3)
    parametrize.register_parametrization(layer, "weight", Soft())
    layer(torch.randn(2, 4)).sum().backward()
    assert layer.get_parameter("parametrizations.weight.0.threshold.theta").grad is not None
    assert "parametrizations.weight.0.threshold.scale" in layer.state_dict()
    parametrize.remove_parametrizations(layer, "weight")
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_scale_is_the_mean_magnitude_and_never_zero() -> None:
    assert layer_scale(torch.tensor([[1.0, -3.0], [0.0, 4.0]])) == 2.0
    assert layer_scale(torch.full((9,), -0.3, dtype=torch.float16)) == pytest.approx(0.3, rel=1e-3)
    assert layer_scale(torch.zeros(5)) == 1.0


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_impossible_thresholds_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="0 or larger"):
        Threshold.from_value(value, 1.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_impossible_scales_are_refused(scale: float) -> None:
    with pytest.raises(InputError, match="positive"):
        Threshold(0.0, scale)


@pytest.mark.parametrize("value", [1e-4, 0.05, 0.5, 0.99])
def test_the_cage_of_the_released_code_starts_where_it_is_told(value: float) -> None:
    assert UnitThreshold.from_value(value, scale=7.0).value == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, 30.0])
def test_the_cage_of_the_released_code_keeps_a_threshold_and_its_gradient_between_0_and_1(value: float) -> None:
    threshold = UnitThreshold.from_value(value, scale=1.0)
    assert 0 < threshold.value < 1
    threshold().backward()
    assert threshold.theta.grad is not None
    assert threshold.theta.grad.item() == pytest.approx(threshold.value * (1 - threshold.value), rel=1e-3)
