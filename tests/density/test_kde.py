"""The density against a direct sum and against scipy, and the properties that make it one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde
from torch import Tensor

from fcpts_core.density import BANDWIDTHS, Density, estimate
from fcpts_core.errors import InputError
from tests.oracles import direct_cdf, direct_pdf

CASES = {
    "one weight": lambda: torch.tensor([0.3]),
    "two weights": lambda: torch.tensor([-0.1, 0.4]),
    "ten weights": lambda: torch.randn(10),
    "normal": lambda: 0.02 * torch.randn(3000),
    "far from zero": lambda: 1000 + torch.randn(500).double(),
    "constant": lambda: torch.full((20,), 0.7),
    "skewed": lambda: torch.rand(2000).exp(),
    "heavy tails": lambda: torch.distributions.Cauchy(0.0, 0.01).sample((2000,)),
    "outliers": lambda: torch.cat([torch.randn(500), torch.tensor([1e5, -1e7, 1e7, 1e7])]),
    "two scales": lambda: torch.cat([1e-6 * torch.randn(700), 1e3 + 1e-6 * torch.randn(200)]),
    "half zero": lambda: torch.randn(400) * (torch.rand(400) > 0.5),
}

# A number is in units of the largest weight: single precision tells no finer weights apart than 1e-7 of that.
magnitudes = st.floats(1e-3, 10) | st.floats(1e-8, 1e8)
layers = st.lists(
    st.builds(math.copysign, magnitudes, st.sampled_from([1.0, -1.0])) | st.just(0.0), min_size=1, max_size=40
)


def positions(weights: Tensor, density: Density) -> Tensor:
    """Where to compare: all over the grid, at and between the weights, and outside of everything."""
    near = density.grid[0] + (density.grid[-1] - density.grid[0]) * torch.linspace(-0.1, 1.1, 997, dtype=torch.float64)
    at = weights.double().reshape(-1)[:200]
    h = density.bandwidth
    return torch.cat([near, at, at + 0.513 * h, at - 1.487 * h, torch.tensor([0.0, -1e9, 1e9], dtype=torch.float64)])


def assert_agrees_with_direct_sum(weights: Tensor, density: Density) -> None:
    sample = weights.double().reshape(-1).numpy()
    x = positions(weights, density)
    pdf, cdf = (oracle(x.numpy(), sample, density.bandwidth) for oracle in (direct_pdf, direct_cdf))
    np.testing.assert_allclose(density.pdf_at(x).numpy(), pdf, atol=1e-3 * pdf.max(), rtol=0)
    np.testing.assert_allclose(density.cdf_at(x).numpy(), cdf, atol=1e-3, rtol=0)


@pytest.mark.parametrize("rule", BANDWIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_direct_sum(case: str, rule: str) -> None:
    weights = CASES[case]()
    assert_agrees_with_direct_sum(weights, estimate(weights, rule))


@given(layers, st.sampled_from(sorted(BANDWIDTHS)) | st.floats(1e-6, 1e3))
def test_agrees_with_the_direct_sum_whatever_the_weights(values: list[float], bandwidth: str | float) -> None:
    weights = torch.tensor(values, dtype=torch.float64)
    largest = weights.abs().max().item() or 1.0
    density = estimate(weights, bandwidth if isinstance(bandwidth, str) else bandwidth * largest)
    assert_agrees_with_direct_sum(weights, density)
    assert density.atom == pytest.approx(values.count(0.0) / len(values))


@pytest.mark.parametrize("rule", BANDWIDTHS)
@pytest.mark.parametrize("case", ["ten weights", "normal", "skewed", "heavy tails"])
def test_agrees_with_scipy(case: str, rule: str) -> None:
    weights = CASES[case]().double()
    density = estimate(weights, rule)
    scipy = gaussian_kde(weights.numpy(), bw_method=density.bandwidth / weights.std().item())
    x = np.linspace(weights.min().item(), weights.max().item(), 1999)
    pdf = scipy(x)
    np.testing.assert_allclose(density.pdf_at(torch.from_numpy(x)).numpy(), pdf, atol=1e-3 * pdf.max(), rtol=0)


@pytest.mark.parametrize("case", ["one weight", "ten weights", "normal", "skewed", "half zero"])
def test_mass_is_one_less_the_atom(case: str) -> None:
    density = estimate(CASES[case]())
    assert torch.trapezoid(density.pdf, density.grid).item() == pytest.approx(1 - density.atom, abs=1e-12)
    assert density.cdf[-1].item() == pytest.approx(1 - density.atom, abs=1e-12)
    assert density.pdf.min() >= 0
    assert density.cdf.diff().min() >= 0
    torch.testing.assert_close(density.grid.diff(), torch.full_like(density.grid[1:], density.spacing))


@pytest.mark.parametrize("case", CASES)
def test_outside_of_all_weights_there_is_nothing(case: str) -> None:
    density = estimate(CASES[case]())
    x = torch.tensor([-math.inf, -1e12, 1e12, math.inf], dtype=torch.float64)
    assert density.pdf_at(x).tolist() == [0, 0, 0, 0]
    expected = torch.tensor([0, 0, 1, 1], dtype=torch.float64) * (1 - density.atom)
    torch.testing.assert_close(density.cdf_at(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("case", ["normal", "half zero", "outliers"])
def test_cdf_has_the_density_as_its_gradient(case: str) -> None:
    density = estimate(CASES[case]())
    x = (0.9 * torch.randn(50, dtype=torch.float64) * density.bandwidth * 5).requires_grad_()
    (gradient,) = torch.autograd.grad(density.cdf_at(x).sum(), x)
    torch.testing.assert_close(gradient, density.pdf_at(x.detach()), rtol=1e-9, atol=1e-12)


def test_slope_and_rate_are_read_off_the_curve() -> None:
    density = estimate(torch.randn(300) + 0.4)
    t = torch.linspace(0.01, 3, 50, dtype=torch.float64)
    torch.testing.assert_close(density.slope(t), density.pdf_at(t) + density.pdf_at(-t))
    torch.testing.assert_close(density.rate(t), density.cdf_at(t) - density.cdf_at(-t))
    step = 1e-6
    torch.testing.assert_close(
        density.slope(t), (density.rate(t + step) - density.rate(t - step)) / (2 * step), rtol=1e-3, atol=1e-5
    )


def test_rate_counts_the_atom_above_zero_only() -> None:
    density = estimate(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    assert density.atom == 0.75
    assert density.rate(torch.tensor([-1.0, 0.0, 1e-6, math.inf])).tolist() == pytest.approx([0, 0, 0.75, 1], abs=1e-6)


def test_zeros_do_not_smear_into_the_curve() -> None:
    weights = torch.randn(500)
    alone, among_zeros = estimate(weights), estimate(torch.cat([weights, torch.zeros(1500)]))
    assert among_zeros.bandwidth == alone.bandwidth
    torch.testing.assert_close(among_zeros.pdf, 0.25 * alone.pdf)


@pytest.mark.parametrize("bandwidth", [*BANDWIDTHS, 0.1])
def test_all_zero_layer_is_all_atom(bandwidth: str | float) -> None:
    density = estimate(torch.zeros(3, 3), bandwidth)
    assert density.atom == 1.0
    assert density.pdf_at(torch.linspace(-2, 2, 9)).count_nonzero() == 0
    assert density.rate(0.1).item() == 1.0
    assert density.slope(0.1).item() == 0.0
    assert 0 < density.bandwidth < math.inf


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_type_and_shape_is_taken(dtype: torch.dtype) -> None:
    weights = torch.randn(4, 3, 5, 5).to(dtype).requires_grad_()
    density, plain = estimate(weights), estimate(weights.detach().double().flatten())
    assert density.count == 300
    assert density.pdf.dtype == density.cdf.dtype == density.grid.dtype == torch.float64
    torch.testing.assert_close(density.pdf, plain.pdf, rtol=0, atol=0)


def test_answers_come_in_the_form_of_the_question() -> None:
    density = estimate(torch.randn(100))
    x = torch.randn(2, 3)
    for answer in (density.pdf_at(x), density.cdf_at(x), density.slope(x), density.rate(x)):
        assert answer.shape == x.shape
        assert answer.dtype == x.dtype
    assert density.pdf_at(0.5).dtype == torch.float64
    assert density.pdf_at(torch.tensor(math.nan)).isnan()
    assert density.rate(torch.tensor(math.nan)).isnan()


def test_points_are_a_lower_bound() -> None:
    weights = torch.randn(100)
    assert estimate(weights, points=10_000).grid.numel() >= 10_000
    assert estimate(weights, points=3).grid.numel() == estimate(weights).grid.numel()


def test_same_weights_same_bits() -> None:
    weights = torch.randn(200_000)
    first, second = estimate(weights), estimate(weights.clone())
    assert torch.equal(first.pdf, second.pdf)
    assert torch.equal(first.cdf, second.cdf)


def test_estimating_leaves_the_weights_alone() -> None:
    weights = torch.randn(100, dtype=torch.float64)
    before = weights.clone()
    estimate(weights, "isj")
    assert torch.equal(weights, before)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused(bad: float) -> None:
    weights = torch.randn(10)
    weights[3] = bad
    with pytest.raises(InputError, match="NaN, infinite"):
        estimate(weights)


def test_other_useless_weights_are_refused() -> None:
    with pytest.raises(InputError, match="expected at least one"):
        estimate(torch.zeros(0))
    with pytest.raises(InputError, match="expected floating point"):
        estimate(torch.arange(5))
    with pytest.raises(InputError, match="bandwidth"):
        estimate(torch.randn(5), "wide")
