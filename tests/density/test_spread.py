"""Spreads against numpy and scipy, and the histogram's quartiles against sorted ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from fcpts_core.density.spread import SORTED_UP_TO, middle_ranges, standard_deviation

RANDOM = np.random.default_rng(0)
MANY = 2 * SORTED_UP_TO + 1


def ranges(sample: NDArray[np.float64]) -> tuple[float, float]:
    return stats.iqr(sample), stats.iqr(sample, rng=(1, 99))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 10, 101, 1000])
def test_few_weights_are_sorted(count: int) -> None:
    sample = RANDOM.standard_normal(count)
    assert standard_deviation(sample) == pytest.approx(sample.std(ddof=1))
    assert middle_ranges(sample, standard_deviation(sample)) == pytest.approx(ranges(sample), abs=1e-12)


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param(RANDOM.standard_normal(MANY), id="normal"),
        pytest.param(5 + RANDOM.standard_normal(MANY) * 1e-9, id="narrow"),
        pytest.param(RANDOM.exponential(size=MANY), id="skewed"),
        pytest.param(RANDOM.standard_t(3, MANY), id="heavy tails"),
        pytest.param(RANDOM.standard_cauchy(MANY), id="no deviation to speak of"),
        pytest.param(np.append(RANDOM.standard_normal(MANY), 1e9), id="one outlier"),
    ],
)
def test_many_weights_give_nearly_the_same_range(sample: NDArray[np.float64]) -> None:
    expected = ranges(sample)
    found = middle_ranges(sample, standard_deviation(sample))
    assert found[0] == pytest.approx(expected[0], rel=1e-3)
    assert found[1] == pytest.approx(expected[1], rel=2e-3)


@pytest.mark.parametrize("share", [0.25, 0.2501, 0.4, 0.6])
def test_lumps_stay_within_two_bins(share: float) -> None:
    sample = np.where(np.arange(MANY) < share * MANY, -1.0, 1.0 + 1e-3 * RANDOM.standard_normal(MANY))
    assert middle_ranges(sample, standard_deviation(sample)) == pytest.approx(ranges(sample), rel=0.02)


def test_equal_weights_have_no_spread() -> None:
    for sample in (np.array([0.3]), np.full(70, 0.1), np.full(MANY, 0.1), np.zeros(5)):
        assert standard_deviation(sample) == 0.0
        assert middle_ranges(sample, 0.0) == (0.0, 0.0)
