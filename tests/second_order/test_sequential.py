"""Layer after layer: what each layer is given is what the sparse network so far gives, and all is left as it was."""

import copy
import gc
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.models.layers import PrunableLayer, prunable_layers
from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.observed import Observed
from fcpts_core.second_order.offsets import norms_behind
from fcpts_core.second_order.patches import rows, weight_rows
from fcpts_core.second_order.sequential import solve_in_order
from tests.cases import NETWORKS, conv_net, images
from tests.second_order.order import IN_ORDER, assert_as_it_came

EVERY = 10**6  # positions
THEN = {"conv": "idle", "transformer": "encoders.1.expand"}


def halved(index: int, known: Observed | None) -> Tensor | None:
    """Weights that are nothing like the dense ones."""
    return None if known is None else 0.5 * known.dense.double() + 0.01 * (index + 1)


def solved(
    network: nn.Module, solve: Any = halved, layers: Sequence[PrunableLayer] | None = None, batch: int = 6
) -> None:
    solve_in_order(
        network, layers or prunable_layers(network), images(6).inputs().split(batch), solve, positions=EVERY, seed=0
    )


def seen(network: nn.Module, name: str) -> Tensor:
    """The layer's own input in a plain pass."""
    found: list[Tensor] = []
    handle = network.get_submodule(name).register_forward_pre_hook(lambda module, args: found.append(args[0]))
    with torch.no_grad():
        network.eval()(images(6).inputs())
    handle.remove()
    return found[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_each_layer_is_given_what_two_networks_and_hooks_see(name: str) -> None:
    """The slow way: change one layer after the other, and run both networks before each."""
    given: dict[int, Observed | None] = {}

    def solve(index: int, known: Observed | None) -> Tensor | None:
        given[index] = known
        return halved(index, known)

    network, slow, dense = (NETWORKS[name]().train() for _ in range(3))
    norms = norms_behind(slow, [layer.module for layer in prunable_layers(slow)], images(6).inputs())
    assert len(norms) == (4 if name == "conv" else 0)
    solved(network, solve)
    names = [layer.name for layer in prunable_layers(slow)]
    assert given.keys() == set(range(len(names)))
    for step in IN_ORDER[name]:
        module, index = slow.get_submodule(step), names.index(step)
        assert isinstance(module, nn.Conv2d | nn.Linear)
        centred, chance = module.bias is not None or module in norms, torch.Generator()
        halves = Moments(centred), Moments(centred)
        pairs = zip(*(seen(network, step).split(3) for network in (slow, dense)), strict=True)
        for half, (a, b) in zip(halves, pairs, strict=True):
            half.add(rows(module, a, EVERY, chance), rows(module, b, EVERY, chance))
        expected = Observed(halves, weight_rows(module, module.weight.detach()))
        known = given[index]
        assert known is not None
        for mine, theirs in zip((known.moments, *known.halves), (expected.moments, *halves), strict=True):
            assert mine.count == theirs.count
            torch.testing.assert_close(mine.H, theirs.H, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(mine.C, theirs.C, rtol=1e-4, atol=1e-5)
        found = halved(index, expected)
        assert found is not None
        offset = expected.offset(found)
        with torch.no_grad():
            module.weight.copy_(found.reshape(module.weight.shape))
            if module.bias is not None:
                assert offset is not None
                module.bias += offset
            elif module in norms:
                assert offset is not None
                norms[module].running_mean -= offset  # type: ignore[operator]
        torch.testing.assert_close(network.get_parameter(f"{step}.weight"), module.weight)
    for step in (*IN_ORDER[name], THEN[name]):  # the offsets are where they belong
        torch.testing.assert_close(seen(network, step), seen(slow, step), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_images_that_take_turns_are_as_good_as_all_at_once(name: str, batch: int) -> None:
    together, turns = NETWORKS[name]().train(), NETWORKS[name]().train()
    order: list[int] = []

    def solve(index: int, known: Observed | None) -> Tensor | None:
        order.append(index)
        return halved(index, known)

    solved(together, solve)
    first = order.copy()
    solved(turns, solve, batch=batch)
    assert order == 2 * first
    for mine, theirs in zip(turns.state_dict().values(), together.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)
    assert_as_it_came(turns, NETWORKS[name]().train())


def test_an_error_on_one_of_several_ways_ends_them_all() -> None:
    before = threading.active_count()

    class Picky(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            if bool((x == 7).any()):
                raise RuntimeError("not seven")
            return super().forward(x)

    network = nn.Sequential(nn.Linear(4, 4), nn.Hardtanh(0, 7), Picky(4, 4), nn.Linear(4, 3)).train()
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(4))  # type: ignore[operator]
    batches = [torch.rand(3, 4), torch.full((3, 4), 20.0), torch.rand(3, 4)]
    with pytest.raises(RuntimeError, match="not seven"):
        solve_in_order(network, prunable_layers(network), batches, lambda index, known: None, positions=9, seed=0)
    assert_as_it_came(network, copy.deepcopy(network))
    assert threading.active_count() == before


class Choosy(nn.Module):
    """Dark pictures go one way, bright ones another: neither layer sees all images."""

    def __init__(self) -> None:
        super().__init__()
        self.dark, self.bright, self.last = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.last(self.dark(x) if float(x.mean()) < 0 else self.bright(x))
        return last


def test_each_batch_may_go_its_own_way() -> None:
    network = Choosy().eval()
    counts: dict[int, int] = {}

    def solve(index: int, known: Observed | None) -> Tensor | None:
        assert known is not None
        counts[index] = known.moments.count
        return halved(index, known)

    batches = [torch.rand(3, 4) + 1, -torch.rand(5, 4), torch.rand(2, 4) + 1]
    solve_in_order(network, prunable_layers(network), batches, solve, positions=9, seed=0)
    assert counts == {0: 5, 1: 5, 2: 10}


def test_modes_and_forwards_are_restored() -> None:
    network, fresh = conv_net().train(), conv_net().train()
    for one in (network, fresh):
        one.get_submodule("stage.0.bn1").eval()
    solved(network, lambda index, known: None)
    assert_as_it_came(network, fresh)
    assert all(torch.equal(a, b) for a, b in zip(network.buffers(), fresh.buffers(), strict=True))
    solved(network)
    assert_as_it_came(network, fresh)


@pytest.mark.parametrize("name", ["stage.0.conv2", "linear", "gain"])
def test_they_are_restored_after_an_error_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = conv_net().train()
    names = [layer.name for layer in prunable_layers(network)]

    def solve(index: int, known: Observed | None) -> Tensor | None:
        if names[index] == name:
            raise RuntimeError("no solution")
        return halved(index, known)

    with pytest.raises(RuntimeError, match="no solution"):
        solved(network, solve)
    assert_as_it_came(network, conv_net().train())


def test_an_error_on_the_dense_half_leaves_the_new_weights() -> None:
    passes: list[int] = []

    class Refusing(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            passes.append(1)
            if len(passes) == 2:
                raise RuntimeError("refused")
            return super().forward(x)

    first = Refusing(4, 4)
    network = nn.Sequential(first, nn.Linear(4, 3))
    before = first.weight.detach().clone()
    with pytest.raises(RuntimeError, match="refused"):
        solve_in_order(network, prunable_layers(network), [torch.randn(5, 4)], halved, positions=9, seed=0)
    torch.testing.assert_close(first.weight, 0.5 * before + 0.01)


class Shared(nn.Module):
    """One layer used twice, another with the same weight under its own name, and one that is never reached."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 5)
        self.second = nn.Linear(5, 5)
        self.second.weight = self.first.weight
        self.last = nn.Linear(5, 2)
        self.unused = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.last(self.second(torch.tanh(self.first(torch.tanh(self.first(x))))))
        return last


def test_shared_weights_are_solved_once_and_the_dense_half_never_sees_them() -> None:
    torch.manual_seed(0)
    network = Shared().eval()
    dense, x = copy.deepcopy(network), torch.randn(7, 5)
    solves: list[int] = []
    given: list[Observed] = []

    def solve(index: int, known: Observed | None) -> Tensor | None:
        assert known is not None
        solves.append(index)
        given.append(known)
        return halved(index, known)

    layers = prunable_layers(network)
    assert [layer.name for layer in layers] == ["first", "last", "unused"]
    solve_in_order(network, layers, [x], solve, positions=9, seed=0)
    assert solves == [0, 1]
    found: list[Tensor] = []
    dense.last.register_forward_pre_hook(lambda module, args: found.append(args[0]))
    dense(x)
    means = given[1].moments.means
    assert means is not None
    torch.testing.assert_close(means[1][0].float(), found[0].mean(dim=0), rtol=1e-4, atol=1e-4)
    assert torch.equal(network.unused.weight, dense.unused.weight)
    assert network.second.weight is network.first.weight
    assert_as_it_came(network, dense)


def test_none_leaves_a_layer_as_it_is() -> None:
    network, fresh = conv_net(), conv_net()
    solved(network, lambda index, known: None)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters(), strict=True))


@pytest.mark.parametrize("batch", [6, 2])
def test_what_was_known_of_a_layer_goes_when_it_is_solved(batch: int) -> None:
    alive: list[weakref.ref[Moments]] = []

    def solve(index: int, known: Observed | None) -> Tensor | None:
        gc.collect()
        assert not any(seen() for seen in alive)
        alive.extend(map(weakref.ref, known.halves if known else ()))
        return halved(index, known)

    network = conv_net()
    solved(network, solve, batch=batch)
    assert len(alive) > 4
