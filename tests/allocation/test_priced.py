"""Prices of zeros: what is asked, of whom, and what comes of the answers."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.allocation import priced
from fcpts_core.allocation.power import power
from fcpts_core.allocation.priced import CUT, ROUNDS, SOLVED_ON, STEP, factors
from fcpts_core.bookmark import Bookmark, Saved
from fcpts_core.engine.events import Phase
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.norms import together
from fcpts_core.second_order.start import second_order_start
from tests.cases import NETWORKS, images, problem


class Branches(nn.Module):
    """Two linear layers alike on the same inputs; the second one's answer counts `loud` times."""

    def __init__(self, loud: float) -> None:
        super().__init__()
        self.quiet, self.loud, self.volume = nn.Linear(192, 6), nn.Linear(192, 6), loud

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.quiet(x) + self.volume * self.loud(x)


class Shift(nn.Module):
    """Gives what comes behind it inputs with a mean."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1


def task(network: nn.Module, **given: object) -> Problem:
    return problem(network, "uniform", **{"allocation": "priced", "data": images(64), "sparsity": 0.5, **given})  # type: ignore[arg-type]


def kept(problem: Problem) -> list[int]:
    shares = told_silently(priced.priced(problem))
    assert sum(problem.counts(shares)) == problem.zeros
    return [layer.weights - zeros for layer, zeros in zip(problem.layers, problem.counts(shares), strict=True)]


def test_equal_prices_change_nothing() -> None:
    assert factors([3.0, 6.0, 1.5], [2, 4, 1], 0.5) == pytest.approx((1.0, 1.0, 1.0))


def test_a_dear_layer_keeps_more_by_a_power_of_its_price_within_the_bounds() -> None:
    # Prices 4, 1 and 0 at a mean of 10 / 6; the last one is beyond the trust region.
    found = factors([8.0, 2.0, 0.0], [2, 2, 2], 0.5)
    assert found == pytest.approx((2.4**STEP, 0.6**STEP, 0.5))
    assert factors([800.0, 1.0], [1, 9], 0.5)[0] == 2.0
    assert all(1 <= factor <= 1e6 for factor in factors([800.0, 80.0], [1, 1], 0.0)[:1])


def test_layers_without_a_price_keep_what_they_have_and_have_no_say() -> None:
    assert factors([None, 2.0, 7.0], [3, 2, 0], 0.5) == (1.0, 1.0, 1.0)
    assert factors([None, None], [1, 1], 0.5) == factors([0.0, 0.0], [1, 1], 0.5) == (1.0, 1.0)


def test_the_layer_that_matters_more_keeps_more() -> None:
    """Two layers of one kind: in the mean of several draws of their weights only the volume tells them apart."""
    equal: list[list[int]] = []
    unequal: list[list[int]] = []
    for seed in range(5):
        for volume, found in ((1.0, equal), (3.0, unequal)):
            torch.manual_seed(seed)
            found.append(kept(task(Branches(loud=volume), sparsity=0.8, data=images(400))))
    assert all(loud > 1.3 * quiet for quiet, loud in unequal)
    assert sum(quiet for quiet, _ in equal) == pytest.approx(sum(loud for _, loud in equal), rel=0.15)


def test_a_layer_whose_answer_nobody_hears_keeps_the_floor() -> None:
    torch.manual_seed(0)
    network = Branches(loud=0.0)
    given = task(network, keep_floor=0.8, sparsity=0.9)
    before = [
        layer.weights * (1 - share)
        for layer, share in zip(given.layers, power(given.dense, 0.9, 1.0, 0.35), strict=True)
    ]
    quiet, loud = kept(given)
    assert loud / quiet == pytest.approx((0.8 / min(2**STEP, 1.25)) ** ROUNDS, rel=0.03)
    assert loud < before[1]


@pytest.mark.parametrize("bias", [False, True])
def test_a_price_is_what_the_logits_change_when_least_squares_has_made_up_for_the_cut(bias: bool) -> None:
    """Against least squares on the images themselves, one output at a time; a bias takes care of the means."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), Shift(), nn.Linear(192, 3, bias=bias))
    given = task(network, sparsity=0.8, data=images(400), damping=1e-9)
    begin = power(given.dense, 0.8, 1.0, 0.35)
    (cost,), (gone,) = told_silently(priced.asked(given, begin))

    settings = given.settings.changed({"start": "admm"})
    pruned = replace(given, images=given.images.take(SOLVED_ON), settings=settings)
    told_silently(second_order_start(pruned, begin))
    weight = pruned.layers[0].weight.detach().double()
    inputs = pruned.images.inputs().flatten(1).double() + 1
    mean = inputs.mean(0) if bias else torch.zeros(192, dtype=torch.float64)
    inputs = inputs - mean
    scores = weight.abs() * inputs.square().mean(0).sqrt()
    assert gone == math.ceil(CUT * int(weight.count_nonzero()))
    limit = scores[weight != 0].sort().values[gone - 1]
    expected = torch.zeros_like(weight)
    for row, wanted in enumerate((inputs @ weight.T).T):
        support = scores[row] > limit
        expected[row, support] = torch.linalg.lstsq(inputs[:, support], wanted.unsqueeze(1)).solution.squeeze(1)
    answering = given.images.inputs().flatten(1).double()[-together(given.images) :] + 1 - mean
    assert cost == pytest.approx(float(F.mse_loss(answering @ expected.T, answering @ weight.T)), rel=0.01)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_cannot_be_cut_has_no_price_and_the_copy_is_whole_again(network: str) -> None:
    given = problem(NETWORKS[network](), "uniform", allocation="priced", data=images(12), sparsity=0.5)
    costs, gone = told_silently(priced.asked(given, power(given.dense, 0.5, 1.0, 0.35)))
    assert len(costs) == len(gone) == len(given.layers)
    for layer, cost, zeros in zip(given.layers, costs, gone, strict=True):
        assert cost is not None
        assert cost >= 0
        assert zeros <= layer.weights
        if not layer.weight.count_nonzero():
            assert (cost, zeros) == (0.0, 0)


def test_every_answer_is_of_the_same_network() -> None:
    """The price of a layer does not depend on which were asked before it: with one left out, the others stay."""
    torch.manual_seed(0)
    network = NETWORKS["transformer"]()
    given = problem(network, "uniform", allocation="priced", data=images(12), sparsity=0.5)
    begin = power(given.dense, 0.5, 1.0, 0.35)
    all_costs, gone = told_silently(priced.asked(given, begin))
    resumed = replace(given, bookmark=Bookmark())
    resumed.bookmark._loops["prices"] = Saved({"costs": all_costs[:3]})
    assert told_silently(priced.asked(resumed, begin)) == (all_costs, gone)


def test_prices_come_nearer_to_each_other_with_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers of which one is loud: what a zero costs in the end differs less than it did in the beginning."""

    def ratio(rounds: int) -> float:
        monkeypatch.setattr(priced, "ROUNDS", rounds)
        logs = []
        for seed in range(3):
            torch.manual_seed(seed)
            given = task(Branches(loud=3.0), sparsity=0.8, data=images(400))
            shares = told_silently(priced.priced(given))
            costs, gone = told_silently(priced.asked(given, shares))
            quiet, loud = (cost / zeros for cost, zeros in zip(costs, gone, strict=True) if cost is not None)
            logs.append(abs(math.log(loud / quiet)))
        return sum(logs) / len(logs)

    none, one, two = map(ratio, (0, 1, 2))
    assert two < one < none


def test_a_run_goes_on_in_the_round_in_which_it_was_put_down() -> None:
    given = problem(NETWORKS["transformer"](), "uniform", allocation="priced", data=images(12), sparsity=0.5)
    asked: list[str] = []

    def count(task: Problem) -> tuple[float, ...]:
        asked.clear()
        telling = priced.priced(task)
        while True:
            try:
                told = next(telling)
            except StopIteration as end:
                found: tuple[float, ...] = end.value
                return found
            if isinstance(told, Phase) and "cost: layer" in told.text:
                asked.append(told.text)
                if len(asked) == len(task.layers) + 2 and "saved" not in saved:
                    state = task.bookmark.state()
                    assert state is not None
                    saved["saved"] = state

    saved: dict[str, Saved] = {}
    whole = count(given)
    assert len(asked) == ROUNDS * len(given.layers)
    assert count(replace(given, bookmark=Bookmark(saved["saved"]))) == whole
    assert len(asked) == len(given.layers) - 1


def test_under_a_budget_of_multiply_adds_the_price_is_that_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zero that saves more is worth more: what went is counted in multiply-adds."""
    given = problem(NETWORKS["conv"](), "uniform", allocation="priced", budget="flops", data=images(12), sparsity=0.6)
    assert len(set(given.worth)) > 2
    begin = power(given.dense, 0.6, 1.0, given.settings.keep_power, given.worth)
    _, gone = told_silently(priced.asked(given, begin))
    counted: list[int] = []

    def alike(costs: list[float | None], worth_gone: list[int], floor: float) -> tuple[float, ...]:
        counted.extend(worth_gone)
        return (1.0,) * len(costs)

    monkeypatch.setattr(priced, "factors", alike)
    told_silently(priced.priced(given))
    assert len(counted) == ROUNDS * len(gone)
    assert counted[: len(gone)] == [zeros * worth for zeros, worth in zip(gone, given.worth, strict=True)]
