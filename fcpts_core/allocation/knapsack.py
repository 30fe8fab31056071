"""The cheapest allocation by a table of sensitivities: a knapsack, solved by dynamic programming over the layers.

    minimise  sum_l e_l(k_l)    subject to  sum_l k_l = K,  floor_l <= k_l <= ceiling_l

`k_l` zeros of layer `l` cost `e_l(k_l)`, see `Sensitivity.error_at`. With `cost[l][j]` the least
error of the first `l` layers with `j` zeros beyond their floors,

    cost[l][j] = min over i of  cost[l - 1][j - i] + e_l(floor_l + i)

Zeros are counted in buckets of equal size, as in SPDY (Frantar and Alistarh, ICML 2022) and OBC (NeurIPS 2022); what
remains of the budget, less than a bucket unless layers run full, goes where a zero costs least. Up to as many zeros as
there are buckets the result is exact.

Where zeros have a worth `u_l`, buckets are of worth: `i` of size `b` mean `ceil(i b / u_l)` zeros of layer `l`, so what
the buckets promise is reached; what is over goes back in the end.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fcpts_core.allocation.counts import Budget
from fcpts_core.allocation.sensitivity import Sensitivity
from fcpts_core.bridge.budget import fewest
from fcpts_core.errors import InputError

BUCKETS = 10_000
PARTS = 64
"""In how many parts the rest of the budget is given away."""


def dynamic_program(table: Sensitivity, budget: Budget, buckets: int = BUCKETS) -> tuple[float, ...]:
    """The sparsities `[L]` of least error; among equals, the one with the most zeros in the earlier layers."""
    if table.sizes != budget.sizes:
        raise InputError(
            f"The table of sensitivities is of layers with {list(table.sizes)} weights, those to be pruned have "
            f"{list(budget.sizes)}: measure the sensitivities of this network anew."
        )
    bounds = zip(budget.floors, budget.ceilings, budget.worths, strict=True)
    rooms = [(high - low) * worth for low, high, worth in bounds]
    wanted = budget.zeros - budget.worth_of(budget.floors)
    bucket = max(1, math.ceil(wanted / buckets))
    most = [room // bucket for room in rooms]
    taken = _fill_buckets(table, budget, most, min(wanted // bucket, sum(most)), bucket)
    parts = zip(budget.floors, budget.worths, taken, strict=True)
    counts = [low + -(-bucket * i // worth) if worth else low for low, worth, i in parts]
    counts = _give_the_rest(table, budget, counts)
    return budget.sparsities(fewest(counts, budget.floors, budget.zeros, budget.worths))


def _fill_buckets(table: Sensitivity, budget: Budget, most: list[int], total: int, bucket: int) -> list[int]:
    """How many of `total` buckets each layer takes, `[L]`, at most `most[l]`."""
    cost = np.full(total + 1, np.inf)
    cost[0] = 0.0
    choices: list[NDArray[np.int32]] = []
    for layer, (floor, limit, worth) in enumerate(zip(budget.floors, most, budget.worths, strict=True)):
        options = np.arange(min(limit, total) + 1)
        errors = table.error_at(layer, floor + -(-bucket * options // max(worth, 1)))
        best, choice = np.full(total + 1, np.inf), np.zeros(total + 1, dtype=np.int32)
        for option, error in zip(options.tolist(), errors.tolist(), strict=True):
            candidate = cost[: total + 1 - option] + error
            better = candidate < best[option:]
            best[option:][better] = candidate[better]
            choice[option:][better] = option
        cost = best
        choices.append(choice)
    taken = []
    for choice in reversed(choices):
        taken.append(int(choice[total]))
        total -= taken[-1]
    return taken[::-1]


def _give_the_rest(table: Sensitivity, budget: Budget, counts: list[int]) -> list[int]:
    """Zeros up to the budget, a few at a time, always to the layer where they are cheapest for what they are worth."""
    part = max(1, (budget.zeros - budget.worth_of(counts)) // PARTS)
    while (missing := budget.zeros - budget.worth_of(counts)) > 0:
        prices = []
        for layer, (count, ceiling, worth) in enumerate(zip(counts, budget.ceilings, budget.worths, strict=True)):
            if worth and (some := min(-(-part // worth), -(-missing // worth), ceiling - count)):
                before, after = table.error_at(layer, np.array([count, count + some]))
                prices.append(((after - before) / (some * worth), layer, some))
        _, layer, some = min(prices)
        counts[layer] += some
    return counts
