"""Offsets: only a norm that nobody stands beside takes one up, and the network says the same with and without it."""

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.models.layers import prunable_layers
from fcpts_core.second_order.observed import Observed
from fcpts_core.second_order.offsets import along_channels, norms_behind
from fcpts_core.second_order.sequential import solve_in_order
from tests.cases import NETWORKS, images


class Odd(nn.Module):
    """A layer for each case: what is behind it is a norm alone, or is not."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Conv2d(3, 4, 3, bias=False)
        self.after_plain = nn.BatchNorm2d(4)
        self.summed = nn.Conv2d(4, 4, 1, bias=False)
        self.after_summed = nn.BatchNorm2d(4)
        self.rectified = nn.Conv2d(4, 4, 1, bias=False)
        self.after_rectified = nn.BatchNorm2d(4)
        self.in_place = nn.ReLU(inplace=True)
        self.twice = nn.Conv2d(4, 4, 1, bias=False)
        self.after_twice = nn.BatchNorm2d(4)
        self.alone = nn.Conv2d(4, 4, 1, bias=False)
        self.linear = nn.Linear(4, 5, bias=False)
        self.after_linear = nn.BatchNorm1d(5)
        self.untracked = nn.Linear(5, 5, bias=False)
        self.after_untracked = nn.BatchNorm1d(5, track_running_stats=False)
        self.tokens = nn.Linear(5, 5, bias=False)
        self.after_tokens = nn.BatchNorm1d(1)
        self.unused = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.after_plain(self.plain(x)))
        said = self.summed(x)
        x = said + self.after_summed(said)
        x = self.after_rectified(self.in_place(self.rectified(x)))
        x = self.after_twice(self.twice(self.twice(x)))
        x = self.after_linear(self.linear(self.alone(x).mean(dim=(2, 3))))
        x = self.after_untracked(self.untracked(x)) if self.training else self.untracked(x)
        tokens: Tensor = self.after_tokens(self.tokens(x.unsqueeze(1)))
        return tokens


def test_a_norm_takes_up_an_offset_where_it_alone_is_given_the_output() -> None:
    network = Odd().eval()
    layers = [layer.module for layer in prunable_layers(network)]
    found = norms_behind(network, layers, images(1).inputs())
    assert found == {network.plain: network.after_plain, network.linear: network.after_linear}


@pytest.mark.parametrize("name", NETWORKS)
def test_looking_changes_nothing(name: str) -> None:
    network, fresh = NETWORKS[name]().train(), NETWORKS[name]().train()
    norms_behind(network, list(network.modules()), images(4).inputs())
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), fresh.state_dict().values(), strict=True)
    )
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in network.modules())
    assert all(part.training for part in network.modules())


def test_an_offset_and_a_shifted_running_mean_are_one() -> None:
    """All that is found says so: the outputs move by the offset, and the network does not."""
    network = Odd().eval()
    x = images(5).inputs()
    before = network(x)
    for layer, norm in norms_behind(network, [layer.module for layer in prunable_layers(network)], x[:1]).items():
        offset = torch.randn(norm.num_features)
        layer.register_forward_hook(lambda module, args, output, o=offset: output + along_channels(o, output))
        norm.running_mean += offset  # type: ignore[operator]
    torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-4)


def test_without_its_weights_a_layer_still_says_its_mean() -> None:
    """All weights of a layer before a norm gone: its norm puts out, on average, what it did."""
    network, dense = Odd().eval(), Odd().eval()
    network.load_state_dict(dense.state_dict())
    x = images(40).inputs()

    def solve(index: int, known: Observed | None) -> Tensor | None:
        return None if index or known is None else 0 * known.dense.double()

    solve_in_order(network, prunable_layers(network), [x], solve, positions=10**6, seed=0)
    assert not bool(network.plain.weight.any())
    with torch.no_grad():
        said, meant = (one.after_plain(one.plain(x)).mean(dim=(0, 2, 3)) for one in (network, dense))
    torch.testing.assert_close(said, meant, rtol=1e-3, atol=1e-4)
