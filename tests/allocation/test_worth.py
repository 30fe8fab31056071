"""Zeros that are worth different amounts, against references that take and give back one zero at a time."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fcpts_core.allocation import OF_WEIGHTS
from fcpts_core.allocation.counts import Budget, fill
from fcpts_core.allocation.knapsack import dynamic_program
from fcpts_core.allocation.sensitivity import Sensitivity
from fcpts_core.bridge import project
from fcpts_core.bridge.budget import fewest, goal_for, worth_of
from fcpts_core.errors import InputError
from tests.allocation.test_allocations import problems, rows
from tests.allocation.test_knapsack import cost, counts, tables
from tests.oracles_allocation import bounds

WORTH = st.lists(st.sampled_from([0, 1, 2, 3, 7, 64]), min_size=6, max_size=6).map(tuple)


def given_back(counts: Sequence[int], floors: Sequence[int], worth: Sequence[int], goal: int) -> list[int]:
    """One zero after the other goes back, the dearest first, for as long as the goal is still met without it."""
    left = list(counts)
    while True:
        over = worth_of(left, worth) - goal
        spare = [layer for layer in range(len(left)) if left[layer] > floors[layer] and worth[layer] <= over]
        if not spare:
            return left
        left[max(spare, key=lambda layer: (worth[layer], -layer))] -= 1


def ranked(layers: Sequence[Tensor], cap: Fraction, worth: Sequence[int], goal: int) -> list[int]:
    """The smallest of all that is left, one at a time, from layers that have room, until the goal is reached."""
    limits = bounds(rows(layers), cap)
    taken = [0] * len(layers)
    for size, layer in sorted((abs(w), layer) for layer, row in enumerate(rows(layers)) for w in row):
        short = worth_of(taken, worth) < goal and taken[layer] < limits[layer][1]
        taken[layer] += short or size == 0
    return given_back(taken, [low for low, _ in limits], worth, goal)


@given(problems(), WORTH, st.fractions(0, 1))
def test_one_threshold_is_the_slow_one(
    case: tuple[list[Tensor], int, Fraction], six: tuple[int, ...], share: Fraction
) -> None:
    layers, _, cap = case
    worth, limits = six[: len(layers)], bounds(rows(layers), cap)
    least, most = (worth_of([limit[end] for limit in limits], worth) for end in (0, 1))
    if not any(worth) or not least < most:
        return
    goal = least + round(share * (most - least))
    expected = ranked(layers, cap, worth, goal)
    found = project(layers, [1.0] * len(layers), goal, float(cap), worth=worth).masks
    assert [mask.numel() - int(mask.sum()) for mask in found] == expected
    total = worth_of([layer.numel() for layer in layers], worth)
    shares = OF_WEIGHTS["global-magnitude"](layers, goal / total, float(cap), worth)
    counted = [round(r * layer.numel()) for r, layer in zip(shares, layers, strict=True)]
    assert counted == ranked(layers, cap, worth, goal_for(goal / total, [w.numel() for w in layers], worth))


@st.composite
def budgets(draw: st.DrawFn) -> Budget:
    sizes = draw(st.lists(st.integers(1, 50), min_size=1, max_size=6))
    floors = [draw(st.integers(0, size)) for size in sizes]
    ceilings = [draw(st.integers(floor, size)) for floor, size in zip(floors, sizes, strict=True)]
    worth = draw(WORTH)[: len(sizes)]
    if not any(worth):
        worth = (1, *worth[1:])
    goal = draw(st.integers(worth_of(floors, worth), worth_of(ceilings, worth)))
    return Budget(tuple(sizes), tuple(floors), tuple(ceilings), goal, worth)


@given(budgets(), st.lists(st.floats(0, 100), min_size=6, max_size=6))
def test_fill_meets_any_goal_with_the_fewest_zeros(budget: Budget, speeds: list[float]) -> None:
    def wish(scale: float) -> list[float]:
        return [size if scale == 1 else speed * scale for size, speed in zip(budget.sizes, speeds, strict=False)]

    found = counts(budget, fill(budget, wish))
    assert budget.met_by(found)
    assert given_back(found, budget.floors, budget.worth, budget.zeros) == found


@given(budgets())
def test_uniform_takes_the_same_share_everywhere_but_for_the_last_zeros(budget: Budget) -> None:
    """The scale at which the goal is met, by trying all shares at which any layer gains a zero."""
    steps = {Fraction(k, size) for size in budget.sizes for k in range(size + 1)}

    def clipped(c: Fraction) -> list[Fraction]:
        bounds = zip(budget.sizes, budget.floors, budget.ceilings, strict=True)
        return [min(max(c * size, Fraction(low)), Fraction(high)) for size, low, high in bounds]

    def saved(c: Fraction) -> Fraction:
        return sum((u * k for u, k in zip(budget.worth, clipped(c), strict=True)), Fraction(0))

    after = min(c for c in steps if saved(c) >= budget.zeros)
    before = max((c for c in steps if saved(c) <= budget.zeros), default=after)
    found = counts(budget, fill(budget, lambda scale: [scale * size for size in budget.sizes]))
    # What goes back may be many zeros of layers worth little: one of the dearest is as much as many of them.
    dearest = max(budget.worth)
    for layer, count in enumerate(found):
        if budget.worth[layer]:
            change = dearest * len(found) / budget.worth[layer] + 1
            assert clipped(before)[layer] - change <= count <= clipped(after)[layer] + 1


@given(budgets(), st.integers(0, 30))
def test_giving_back_is_the_slow_one(budget: Budget, more: int) -> None:
    many = [min(high, low + more) for low, high in zip(budget.floors, budget.ceilings, strict=True)]
    goal = min(budget.zeros, worth_of(many, budget.worth))
    slow = given_back(many, budget.floors, budget.worth, goal)
    assert fewest(many, budget.floors, goal, budget.worth) == slow


@given(tables(5), WORTH, st.fractions(0, 1))
def test_the_dynamic_program_finds_the_cheapest_that_reaches_the_goal(
    case: tuple[Sensitivity, Budget], six: tuple[int, ...], share: Fraction
) -> None:
    """Errors may fall with more zeros, but zeros that the goal does not need are given back, whatever that costs."""
    table, plain = case
    worth = tuple(max(one, 1) for one in six[: len(plain.sizes)])
    least, most = worth_of(plain.floors, worth), worth_of(plain.ceilings, worth)
    budget = Budget(plain.sizes, plain.floors, plain.ceilings, least + round(share * (most - least)), worth)
    found = counts(budget, dynamic_program(table, budget))
    assert budget.met_by(found)
    if all(errors == tuple(sorted(errors)) for errors in table.errors):
        ranges = [range(low, high + 1) for low, high in zip(budget.floors, budget.ceilings, strict=True)]
        enough = [tried for tried in product(*ranges) if worth_of(tried, worth) >= budget.zeros]
        assert cost(table, found) == pytest.approx(min(cost(table, list(tried)) for tried in enough), abs=1e-9)


@given(tables(60), WORTH, st.fractions(0, 1), st.integers(1, 9))
def test_the_goal_is_met_however_coarse_the_buckets(
    case: tuple[Sensitivity, Budget], six: tuple[int, ...], share: Fraction, buckets: int
) -> None:
    table, plain = case
    worth = six[: len(plain.sizes)]
    if not any(worth):
        worth = (1, *worth[1:])
    least, most = worth_of(plain.floors, worth), worth_of(plain.ceilings, worth)
    budget = Budget(plain.sizes, plain.floors, plain.ceilings, least + round(share * (most - least)), worth)
    assert budget.met_by(counts(budget, dynamic_program(table, budget, buckets)))


def test_goals_are_whole_and_never_missed_by_rounding() -> None:
    assert goal_for(0.9, [1000, 10], [64, 1]) == 57609
    assert goal_for(0.1, [10, 20], [1, 1]) == 3
    assert goal_for(0.5, [3], [1]) == 2
    assert goal_for(0.5, [3]) == 2
    with pytest.raises(InputError, match="expected a share"):
        goal_for(1.2, [3], [1])


def test_ceilings_bound_a_layer_and_give_way_where_the_goal_asks_for_more() -> None:
    weights = [torch.linspace(0.1, 1, 10), torch.linspace(1, 2, 10)]

    def zeros(goal: int, ceilings: tuple[int, int]) -> list[int]:
        masks = project(weights, [1.0, 1.0], goal, ceilings=ceilings).masks
        return [10 - int(mask.sum()) for mask in masks]

    assert zeros(9, (10, 10)) == [9, 0]
    assert zeros(9, (6, 10)) == [6, 3]
    assert zeros(9, (4, 4)) == [9, 0]
