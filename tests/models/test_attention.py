"""Attention taken apart into layers says what the fused one says, and reads and writes the same files."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fcpts_core.models.attention import SplitAttention, attend, split
from fcpts_core.models.layers import prunable_layers

WIDTH, HEADS = 8, 2


def attention(**how: Any) -> nn.MultiheadAttention:
    torch.manual_seed(0)
    fused = nn.MultiheadAttention(WIDTH, HEADS, **how).eval()
    for parameter in fused.parameters():
        nn.init.normal_(parameter)
    return fused


@pytest.mark.parametrize(
    "how", [{}, {"batch_first": True}, {"bias": False}, {"kdim": 5, "vdim": 3}, {"batch_first": True, "kdim": 5}]
)
@pytest.mark.parametrize("need_weights", [False, True])
def test_it_says_what_the_fused_one_says(how: dict[str, Any], need_weights: bool) -> None:
    fused = attention(**how)
    apart = split(copy.deepcopy(fused))
    assert isinstance(apart, SplitAttention)
    query, key = torch.randn(3, 4, WIDTH), torch.randn(3, 4, how.get("kdim", WIDTH))
    value = torch.randn(3, 4, how.get("vdim", WIDTH))
    for theirs, mine in zip(
        fused(query, key, value, need_weights=need_weights),
        apart(query, key, value, need_weights=need_weights),
        strict=True,
    ):
        assert (theirs is None) == (mine is None)
        if theirs is not None:
            torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("average", [False, True])
def test_masks_and_single_sequences(average: bool) -> None:
    fused = attention(batch_first=True)
    apart = split(copy.deepcopy(fused))
    x = torch.randn(2, 4, WIDTH)
    causal = torch.ones(4, 4, dtype=torch.bool).triu(1)
    padding = torch.tensor([[False, False, False, True], [False] * 4])
    each = torch.randn(2 * HEADS, 4, 4)
    for given in ({"attn_mask": causal}, {"attn_mask": causal, "key_padding_mask": padding}, {"attn_mask": each}):
        for theirs, mine in zip(
            fused(x, x, x, average_attn_weights=average, **given),
            apart(x, x, x, average_attn_weights=average, **given),
            strict=True,
        ):
            torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(apart(x[0], x[0], x[0])[0], fused(x[0], x[0], x[0])[0])


@pytest.mark.parametrize("how", [{}, {"bias": False}, {"kdim": 5, "vdim": 3}])
def test_its_files_are_those_of_the_fused_one(how: dict[str, Any]) -> None:
    fused = attention(**how)
    apart, other = split(copy.deepcopy(fused)), split(nn.MultiheadAttention(WIDTH, HEADS, **how))
    state = apart.state_dict()
    assert state.keys() == fused.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in fused.state_dict().items())
    other.load_state_dict(state, strict=True)
    copied = copy.deepcopy(other)
    assert all(torch.equal(copied.state_dict()[name], tensor) for name, tensor in state.items())


def test_an_encoder_of_pytorch_calls_every_linear_layer_of_itself() -> None:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    before, x = copy.deepcopy(encoder), torch.randn(2, 3, WIDTH)
    split(encoder)
    called = set()
    for found in prunable_layers(encoder):
        found.module.register_forward_hook(lambda module, args, output, name=found.name: called.add(name))
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), before(x))
    assert called == {found.name for found in prunable_layers(encoder)}
    assert len(called) == 12


def test_shared_attention_stays_shared_and_rare_extras_stay_fused() -> None:
    shared = attention()
    network = nn.ModuleDict({"a": shared, "b": shared, "c": attention(add_bias_kv=True)})
    split(network)
    assert network["a"] is network["b"]
    assert isinstance(network["a"], SplitAttention)
    assert isinstance(network["c"], nn.MultiheadAttention)


@pytest.mark.parametrize(
    "mask", [None, torch.tensor([[0.0, -torch.inf, 0.0]] * 3), torch.tensor([[True, False, True]] * 3)]
)
def test_in_bfloat16_it_attends_as_in_float32_and_rounds_once(mask: torch.Tensor | None) -> None:
    q, k, v = (torch.randn(2, HEADS, 3, 4, dtype=torch.bfloat16) for _ in range(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = attend(q, k, v, mask)
    assert torch.equal(found, F.scaled_dot_product_attention(q.float(), k.float(), v.float(), mask).bfloat16())
