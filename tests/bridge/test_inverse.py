"""Thresholds found from a sparsity prune exactly as many weights as asked, ties aside."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fcpts_core.bridge import threshold_for, threshold_for_count
from fcpts_core.errors import InputError

numbers = st.floats(-2, 2, width=32, allow_subnormal=False) | st.sampled_from([0.0, 0.5, -0.5])


def below(weights: Tensor, threshold: float) -> int:
    return int((weights.abs() < threshold).sum())


@given(st.lists(numbers, min_size=1, max_size=30), st.data())
def test_count_is_exact_but_for_ties(values: list[float], data: st.DataObject) -> None:
    weights = torch.tensor(values)
    k = data.draw(st.integers(0, len(values)))
    ordered = sorted(weights.abs().tolist())
    threshold = threshold_for_count(weights.abs(), k)
    if 0 < k < len(values) and ordered[k - 1] == ordered[k]:
        assert threshold == ordered[k]
        assert below(weights, threshold) == ordered.index(ordered[k])
    else:
        assert below(weights, threshold) == k


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.95, 1.0])
def test_every_type_keeps_the_count(dtype: torch.dtype, sparsity: float) -> None:
    weights = (torch.randperm(100) / 64 + 1).to(dtype)
    assert below(weights, threshold_for(weights, sparsity)) == round(100 * sparsity)


def test_threshold_lies_midway() -> None:
    weights = torch.tensor([[-1.0, 2.0], [4.0, -8.0]])
    assert [threshold_for(weights, r) for r in (0, 0.25, 0.5, 0.75)] == [0.5, 1.5, 3.0, 6.0]
    assert threshold_for(weights, 1.0) == pytest.approx(8.08)


def test_neighbouring_numbers_are_still_told_apart() -> None:
    one = torch.tensor(1.0)
    weights = torch.stack([one, torch.nextafter(one, 2 * one)])
    assert below(weights, threshold_for(weights, 0.5)) == 1


def test_all_zero_layer() -> None:
    weights = torch.zeros(4)
    assert below(weights, threshold_for(weights, 0.0)) == 0
    assert below(weights, threshold_for(weights, 1.0)) == 4


def test_large_layer_agrees_with_a_full_sort() -> None:
    weights = torch.randn(100_000)
    ordered = weights.abs().sort().values.double()
    assert threshold_for(weights, 0.9) == pytest.approx(ordered[89_999:90_001].mean().item(), rel=1e-7)


@pytest.mark.parametrize("sparsity", [-0.1, 1.1, float("nan")])
def test_impossible_sparsities_are_refused(sparsity: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        threshold_for(torch.randn(5), sparsity)


@pytest.mark.parametrize("k", [-1, 6])
def test_impossible_counts_are_refused(k: int) -> None:
    with pytest.raises(InputError, match="a layer of 5 weights"):
        threshold_for_count(torch.rand(5), k)
