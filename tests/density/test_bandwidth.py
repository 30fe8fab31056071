"""Bandwidth rules against their formulas, other implementations, and weights that leave no room for a rule."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from fcpts_core.density import BANDWIDTHS, bandwidth_rule, estimate, isj, scott, silverman
from fcpts_core.errors import InputError
from tests.oracles import botev_bandwidth

RULES = list(BANDWIDTHS.values())


def separate_peaks() -> Tensor:
    return torch.cat([torch.randn(4000) * 0.01 - 0.5, torch.randn(4000) * 0.02 + 0.3])


@pytest.mark.parametrize("count", [2, 3, 10, 1001])
def test_silverman_follows_its_formula(count: int) -> None:
    weights = torch.randn(count).double()
    half, most = stats.iqr(weights.numpy()), stats.iqr(weights.numpy(), rng=(1, 99))
    spread = min(weights.std().item(), max(half / 1.349, most / 9.306))
    assert silverman(weights) == pytest.approx(0.9 * spread * count**-0.2, rel=1e-9)


def test_scott_is_the_normal_reference_rule() -> None:
    weights = torch.randn(1000).double()
    assert scott(weights) == pytest.approx((4 / 3) ** 0.2 * weights.std().item() * 1000**-0.2)


def test_silverman_ignores_outliers_where_scott_does_not() -> None:
    weights = torch.randn(1000)
    spoilt = torch.cat([weights, torch.tensor([1e4, -1e4])])
    assert silverman(spoilt) == pytest.approx(silverman(weights), rel=0.05)
    assert scott(spoilt) > 100 * scott(weights)


def test_silverman_uses_the_deviation_where_nearly_all_weights_are_equal() -> None:
    weights = torch.cat([torch.full((997,), 0.5), torch.randn(3)]).double()
    assert silverman(weights) == pytest.approx(0.9 * weights.std().item() * 1000**-0.2)


@pytest.mark.parametrize("lump", [1e-3, 1e-6, 1e-12])
@pytest.mark.parametrize("share", [0.7, 0.9, 0.95])
def test_a_lump_of_pruned_weights_does_not_decide_on_the_kernels_of_the_others(share: float, lump: float) -> None:
    """Kept weights are at least one deviation away from zero; the pruned ones have begun to learn again."""
    kept = torch.randn(4000).sign() * (1 + torch.randn(4000).abs())
    pruned = torch.randn(round(4000 * share / (1 - share))) * lump
    weights = torch.cat([kept, pruned])
    assert 0.1 < silverman(weights) / silverman(kept) < 1
    assert estimate(weights).far.numel() == 0


@pytest.mark.parametrize("make", [lambda: torch.randn(5000), separate_peaks, lambda: torch.rand(3000).exp()])
def test_isj_agrees_with_a_second_implementation(make: object) -> None:
    weights = make()  # type: ignore[operator]
    assert isj(weights) == pytest.approx(botev_bandwidth(weights.double().numpy()), rel=0.02)


def test_isj_sees_separate_peaks_that_silverman_blurs() -> None:
    weights = separate_peaks()
    assert isj(weights) < 0.01 < silverman(weights)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(torch.tensor([0.1, 0.2]), id="two weights"),
        pytest.param(torch.arange(-4, 5).repeat(1000) / 8, id="nine distinct values"),
    ],
)
def test_isj_falls_back_to_silverman(weights: Tensor) -> None:
    assert isj(weights) == silverman(weights)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [1e-20, 1e-3, 1e6])
def test_rules_scale_with_the_weights(rule: object, factor: float) -> None:
    weights = torch.randn(500).double()
    assert rule(weights * factor) == pytest.approx(factor * rule(weights), rel=1e-3)  # type: ignore[operator]


@pytest.mark.parametrize("rule", RULES)
def test_rules_without_spread(rule: object) -> None:
    assert rule(torch.tensor([-0.5])) == pytest.approx(0.005)  # type: ignore[operator]
    assert rule(torch.full((70,), 0.1)) == pytest.approx(0.001)  # type: ignore[operator]
    assert rule(torch.zeros(4)) == 1.0  # type: ignore[operator]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", range(1, 12))
def test_rules_are_positive_for_few_weights(rule: object, count: int) -> None:
    for _ in range(20):
        bandwidth = rule(torch.randn(count))  # type: ignore[operator]
        assert 0 < bandwidth < math.inf


@pytest.mark.parametrize("number", [0.01, "0.01", "1e-2"])
def test_a_number_is_taken_as_it_is(number: str | float) -> None:
    assert bandwidth_rule(number)(torch.randn(5)) == 0.01


@pytest.mark.parametrize("bad", ["", "silvermann", "0", "-1", "nan", "inf", 0.0, -0.5, math.nan, math.inf, 1e-300])
def test_other_bandwidths_are_refused(bad: str | float) -> None:
    with pytest.raises(InputError, match="expected silverman, scott, isj or a positive number"):
        bandwidth_rule(bad)
