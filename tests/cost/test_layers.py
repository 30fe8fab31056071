"""The cost of a model small enough to count by hand, and what engines would make of it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from fcpts_core.cost import layers as costs
from fcpts_core.cost.engines import ENGINES, verdicts
from fcpts_core.cost.layers import model_cost, satisfies
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import LayerResult, Result
from fcpts_core.export.source import Source
from fcpts_core.masks.patterns import pattern
from tests.engine.stories import finished

PRESSED = {"zip": 0, "zstd": 0}  # what is not for counting by hand


class Toy(nn.Module):
    """3x4x4 images, a 1x1 convolution to 4 channels at 16 positions, then a linear layer on their means."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, bias=False)
        self.linear = nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 0], [3, 0, 0]]).view(4, 3, 1, 1))
            self.linear.weight.copy_(torch.tensor([[1.0, 0, 0, 2], [0, 1, 1, 0]]))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.linear(self.conv(x).mean(dim=(2, 3)))
        return found


class ToySource(Source):
    """A run of that network, which has no card."""

    network = Toy().eval()
    input_shape = (3, 4, 4)


def toy() -> Source:
    network = Toy()
    rows = tuple(
        LayerResult(name, tuple(weight.shape), weight.numel(), int((weight == 0).sum()), 0.5, 0.0)
        for name, weight in (("conv", network.conv.weight), ("linear", network.linear.weight))
    )
    result: Result = replace(finished(0).result, layers=rows)
    return ToySource("toy", RunConfig(), result, network.state_dict(), (), 1)


def test_the_figures_are_those_counted_by_hand() -> None:
    cost = model_cost(toy())
    conv, linear = cost.layers
    assert (conv.weights, conv.zeros, conv.macs, conv.macs_kept) == (12, 9, 12 * 16, 3 * 16)
    assert (linear.weights, linear.zeros, linear.macs, linear.macs_kept) == (8, 4, 8, 4)
    assert (cost.macs, cost.macs_kept) == (200, 52)
    # dense 4 n; bitmask ceil(n / 8) + 4 kept; csr 8 kept + 4 (rows + 1)
    assert dict(conv.bytes) | PRESSED == {"dense": 48, "bitmask": 2 + 12, "csr": 24 + 20} | PRESSED
    assert dict(linear.bytes) | PRESSED == {"dense": 32, "bitmask": 1 + 16, "csr": 32 + 12} | PRESSED
    assert cost.total.bytes["dense"] == 80
    assert conv.pointwise
    assert not linear.pointwise


def test_patterns_are_found_where_they_hold() -> None:
    assert [layer.patterns for layer in model_cost(toy()).layers] == [(), ("2:4",)]
    generator = torch.Generator().manual_seed(0)
    for name in costs.PATTERNS:
        weight = torch.randn(6, 16, 3, 3, generator=generator)
        assert not satisfies(weight, name)
        kind = pattern(name)
        weight *= kind.choose(weight.abs(), kind.fewest(tuple(weight.shape)))
        assert satisfies(weight, name)


def test_engines_say_whether_the_model_has_what_they_need() -> None:
    found = {verdict.engine: verdict for verdict in verdicts(model_cost(toy()))}
    assert set(found) == {engine.name for engine in ENGINES}
    assert found["XNNPACK (TensorFlow Lite)"].qualifies
    assert found["XNNPACK (TensorFlow Lite)"].why == "96% of its multiply-adds are in sparse 1x1 convolutions"
    assert not found["TensorRT"].qualifies
    assert found["Core ML"].qualifies
    assert not found["OpenVINO"].qualifies
    assert all(verdict.source.startswith("https://") and verdict.why for verdict in found.values())


def test_a_dense_model_qualifies_for_nothing() -> None:
    source = toy()
    dense = Toy()
    nn.init.ones_(dense.conv.weight)
    nn.init.ones_(dense.linear.weight)

    class Dense(ToySource):
        network = dense.eval()

    cost = model_cost(Dense("toy", source.config, source.result, dense.state_dict(), (), 1))
    assert not any(verdict.qualifies for verdict in verdicts(cost))
    assert cost.macs_kept == cost.macs == 200
