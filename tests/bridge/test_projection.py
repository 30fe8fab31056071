"""The projection against a walk down the ranking, and the promises a sparse model is built on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fcpts_core.bridge import most_zeros, project, project_counts
from fcpts_core.errors import InputError
from tests.oracles import pruned_by_ranking

numbers = st.sampled_from([0.0, 0.25, -0.25, 0.5, 1.0]) | st.floats(-2, 2, width=32, allow_subnormal=False)
rows = st.lists(st.lists(numbers, min_size=1, max_size=12), min_size=1, max_size=5)
scales = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(1e-6, 1e6, allow_subnormal=False)


def already_zero(row: Sequence[float]) -> int:
    return sum(value == 0 for value in row)


@given(rows, st.sampled_from([1.0, 0.9, 0.5, 0.0]), st.data())
def test_agrees_with_a_walk_down_the_ranking(layers: list[list[float]], cap: float, data: st.DataObject) -> None:
    thresholds = data.draw(st.lists(scales, min_size=len(layers), max_size=len(layers)))
    lowest = sum(map(already_zero, layers))
    highest = sum(most_zeros(list(map(len, layers)), list(map(already_zero, layers)), cap))
    zeros = data.draw(st.integers(lowest, highest))
    weights = [torch.tensor(row) for row in layers]
    projection = project(weights, thresholds, zeros, cap)
    expected = pruned_by_ranking(layers, thresholds, zeros, cap)
    assert [(~mask).tolist() for mask in projection.masks] == expected
    for tensor, mask, threshold in zip(weights, projection.masks, projection.thresholds, strict=True):
        assert mask.dtype == torch.bool
        assert not (tensor[mask] == 0).any()
        assert_separates(tensor, mask, threshold)


def assert_separates(weights: Tensor, mask: Tensor, threshold: float) -> None:
    """`|w| < threshold` is the mask, unless equal magnitudes lie on both of its sides."""
    magnitudes = weights.abs()
    if mask.all() or not mask.any() or magnitudes[~mask].max() < magnitudes[mask].min():
        assert torch.equal(magnitudes < threshold, ~mask)
    else:
        assert threshold == magnitudes[mask].min()


def network() -> list[Tensor]:
    return [0.1 * torch.randn(16, 3, 3, 3), 0.02 * torch.randn(32, 16, 3, 3), 0.5 * torch.randn(10, 32)]


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_count_is_exact_in_every_type(sparsity: float, dtype: torch.dtype) -> None:
    weights = [tensor.to(dtype) for tensor in network()]
    zeros = round(sparsity * sum(tensor.numel() for tensor in weights))
    masks = project(weights, [0.1, 0.03, 0.4], zeros).masks
    assert sum(int((~mask).sum()) for mask in masks) == zeros
    assert [mask.shape for mask in masks] == [tensor.shape for tensor in weights]


def test_one_factor_scales_all_thresholds() -> None:
    weights, thresholds = network(), torch.tensor([0.1, 0.03, 0.4], requires_grad=True)
    projection = project(weights, thresholds, 3000)
    for threshold, given_threshold in zip(projection.thresholds, thresholds.tolist(), strict=True):
        assert threshold == pytest.approx(projection.scale * given_threshold, rel=1e-6)
    for tensor, mask, threshold in zip(weights, projection.masks, projection.thresholds, strict=True):
        assert torch.equal(tensor.abs() >= threshold, mask)


def test_thresholds_already_right_are_left_about_alone() -> None:
    weights, thresholds = network(), [0.1, 0.03, 0.4]
    zeros = sum(int((tensor.abs() < t).sum()) for tensor, t in zip(weights, thresholds, strict=True))
    projection = project(weights, thresholds, zeros)
    assert projection.scale == pytest.approx(1.0, abs=0.02)
    for tensor, t, mask in zip(weights, thresholds, projection.masks, strict=True):
        assert torch.equal(tensor.abs() >= t, mask)


def test_a_capped_layer_hands_its_excess_to_the_others() -> None:
    weights = network()
    masks = project(weights, [10.0, 0.03, 0.4], 4000, layer_cap=0.8).masks
    assert int((~masks[0]).sum()) == math.floor(0.8 * 432)
    assert sum(int((~mask).sum()) for mask in masks) == 4000


def test_layer_with_threshold_zero_is_pruned_last() -> None:
    weights = [torch.tensor([1e-30, 2e-30, 0.0, 1.0]), torch.tensor([5.0, 1e6])]
    assert [mask.tolist() for mask in project(weights, [0.0, 1e-3], 3).masks] == [
        [True, True, False, True],
        [False, False],
    ]
    assert project(weights, [0.0, 1e-3], 4).masks[0].tolist() == [False, True, False, True]


def test_ties_go_by_layer_then_index() -> None:
    weights = [torch.ones(3), -torch.ones(3)]
    assert [mask.tolist() for mask in project(weights, [1.0, 1.0], 4).masks] == [[False] * 3, [False, True, True]]


def test_same_weights_same_masks_in_any_memory_layout() -> None:
    weights = network()
    turned = [tensor.transpose(0, 1).contiguous().transpose(0, 1) for tensor in weights]
    for mask, again in zip(
        project(weights, [1, 1, 1], 2500).masks, project(turned, [1, 1, 1], 2500).masks, strict=True
    ):
        assert torch.equal(mask, again)


def test_weights_are_not_written_to() -> None:
    weights = [tensor.double() for tensor in network()]
    before = [tensor.clone() for tensor in weights]
    project(weights, [1.0, 1.0, 1.0], 2500, 0.9)
    assert all(map(torch.equal, weights, before))


@given(rows, st.data())
def test_fixed_counts_are_met_in_every_layer(layers: list[list[float]], data: st.DataObject) -> None:
    counts = [data.draw(st.integers(already_zero(row), len(row))) for row in layers]
    masks = project_counts([torch.tensor(row) for row in layers], counts)
    for row, count, mask in zip(layers, counts, masks, strict=True):
        assert [(~mask).tolist()] == pruned_by_ranking([row], [1.0], count)


@pytest.mark.parametrize("count", [0, 5])
def test_fixed_counts_that_cannot_be_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=r"1 of which are zero already: expected 1 to 4"):
        project_counts([torch.tensor([0.0, 1.0, 2.0, 3.0])], [count])


def test_what_cannot_be_is_refused() -> None:
    weights = [torch.tensor([0.0, 0.0, 1.0, 2.0])]
    with pytest.raises(InputError, match=r"these layers allow 0\.5 to 1\."):
        project(weights, [1.0], 1)
    with pytest.raises(InputError, match=r"these layers allow 0\.5 to 0\.75\."):
        project(weights, [1.0], 4, layer_cap=0.75)
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="0 or larger"):
            project(weights, [bad], 3)
    with pytest.raises(InputError, match="NaN"):
        project([torch.tensor([1.0, math.nan])], [1.0], 1)
