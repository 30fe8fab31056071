"""Zeros stay zero through any training loop, and the masks leave nothing behind."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks as global_hooks

import fcpts_core
from fcpts_core.errors import InputError
from fcpts_core.masks.holding import apply_mask
from fcpts_core.models.attention import split
from fcpts_core.models.layers import prunable_layers
from tests.cases import NETWORKS, conv_net

OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], Optimizer]] = {
    "sgd": lambda weights: SGD(weights, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda weights: Adam(weights, lr=0.01, weight_decay=0.1),
    "adamw": lambda weights: AdamW(weights, lr=0.01, amsgrad=True),
}


def images() -> Tensor:
    return torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def sparse_state(network: nn.Module) -> dict[str, Tensor]:
    """The network's state with half of the weights of every layer at zero."""
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for layer in prunable_layers(network):
        weight = state[f"{layer.name}.weight"]
        weight[weight.abs() < weight.abs().median()] = 0
    return state


def train(network: nn.Module, optimizer: Optimizer, steps: int = 3) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        network(images()).square().sum().backward()
        optimizer.step()


def broken(network: nn.Module, state: dict[str, Tensor]) -> int:
    """How many weights that are zero in `state` are not in the network's layers."""
    return sum(int((layer.weight[state[f"{layer.name}.weight"] == 0] != 0).sum()) for layer in prunable_layers(network))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_zeros_stay_and_the_others_learn(name: str, optimizer: str) -> None:
    network = NETWORKS[name]()
    state = sparse_state(network)
    made = OPTIMIZERS[optimizer](list(network.parameters()))
    train(network, made)  # so that there is momentum for every weight
    with apply_mask(network, state) as held:
        assert held.zeros == sum(int((state[f"{layer.name}.weight"] == 0).sum()) for layer in prunable_layers(network))
        for _ in range(3):
            before = {layer.name: layer.weight.detach().clone() for layer in prunable_layers(network)}
            train(network, made, steps=1)
            assert broken(network, state) == 0
            for layer in prunable_layers(network):
                assert layer.weight.grad is not None
                assert not bool(layer.weight.grad[state[f"{layer.name}.weight"] == 0].any())
        assert any(not torch.equal(layer.weight, before[layer.name]) for layer in prunable_layers(network))
    assert broken(network, state) == 0


def test_nothing_is_left_behind_and_the_weights_are_free_again() -> None:
    network = conv_net()
    state = sparse_state(network)
    identities = {name: id(parameter) for name, parameter in network.named_parameters()}
    names, hooks = list(network.state_dict()), len(global_hooks)
    held = apply_mask(network, state)
    assert list(network.state_dict()) == names
    held.remove()
    held.remove()
    assert {name: id(parameter) for name, parameter in network.named_parameters()} == identities
    assert (len(network._forward_pre_hooks), len(network._state_dict_pre_hooks), len(global_hooks)) == (0, 0, hooks)
    assert not any(parameter._backward_hooks for parameter in network.parameters())
    train(network, SGD(network.parameters(), lr=0.1))
    assert broken(network, state) > 0


def test_weights_that_are_copied_in_are_zero_in_the_next_pass_and_in_checkpoints() -> None:
    network = conv_net()
    dense, state = copy.deepcopy(network.state_dict()), sparse_state(network)
    with apply_mask(network, state):
        network.load_state_dict(dense)
        assert not bool(network.state_dict()["conv1.weight"][state["conv1.weight"] == 0].any())
        network.load_state_dict(dense)
        network(images())
        assert broken(network, state) == 0


def test_gradients_that_are_not_finite_reach_no_held_weight() -> None:
    network = conv_net()
    state = sparse_state(network)
    with apply_mask(network, state):
        (network(images()) * torch.inf).sum().backward()
        weight = network.get_parameter("conv1.weight")
        assert weight.grad is not None
        assert not bool(weight.grad[state["conv1.weight"] == 0].any())
        assert not bool(weight.grad.isfinite().all())


def test_two_forward_passes_may_wait_for_one_backward_pass() -> None:
    network = conv_net().eval()
    with apply_mask(network, sparse_state(network)):
        first, second = network(images()), network(images())
        (first.sum() + second.sum()).backward()


def test_masks_hold_any_parameter_and_weights_are_not_copied() -> None:
    network = conv_net()
    kept = network.get_parameter("bn1.bias").detach().clone() + 1
    with torch.no_grad():
        network.get_parameter("bn1.bias").copy_(kept)
    mask = torch.tensor([True, False, True, True])
    with apply_mask(network, {"bn1.bias": mask}) as held:
        assert (held.parameters, held.zeros) == (("bn1.bias",), 1)
        assert torch.equal(network.get_parameter("bn1.bias"), kept * mask)


def test_a_state_may_have_other_things_in_it() -> None:
    network = conv_net()
    state = {**sparse_state(network), "attention.seen": torch.tensor([True]), "conv1.bias": torch.zeros(9)}
    with apply_mask(network, state) as held:
        assert set(held.parameters) <= {f"{layer.name}.weight" for layer in prunable_layers(network)}
        assert broken(network, state) == 0


def test_a_copy_of_the_network_holds_its_own_zeros() -> None:
    network = conv_net()
    state = sparse_state(network)
    with apply_mask(network, state):
        average = copy.deepcopy(network)
        with torch.no_grad():
            for parameter in average.parameters():
                parameter.fill_(1.0)
        average(images())
        assert broken(average, state) == 0


def test_a_network_that_is_dropped_takes_its_hook_along() -> None:
    before = len(global_hooks)
    network = conv_net()
    held = apply_mask(network, sparse_state(network))
    assert len(global_hooks) == before + 1
    del network, held
    gc.collect()
    assert len(global_hooks) == before


def test_a_model_without_zeros_has_nothing_to_hold() -> None:
    network = nn.Linear(3, 3)
    with apply_mask(network, {"weight": torch.ones(3, 3)}) as held:
        assert (held.parameters, held.zeros) == ((), 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "There is no mask, and no weight"),
        ({"conv9.weight": torch.zeros(2)}, "There is no mask, and no weight"),
        ({"conv9.weight": torch.ones(2, dtype=torch.bool)}, "has no parameter conv9.weight: expected names such as co"),
        ({"conv1.weight": torch.zeros(2)}, r"The mask of conv1.weight has shape \[2\]: expected .* \[4, 3, 3, 3\]"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Tensor], said: str) -> None:
    with pytest.raises(InputError, match=said):
        apply_mask(conv_net(), given)


def test_the_package_offers_it_without_importing_torch() -> None:
    assert fcpts_core.apply_mask is apply_mask
    with pytest.raises(AttributeError, match="no attribute 'apply_masks'"):
        getattr(fcpts_core, "apply_" + "masks")
    code = "import sys, fcpts_core; print('torch' in sys.modules)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert seen.stdout.strip() == "False"


@pytest.mark.parametrize("apart", [False, True])
def test_zeros_of_attention_are_held_fused_or_taken_apart(apart: bool) -> None:
    network: nn.Module = nn.Sequential(nn.MultiheadAttention(4, 2))
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state["0.in_proj_weight"][:6] = 0
    network = split(network) if apart else network
    with apply_mask(network, state) as held:
        assert held.zeros == 24
        assert not network.state_dict()["0.in_proj_weight"][:6].any()
