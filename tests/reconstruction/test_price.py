"""The priced step: no push where all zeros cost the same, the same push in any unit, nothing infinite."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from fcpts_core.reconstruction.price import priced


@dataclass(frozen=True)
class Market:
    """Layers with `supply [L]` at thresholds `[L]` and a cost of a zero `[L]`; `pull` is `lambda L_c'(R)`."""

    costs: Tensor
    supply: Tensor
    thresholds: Tensor
    pull: float = 0.0

    @property
    def share(self) -> Tensor:
        gain = self.supply * self.thresholds
        return gain / gain.sum()

    def direction(self) -> Tensor:
        total = 1000
        control = self.pull * self.supply / total
        return priced(self.costs * self.supply, control, self.supply, self.thresholds, total)


MARKET = Market(torch.tensor([1.0, 3.0, 2.0]), torch.tensor([400.0, 100.0, 20.0]), torch.tensor([0.1, 0.2, 1.0]))


def test_equal_costs_push_nothing() -> None:
    assert replace(MARKET, costs=torch.full((3,), 0.37)).direction().abs().max() < 1e-5


def test_by_hand() -> None:
    """Shares 1/2, 1/4, 1/4: the mean cost is 7/4, and so is the mean of its size."""
    assert torch.allclose(MARKET.share, torch.tensor([0.5, 0.25, 0.25]))
    assert MARKET.direction().tolist() == pytest.approx([-3 / 7, 5 / 7, 1 / 7])


def test_dear_thresholds_fall_and_cheap_ones_rise_without_spending_the_budget() -> None:
    """Descent goes against the direction; weighted with what each layer gains, the pushes cancel."""
    direction = MARKET.direction()
    assert (MARKET.share * direction).sum().item() == pytest.approx(0, abs=1e-6)
    assert direction.argsort().tolist() == MARKET.costs.argsort().tolist()


@pytest.mark.parametrize("factor", [1e-4, 0.5, 1e4])
def test_the_unit_of_one_layer_s_weights_does_not_matter(factor: float) -> None:
    unit = torch.tensor([1.0, factor, 1.0])
    market = replace(MARKET, pull=-0.3)
    rescaled = replace(market, supply=market.supply / unit, thresholds=market.thresholds * unit)
    assert rescaled.direction().tolist() == pytest.approx(market.direction().tolist(), rel=1e-4)


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_the_size_of_the_loss_does_not_matter(factor: float) -> None:
    assert replace(MARKET, costs=factor * MARKET.costs).direction().tolist() == pytest.approx(
        MARKET.direction().tolist(), rel=1e-4
    )


def test_control_alone_moves_all_thresholds_alike() -> None:
    flat = replace(MARKET, costs=torch.zeros(3), pull=-0.7)
    assert flat.direction().tolist() == pytest.approx([-0.7] * 3)


def test_control_comes_on_top() -> None:
    moved = replace(MARKET, pull=0.25).direction() - MARKET.direction()
    assert moved.tolist() == pytest.approx([0.25] * 3)


def test_no_layer_is_pushed_by_more_than_one() -> None:
    market = replace(MARKET, costs=torch.tensor([0.0, 0.0, 1e6]))
    assert market.direction().abs().max() <= 1


@pytest.mark.parametrize("supply", [0.0, 1e-44, 1e-30, 1e-8])
@pytest.mark.parametrize("gradient", [0.0, 1.0, -1e20])
def test_a_layer_without_supply_is_moved_by_the_control_alone(supply: float, gradient: float) -> None:
    """Whatever gradient it has, and without a word in the price."""
    lonely = torch.tensor([4.0 * 400, 3.0 * 100, gradient])
    supplies, thresholds = torch.tensor([400.0, 100.0, supply]), torch.tensor([0.1, 0.2, 1.0])
    control = 0.5 * supplies / 1000
    found = priced(lonely, control, supplies, thresholds, 1000)
    assert found[2].item() == pytest.approx(0.5)
    others = priced(lonely[:2], control[:2], supplies[:2], thresholds[:2], 1000)
    assert found[:2].tolist() == pytest.approx(others.tolist(), rel=1e-4)


def test_nothing_anywhere_pushes_nothing() -> None:
    nothing = torch.zeros(3)
    assert priced(nothing, nothing, nothing, torch.ones(3), 1000).tolist() == [0, 0, 0]
