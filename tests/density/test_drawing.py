"""Curves to draw keep their mass, come down at both ends, and are not squeezed by outliers."""

from __future__ import annotations

import pytest
import torch

from fcpts_core.density import estimate, resample
from fcpts_core.errors import InputError


def mass(curve: tuple[float, float, tuple[float, ...]]) -> float:
    lo, hi, pdf = curve
    return sum(pdf) * (hi - lo) / (len(pdf) - 1)


@pytest.mark.parametrize("count", [10, 1000, 100_000])
def test_curve_is_the_density_on_fewer_points(count: int) -> None:
    density = estimate(0.02 * torch.randn(count))
    lo, hi, pdf = resample(density, 256)
    x = torch.linspace(lo, hi, 256, dtype=torch.float64)
    peak = density.pdf.max().item()
    assert len(pdf) == 256
    assert max(abs(a - b) for a, b in zip(pdf, density.pdf_at(x).tolist(), strict=True)) < 0.02 * peak
    assert mass((lo, hi, pdf)) == pytest.approx(1.0, abs=2e-3)
    assert max(pdf[0], pdf[-1]) < 0.05 * peak


def test_a_peak_between_two_points_keeps_its_mass() -> None:
    assert mass(resample(estimate(torch.tensor([0.31234]), 1e-6), 64)) == pytest.approx(1.0, abs=2e-3)


def test_outliers_do_not_squeeze_the_rest() -> None:
    weights = torch.randn(10_000)
    lo, hi, _ = resample(estimate(torch.cat([weights, torch.tensor([1e3, -1e4, 1e9])])))
    assert -6 < lo < -3
    assert 3 < hi < 6


def test_zero_is_always_in_sight() -> None:
    lo, hi, _ = resample(estimate(5 + torch.rand(100)))
    assert lo == 0.0
    assert hi > 6


def test_the_atom_is_not_in_the_curve() -> None:
    assert mass(resample(estimate(torch.cat([torch.randn(1000), torch.zeros(3000)])))) == pytest.approx(0.25, abs=1e-3)
    lo, hi, pdf = resample(estimate(torch.zeros(5)), 16)
    assert lo < 0 < hi
    assert pdf == (0.0,) * 16


def test_a_curve_has_at_least_two_points() -> None:
    with pytest.raises(InputError, match="at least 2"):
        resample(estimate(torch.randn(5)), 1)
