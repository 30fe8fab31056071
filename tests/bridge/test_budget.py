"""A target becomes a number of zeros, or a sentence that says which targets are possible."""

from __future__ import annotations

import re

import pytest

from fcpts_core.bridge import check_target, most_zeros, reachable, zeros_for
from fcpts_core.errors import InputError


def test_zeros_are_rounded() -> None:
    assert zeros_for(0.95, 270_896) == 257_351
    assert [zeros_for(r, 7) for r in (0.0, 0.5, 1.0)] == [0, 4, 7]


def test_reachable_range_takes_caps_and_zeros_into_account() -> None:
    assert reachable([10, 30], [0, 0]) == (0.0, 1.0)
    assert reachable([10, 30], [2, 6]) == (0.2, 1.0)
    assert reachable([10, 30], [0, 0], 0.55) == (0.0, 21 / 40)
    assert most_zeros([10, 30], [8, 0], 0.5) == (8, 15)


def test_reachable_targets_become_zeros() -> None:
    assert check_target(0.9, [10, 30], [0, 0]) == 36
    assert check_target(0.5, [10, 30], [10, 10]) == 20


@pytest.mark.parametrize(("sparsity", "cap"), [(0.9, 0.8), (0.1, 1.0)])
def test_both_ends_of_the_range_in_the_sentence_are_accepted(sparsity: float, cap: float) -> None:
    sizes, already = [1000, 3333, 7], [300, 899, 2]
    with pytest.raises(InputError, match=r"cannot be reached: these layers allow") as refusal:
        check_target(sparsity, sizes, already, cap)
    found = re.search(r"allow ([\d.]+) to ([\d.]+)\.", str(refusal.value))
    assert found is not None
    for end in found.groups():
        check_target(float(end), sizes, already, cap)


@pytest.mark.parametrize("sparsity", [-0.1, 1.5, float("nan")])
def test_shares_outside_of_0_to_1_are_refused(sparsity: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        check_target(sparsity, [10], [0])


@pytest.mark.parametrize("cap", [-0.1, 1.5, float("nan")])
def test_impossible_caps_are_refused(cap: float) -> None:
    with pytest.raises(InputError, match="cap per layer"):
        check_target(0.5, [10], [0], cap)


def test_no_layers_at_all() -> None:
    with pytest.raises(InputError, match="no weights to prune"):
        check_target(0.5, [], [])
