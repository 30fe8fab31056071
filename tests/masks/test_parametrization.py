"""A mask hangs on a layer and comes off again: nothing of it stays, whatever happened in between."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fcpts_core.bridge import layer_scale, threshold_for
from fcpts_core.density import estimate
from fcpts_core.errors import InputError
from fcpts_core.masks.estimators import ESTIMATORS
from fcpts_core.masks.parametrization import Pruned, original, pruned, zeros_kept
from fcpts_core.models.layers import PrunableLayer, prunable_layers
from tests.cases import NETWORKS, conv_net


def half_off(layers: tuple[PrunableLayer, ...], estimator: str = "window") -> list[Pruned]:
    return [Pruned(layer, threshold_for(layer.weight, 0.5), estimator, "silverman") for layer in layers]


def read(layer: PrunableLayer) -> Tensor:
    """What the layer computes with now."""
    weight = layer.module.weight
    assert isinstance(weight, Tensor)
    return weight


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return NETWORKS[request.param]()


class Trace:
    """All that could betray a mask: parts, their classes, parameters by identity, hooks, values."""

    def __init__(self, network: nn.Module) -> None:
        self.parts = [(name, type(part), set(vars(part))) for name, part in network.named_modules()]
        self.parameters = {name: id(parameter) for name, parameter in network.named_parameters()}
        self.values = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def assert_same(self, network: nn.Module) -> None:
        after = Trace(network)
        assert after.parts == self.parts
        assert after.parameters == self.parameters
        assert after.values.keys() == self.values.keys()
        assert all(torch.equal(tensor, self.values[name]) for name, tensor in after.values.items())


def test_weights_are_masked_while_it_is_on(network: nn.Module) -> None:
    layers = prunable_layers(network)
    dense = [layer.weight.detach().clone() for layer in layers]
    masks = half_off(layers)
    with pruned(layers, masks):
        for layer, weight, mask in zip(layers, dense, masks, strict=True):
            assert torch.equal(read(layer), weight * (weight.abs() >= mask.threshold.value))


def test_it_comes_off_without_a_trace(network: nn.Module) -> None:
    layers, trace = prunable_layers(network), Trace(network)
    with pruned(layers, half_off(layers)):
        network(torch.randn(2, 3, 8, 8)).sum().backward()
    trace.assert_same(network)


def test_it_comes_off_after_an_error(network: nn.Module) -> None:
    layers, trace = prunable_layers(network), Trace(network)
    with pytest.raises(ZeroDivisionError), pruned(layers, half_off(layers)):
        _ = 1 / 0
    trace.assert_same(network)


def test_masks_that_are_on_come_off_where_another_does_not_go_on(network: nn.Module) -> None:
    layers, trace = prunable_layers(network), Trace(network)
    stranger = PrunableLayer("relu", "ReLU", nn.Parameter(torch.ones(2)), nn.ReLU())
    with (
        pytest.raises(ValueError, match="does not have"),
        pruned([*layers, stranger], [*half_off(layers), *half_off((stranger,))]),
    ):
        pass
    trace.assert_same(network)


def test_what_is_learned_beneath_stays(network: nn.Module) -> None:
    layers = prunable_layers(network)
    learned = [torch.randn_like(layer.weight) for layer in layers]
    with pruned(layers, half_off(layers)), torch.no_grad():
        for layer, weight in zip(layers, learned, strict=True):
            original(layer).copy_(weight)
    assert all(torch.equal(read(layer), weight) for layer, weight in zip(layers, learned, strict=True))


def test_the_original_is_the_parameter_itself_on_or_off(network: nn.Module) -> None:
    layers = prunable_layers(network)
    assert all(original(layer) is layer.weight for layer in layers)
    with pruned(layers, half_off(layers)):
        assert all(original(layer) is layer.weight for layer in layers)
        assert all(parametrize.is_parametrized(layer.module, "weight") for layer in layers)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_output_is_that_of_the_network_with_those_zeros(network: nn.Module, estimator: str) -> None:
    layers, inputs = prunable_layers(network), torch.randn(2, 3, 8, 8)
    by_hand = copy.deepcopy(network)
    masks = half_off(layers, estimator)
    for layer, mask in zip(prunable_layers(by_hand), masks, strict=True):
        layer.weight.detach()[layer.weight.abs() < mask.threshold.value] = 0
    with pruned(layers, masks):
        assert torch.equal(network(inputs), by_hand(inputs))


def test_a_mask_starts_where_it_is_asked_to_on_its_layer_s_own_scale() -> None:
    layer = prunable_layers(nn.Sequential(nn.Conv2d(2, 3, 3)))[0]
    mask = Pruned(layer, 0.07, "window", "scott")
    assert mask.threshold.value == pytest.approx(0.07)
    assert float(mask.threshold.scale) == pytest.approx(layer_scale(layer.weight))
    assert mask.density.bandwidth == estimate(layer.weight.detach(), "scott").bandwidth
    assert mask.curvature.shape == layer.shape
    assert not mask.curvature.any()


def test_the_density_is_that_of_the_last_refresh() -> None:
    layer = prunable_layers(nn.Sequential(nn.Linear(9, 9)))[0]
    mask = Pruned(layer, 0.1, "window", "0.125")
    before = mask.density
    with torch.no_grad():
        layer.weight.mul_(3)
    assert mask.density is before
    mask.refresh(layer.weight)
    assert mask.density.bandwidth == 0.125
    x = torch.linspace(-1, 1, 9)
    assert torch.equal(mask.density.pdf_at(x), estimate(layer.weight.detach(), 0.125).pdf_at(x))


def test_the_curvature_is_a_fading_mean_of_squares_without_bias() -> None:
    layer = prunable_layers(nn.Sequential(nn.Linear(3, 2)))[0]
    mask = Pruned(layer, 0.1, "curvature", "silverman")
    grads = [torch.randn(2, 3) for _ in range(5)]
    for step, grad in enumerate(grads):
        mask.observe(grad, 0.8, step)
        shares = torch.tensor([0.8 ** (step - k) for k in range(step + 1)])
        squares = torch.stack(grads[: step + 1]).square()
        assert torch.allclose(mask.curvature, torch.einsum("k,kij->ij", shares / shares.sum(), squares))


def test_weights_that_are_zero_stay_so_while_they_are_kept() -> None:
    network = conv_net()
    with torch.no_grad():
        network.conv1.weight[::2] = 0
    layers, before = prunable_layers(network), network.conv1.weight != 0
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    dense = [layer.weight.detach().clone() for layer in layers]
    with zeros_kept(layers, dense), pruned(layers, half_off(layers)):
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.randn(4, 3, 8, 8)).square().sum().backward()
            optimizer.step()
    assert torch.equal(network.conv1.weight != 0, before)
    assert not network.idle.weight.any()
    network(torch.randn(4, 3, 8, 8)).square().sum().backward()
    assert network.idle.weight.grad is not None
    assert network.idle.weight.grad.any()


def test_a_bandwidth_that_is_none_is_refused() -> None:
    layer = prunable_layers(nn.Sequential(nn.Linear(3, 2)))[0]
    with pytest.raises(InputError, match="bandwidth"):
        Pruned(layer, 0.1, "window", "wide")


def test_all_who_share_a_weight_wear_its_mask() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    layers = prunable_layers(network)
    mask = Pruned(layers[0], threshold_for(layers[0].weight, 0.5), "none", "silverman")
    with pruned(layers, [mask]):
        assert [int(torch.count_nonzero(read(replace(layers[0], module=part)))) for part in network] == [8, 8]
        assert original(layers[0]) is layers[0].weight
    assert network[0].weight is network[1].weight
    assert int(layers[0].weight.count_nonzero()) == 16
