"""Linear layers without their zeros: they say what they said before, and models that have none are told why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.cost.sparse_linear import SparseLinear, block_of, sparse_blocks, sparse_rows, with_sparse_blocks
from fcpts_core.cost.sparse_linear import with_sparse_rows as with_rows
from fcpts_core.errors import InputError
from fcpts_core.export.source import Source
from tests.cost.test_layers import toy


def layer_of(side: int, share: float = 0.25, bias: bool = True) -> nn.Linear:
    """A layer `[32, 48]` that keeps about a share of its blocks."""
    torch.manual_seed(side)
    layer = nn.Linear(48, 32, bias=bias)
    kept = torch.rand(32 // side, 48 // side) < share
    with torch.no_grad():
        layer.weight *= kept.repeat_interleave(side, 0).repeat_interleave(side, 1)
    return layer


def built(network: nn.Module, shape: tuple[int, int, int]) -> Source:
    class Built(Source):
        input_shape = shape

    found = Built("x", toy().config, toy().result, {}, (), 1)
    object.__setattr__(found, "network", network)
    return found


@pytest.mark.parametrize("stored", [sparse_rows, sparse_blocks])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_says_what_it_said_before(stored: Callable[[nn.Linear], SparseLinear | None], bias: bool) -> None:
    layer = layer_of(4, bias=bias)
    other = stored(layer)
    assert other is not None
    for shape in ((48,), (3, 48), (2, 3, 48)):
        x = torch.randn(shape)
        torch.testing.assert_close(other(x), layer(x))


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_the_blocks_that_store_the_fewest_weights_are_taken(side: int) -> None:
    assert block_of(layer_of(side).weight) == side


def test_zeros_that_fill_no_blocks_are_no_blocks() -> None:
    torch.manual_seed(0)
    for weight in (torch.ones(8, 8), torch.zeros(7, 9), (torch.rand(64, 64) < 0.3).float()):
        assert block_of(weight) is None
    assert block_of(layer_of(8, 0.1).weight) == 8  # half of the larger blocks are zero too, but they would hold more


def test_blocks_of_a_network_are_stored_and_counted() -> None:
    source = built(nn.Sequential(nn.Flatten(), layer_of(4), nn.ReLU(), nn.Linear(32, 5)), (3, 4, 4))
    network, count = with_sparse_blocks(source, source.images(2))
    assert count == 1
    torch.testing.assert_close(network(source.images(2)), source.network(source.images(2)))


def test_a_model_without_such_layers_says_so() -> None:
    only = built(nn.Sequential(nn.Conv2d(3, 2, 1)), (3, 4, 4))
    with pytest.raises(InputError, match="no linear layer of which half"):
        with_rows(only, only.images(1))
    with pytest.raises(InputError, match="zeros that lie anywhere seldom fill one"):
        with_sparse_blocks(only, only.images(1))


def test_a_model_that_reaches_into_its_layers_says_so() -> None:
    class Reaching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer_of(4)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x.flatten(1), self.inner.weight.view(32, 48), self.inner.bias)

    source = built(Reaching(), (3, 4, 4))
    with pytest.raises(InputError, match="reaches into its linear layers"):
        with_sparse_blocks(source, source.images(1))


def test_a_build_that_cannot_multiply_blocks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: SparseLinear, x: Tensor) -> Tensor:
        raise RuntimeError("Calling addmm on a sparse CPU tensor requires PyTorch built with MKL.")

    monkeypatch.setattr(SparseLinear, "forward", refuse)
    source = built(nn.Sequential(nn.Flatten(), layer_of(4)), (3, 4, 4))
    with pytest.raises(InputError, match="this build of PyTorch cannot multiply"):
        with_sparse_blocks(source, source.images(1))
