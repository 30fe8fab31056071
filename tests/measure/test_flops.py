"""Multiply-adds counted by hand on layers that are easy to count."""

import pytest
import torch
from torch import nn

from fcpts_core.measure.flops import kept_share, uses
from fcpts_core.models.layers import prunable_layers
from tests.cases import NETWORKS, images


def test_each_kind_of_layer_uses_its_weights_so_often() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),  # 8x8 -> 4x4
        nn.Conv2d(4, 4, 3, groups=4),  # -> 2x2
        nn.ConvTranspose2d(4, 2, 2, stride=2),  # from 2x2
        nn.Flatten(2),  # [1, 2, 16]
        nn.Linear(16, 5),  # two rows
        nn.Flatten(1),
        nn.Linear(10, 3),
    )
    assert uses(network, prunable_layers(network), torch.randn(1, 3, 8, 8)) == (16, 4, 4, 2, 1)


def test_a_layer_called_twice_counts_twice_and_one_never_called_not_at_all() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twice, self.never = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.twice(self.twice(x))
            return found

    network = Odd()
    assert uses(network, prunable_layers(network), torch.randn(1, 4)) == (2, 0)


def test_a_weight_that_is_handed_to_a_function_counts_and_a_shared_one_for_all_who_use_it() -> None:
    class Handed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.tied = nn.Linear(4, 4), nn.Linear(4, 4)
            self.tied.weight = self.qkv.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.tied(nn.functional.linear(x, self.qkv.weight, bias=None))
            return found

    network = Handed()
    assert uses(network, prunable_layers(network), torch.randn(1, 3, 4)) == (6,)


def test_the_share_kept_weighs_zeros_by_their_uses() -> None:
    network = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 2))
    layers = prunable_layers(network)
    with torch.no_grad():
        layers[0].weight[0] = 0  # 4 of 8 weights
        layers[1].weight.fill_(1)
    assert kept_share((3, 5), layers) == pytest.approx((3 * 4 + 5 * 4) / (3 * 8 + 5 * 4))
    assert kept_share((0, 0), layers) is None


@pytest.mark.parametrize("name", NETWORKS)
def test_counting_leaves_no_trace(name: str) -> None:
    network = NETWORKS[name]()
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert all(count > 0 for count in uses(network, prunable_layers(network), images(1).inputs()))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(part.training and not part._forward_hooks for part in network.modules())
