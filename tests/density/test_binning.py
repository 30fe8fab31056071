"""Linear binning by its definition; grids fine and wide enough for their bandwidth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcpts_core.density.binning import MOST_POINTS, POINTS_PER_BANDWIDTH, TAIL, Grid, bin_linearly


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_masses_follow_the_definition(values: list[float]) -> None:
    weights, grid = np.array(values), Grid(-1.5, 0.05, 64)
    distance = np.abs(weights[:, None] - grid.nodes()[None, :]) / grid.spacing
    np.testing.assert_allclose(bin_linearly(weights, grid), np.maximum(0, 1 - distance).sum(axis=0), atol=1e-9)


def test_mass_and_mean_are_exact_over_many_blocks() -> None:
    weights = np.random.default_rng(0).standard_normal(200_000)
    grid = Grid.over(weights, 0.1)
    masses = bin_linearly(weights, grid)
    assert masses.sum() == pytest.approx(weights.size, rel=1e-12)
    assert masses @ grid.nodes() / weights.size == pytest.approx(weights.mean(), abs=1e-12)


@pytest.mark.parametrize(("bandwidth", "points"), [(2e-3, 2), (0.1, 2), (50.0, 2), (0.1, 5000)])
def test_grid_is_fine_and_wide_enough(bandwidth: float, points: int) -> None:
    weights = np.random.default_rng(0).standard_normal(100)
    grid = Grid.over(weights, bandwidth, points)
    assert grid.spacing <= bandwidth / POINTS_PER_BANDWIDTH
    assert grid.points >= points
    assert grid.lo == pytest.approx(weights.min() - TAIL * bandwidth)
    assert grid.hi == pytest.approx(weights.max() + TAIL * bandwidth)
    near, far = grid.split(weights, bandwidth)
    assert near.size == weights.size
    assert far.size == 0


def test_far_outliers_are_left_out_of_the_grid() -> None:
    weights = np.append(np.random.default_rng(0).standard_normal(100), [1e9, -1e7])
    grid = Grid.over(weights, 0.1)
    near, far = grid.split(weights, 0.1)
    assert grid.points == MOST_POINTS
    np.testing.assert_array_equal(near, weights[:100])
    np.testing.assert_array_equal(far, weights[100:])
    assert grid.lo + TAIL * 0.1 <= near.min()
    assert near.max() <= grid.hi - TAIL * 0.1
