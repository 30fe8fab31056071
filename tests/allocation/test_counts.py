"""The budget: bounds of every layer, and whole zeros that add up whatever was wished for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fcpts_core.allocation.counts import Budget, fill
from fcpts_core.errors import InputError


def counts(budget: Budget, sparsities: tuple[float, ...]) -> list[int]:
    return [round(share * size) for share, size in zip(sparsities, budget.sizes, strict=True)]


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    sizes = draw(st.lists(st.integers(1, 50), min_size=1, max_size=6))
    floors = [draw(st.integers(0, size)) for size in sizes]
    ceilings = [draw(st.integers(floor, size)) for floor, size in zip(floors, sizes, strict=True)]
    return Budget(tuple(sizes), tuple(floors), tuple(ceilings), draw(st.integers(sum(floors), sum(ceilings))))


def test_a_budget_counts_what_is_zero_already() -> None:
    weights = [torch.tensor([0.0, 1.0, -0.0, 2.0]), torch.ones(2, 3)]
    assert Budget.of(weights, 0.4, 0.4) == Budget((4, 6), (2, 0), (2, 2), 4)
    assert Budget.of(weights, 0.5) == Budget((4, 6), (2, 0), (4, 6), 5)


@pytest.mark.parametrize(("sparsity", "cap"), [(0.1, 1.0), (0.5, 0.4)], ids=["below the floor", "above the caps"])
def test_a_target_out_of_reach_is_refused_with_the_range(sparsity: float, cap: float) -> None:
    weights = [torch.tensor([0.0, 1.0, -0.0, 2.0]), torch.ones(2, 3)]
    with pytest.raises(InputError, match=r"cannot be reached: these layers allow 0\.2 to"):
        Budget.of(weights, sparsity, cap)


def test_a_budget_beyond_its_own_bounds_does_not_exist() -> None:
    for zeros in (1, 6):
        with pytest.raises(ValueError, match=f"{zeros} zeros lie outside of 2 to 5"):
            Budget((4, 4), (2, 0), (4, 1), zeros)


@given(budgets(), st.lists(st.floats(0, 100), min_size=6, max_size=6))
def test_fill_ends_within_the_bounds_and_at_the_weight(budget: Budget, speeds: list[float]) -> None:
    """Wishes that grow at any speed, some of them not at all, as long as all of them arrive."""

    def wish(scale: float) -> list[float]:
        return [size if scale == 1 else speed * scale for size, speed in zip(budget.sizes, speeds, strict=False)]

    found = counts(budget, fill(budget, wish))
    assert sum(found) == budget.zeros
    assert all(low <= count <= high for low, count, high in zip(budget.floors, found, budget.ceilings, strict=True))


def test_what_remains_goes_to_the_largest_remainders_then_to_the_earlier_layers() -> None:
    """Remainders of a third each, whatever the floating point scale makes of them, then one of a half."""
    thirds = Budget((1, 4, 7), (0, 0, 0), (1, 4, 7), 4)
    assert counts(thirds, fill(thirds, lambda c: [c * n for n in thirds.sizes])) == [1, 1, 2]
    halves = Budget((2, 3, 5), (0, 0, 0), (2, 3, 5), 5)
    assert counts(halves, fill(halves, lambda c: [c * n for n in halves.sizes])) == [1, 2, 2]


def test_sparsities_are_counts_per_size() -> None:
    assert Budget((4, 5), (0, 0), (4, 5), 3).sparsities([1, 2]) == (0.25, 0.4)
