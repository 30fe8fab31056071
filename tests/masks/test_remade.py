"""Masked weights that are made anew for the backward pass: the same bits, and not kept for it."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.bridge import threshold_for
from fcpts_core.masks.estimators import ESTIMATORS, PIECE, masked
from fcpts_core.masks.parametrization import Pruned, original, pruned
from fcpts_core.masks.remade import known, remade
from fcpts_core.models.layers import PrunableLayer, prunable_layers
from fcpts_core.reconstruction.netwise import Following
from tests.cases import NETWORKS


def half_off(layer: PrunableLayer, estimator: str) -> Pruned:
    return Pruned(layer, threshold_for(layer.weight, 0.5), estimator, "silverman")


MASKS: dict[str, Callable[[PrunableLayer], nn.Module]] = {
    **{name: partial(half_off, estimator=name) for name in ESTIMATORS},
    "anew": lambda layer: Following(layer.weight, layer.weights // 2, "unstructured", 0.1, False),
    "fixed": lambda layer: Following(layer.weight, layer.weights // 2, "unstructured", 0.0, True),
}


def gradients(network: nn.Module, mask: str, inputs: Tensor, spare: bool) -> list[Tensor]:
    """Of all weights and thresholds."""
    network = copy.deepcopy(network)
    layers = prunable_layers(network)
    masks = [MASKS[mask](layer) for layer in layers]
    with pruned(layers, masks):
        if spare:
            with remade():
                loss = network(inputs).square().sum()
        else:
            loss = network(inputs).square().sum()
        loss.backward()
    learned = [*network.parameters(), *(p for mask in masks for p in mask.parameters())]
    return [torch.zeros(()) if p.grad is None else p.grad for p in learned]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("mask", MASKS)
def test_gradients_are_the_same_bits(name: str, mask: str) -> None:
    network, inputs = NETWORKS[name](), torch.randn(2, 3, 8, 8)
    kept, made = (gradients(network, mask, inputs, spare) for spare in (False, True))
    assert any(grad.any() for grad in kept)
    assert all(torch.equal(one, other) for one, other in zip(kept, made, strict=True))


def test_masked_weights_do_not_wait_for_the_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS["conv"]()
    unpacked: list[Any] = []

    def unpack(packed: Any) -> Any:
        unpacked.append(packed)
        return packed.unpacked()

    monkeypatch.setattr("fcpts_core.masks.remade._unpack", unpack)
    layers = prunable_layers(network)
    with pruned(layers, [MASKS["curvature"](layer) for layer in layers]):
        with remade():
            loss = network(torch.randn(2, 3, 8, 8)).square().sum()
        loss.backward()
        used = [layer for layer in layers if original(layer).grad is not None]
    assert len(used) > 3
    assert sum(hasattr(packed, "make") for packed in unpacked) == len(used)


def test_views_of_a_masked_weight_are_made_again_too() -> None:
    weight = torch.randn(4, 6, requires_grad=True)
    threshold, inputs = torch.tensor(0.5), torch.randn(3, 2)

    def loss() -> Tensor:
        value = known(ESTIMATORS["none"](weight, threshold, 0.1, weight), lambda: masked(weight, threshold))
        return (inputs @ value[1:3, ::2].exp() + F.linear(torch.ones(1, 6), value).sum()).square().sum()

    (kept,) = torch.autograd.grad(loss(), weight)
    with remade():
        spared = loss()
    assert torch.equal(torch.autograd.grad(spared, weight)[0], kept)


def test_what_lies_where_a_masked_weight_was_is_not_mistaken_for_it() -> None:
    """Many masked weights of one size that nobody keeps: the next tensors get their memory."""
    weight, threshold = torch.randn(64, 64), torch.tensor(0.5)
    x = torch.randn(64, 64, requires_grad=True)

    def loss() -> Tensor:
        y = x
        for _ in range(20):
            known(masked(weight, threshold), lambda: masked(weight, threshold))
            y = (y * 1.01).tanh()
        return y.sum()

    (kept,) = torch.autograd.grad(loss(), x)
    with remade():
        spared = loss()
    assert torch.equal(torch.autograd.grad(spared, x)[0], kept)


def test_a_tensor_that_is_changed_before_its_backward_pass_is_still_found_out() -> None:
    x = torch.randn(4, requires_grad=True)
    with remade():
        doubled = 2 * x
        loss = doubled.square().sum()
    doubled.detach().add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_operations_in_place_are_as_good_as_ever() -> None:
    x = torch.randn(4, requires_grad=True)
    with remade():
        loss = F.relu(2 * x, inplace=True).square().sum()
    loss.backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, 8 * x.clamp_min(0))


def test_large_weights_are_masked_piece_by_piece_to_the_same_bits() -> None:
    weights = torch.randn(5, PIECE // 2 + 3)
    assert torch.equal(masked(weights, torch.tensor(0.7)), weights * (weights.abs() >= 0.7))
    turned = weights.t()
    assert torch.equal(masked(turned, torch.tensor(0.7)), turned * (turned.abs() >= 0.7))
