"""Kernels by their definition, the filter against the plain convolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fcpts_core.density.kernel import direct_sum, gaussian, gaussian_cdf, smooth
from tests.oracles import direct_cdf, direct_pdf


def test_kernel_integrates_to_one_with_unit_variance() -> None:
    u = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    assert torch.trapezoid(gaussian(u), u).item() == pytest.approx(1.0, abs=1e-12)
    assert torch.trapezoid(gaussian(u) * u.square(), u).item() == pytest.approx(1.0, abs=1e-12)


def test_kernel_is_the_derivative_of_its_cdf() -> None:
    u = torch.linspace(-6, 6, 101, dtype=torch.float64)
    difference = (gaussian_cdf(u + 1e-5) - gaussian_cdf(u - 1e-5)) / 2e-5
    torch.testing.assert_close(gaussian(u), difference, atol=1e-9, rtol=0)


def test_direct_sum_runs_over_all_blocks() -> None:
    weights = torch.randn(40_000, dtype=torch.float64)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    pdf = direct_sum(gaussian, x, weights, 0.1) / (0.1 * weights.numel())
    cdf = direct_sum(gaussian_cdf, x, weights, 0.1) / weights.numel()
    np.testing.assert_allclose(pdf.numpy(), direct_pdf(x.numpy(), weights.numpy(), 0.1), rtol=1e-12)
    np.testing.assert_allclose(cdf.numpy(), direct_cdf(x.numpy(), weights.numpy(), 0.1), rtol=1e-12)


def test_smooth_is_the_convolution_and_keeps_the_mass() -> None:
    masses = np.zeros(512)
    masses[200:300] = np.random.default_rng(0).random(100)
    at = np.arange(512)
    kernel = np.exp(-0.5 * np.square((at[:, None] - at[None, :]) / 7.0)) / (7.0 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(smooth(masses, 7.0), kernel @ masses, atol=1e-12)
    assert smooth(masses, 7.0).sum() == pytest.approx(masses.sum(), rel=1e-12)
    assert smooth(masses, 7.0).min() >= 0
