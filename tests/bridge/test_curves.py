"""The curves that are drawn against the estimates and counts they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fcpts_core.bridge import share_below
from fcpts_core.bridge.curves import POINTS, bridge_curves, reach_of
from fcpts_core.density import BANDWIDTHS, estimate
from fcpts_core.errors import InputError


def layer(size: int = 4000) -> torch.Tensor:
    return torch.randn(size) * 0.05


def test_a_binary_search_in_the_magnitudes_is_the_exact_count() -> None:
    weights = layer()
    curves = bridge_curves(weights)
    for t in (0.0, 0.01, 0.05, float(weights.abs()[7]), 1.0):
        counted = np.searchsorted(curves.magnitudes, np.float32(t), side="left")
        assert counted == round(float(share_below(weights, torch.tensor(np.float32(t)))) * weights.numel())


def test_every_rule_has_its_place_and_bandwidths_rise() -> None:
    weights = layer()
    curves = bridge_curves(weights)
    assert {name for curve in curves.smoothed for name in curve.rules} == set(BANDWIDTHS)
    for name, rule in BANDWIDTHS.items():
        assert curves.smoothed[curves.stop_of(name)].bandwidth == pytest.approx(rule(weights))
    bandwidths = [curve.bandwidth for curve in curves.smoothed]
    assert bandwidths == sorted(set(bandwidths))
    assert bandwidths[0] < 0.2 * BANDWIDTHS["silverman"](weights)
    assert bandwidths[-1] > 4 * BANDWIDTHS["silverman"](weights)


def test_lines_between_the_points_are_the_estimate_at_the_bandwidth_of_a_rule() -> None:
    weights = layer()
    curves = bridge_curves(weights)
    chosen = curves.smoothed[curves.stop_of("silverman")]
    density = estimate(weights)
    at = torch.linspace(0.001, float(curves.reach), 777, dtype=torch.float64)
    thresholds = np.linspace(0, curves.reach, POINTS)
    places = np.linspace(-curves.reach, curves.reach, 2 * POINTS - 1)
    assert np.abs(np.interp(at, thresholds, chosen.rate) - density.rate(at).numpy()).max() < 1e-4
    error = np.abs(np.interp(-at, places, chosen.pdf) - density.pdf_at(-at).numpy()).max()
    assert error < 1e-3 * float(density.pdf.max())


def test_an_outlier_does_not_squeeze_the_picture() -> None:
    weights = torch.cat([layer(), torch.tensor([100.0])])
    assert bridge_curves(weights).reach < 1.0


@pytest.mark.parametrize("weights", [torch.zeros(50), torch.full((50,), 0.3), torch.tensor([0.2])])
def test_layers_without_any_spread_can_be_drawn(weights: torch.Tensor) -> None:
    curves = bridge_curves(weights)
    assert curves.reach > 0
    assert all(np.isfinite(curve.pdf).all() and np.isfinite(curve.rate).all() for curve in curves.smoothed)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="no weights"):
        bridge_curves(torch.zeros(0))


def test_the_reach_holds_nearly_all_weights() -> None:
    magnitudes = np.sort(np.abs(layer().double().numpy()))
    assert np.mean(magnitudes <= reach_of(magnitudes)) > 0.998
