"""Multi-head attention whose projections are layers of their own, so that each of q, k and v can be pruned by itself.

`nn.MultiheadAttention` keeps the three in one parameter and hands it to a function, where neither hooks nor masks of a
layer reach it. `split(network)` puts a `SplitAttention` in the place of each: the same numbers, `q`, `k`, `v` and
`out_proj` as plain linear layers. Its state dict has the names of the original (`in_proj_weight` ...), for reading and
for writing, so files of weights know nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PARTS = ("q", "k", "v")


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """`softmax(q k' / sqrt(d) + mask) v` of `[N, heads, T, d]`, in the dtype of `q`.

    A processor computes it in float32 where q, k and v are bfloat16: its kernel for these takes three times as long.
    """
    if q.dtype != torch.bfloat16 or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, mask, dropout)
    with torch.autocast("cpu", enabled=False):
        wide = mask if mask is None or mask.dtype == torch.bool else mask.float()
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), wide, dropout).to(q.dtype)


class SplitAttention(nn.Module):
    """`out_proj(softmax(q k' / sqrt(width / heads) + mask) v)`, called as `nn.MultiheadAttention` is.

    `[N, T, width]` if `batch_first`, else `[T, N, width]`; without the axis `N` for a single sequence.
    """

    # What `nn.TransformerEncoderLayer` asks of its attention; either answer keeps it off its fused path, which would
    # pass its linear layers by.
    in_proj_bias = None
    _qkv_same_embed_dim = False

    def __init__(self, fused: nn.MultiheadAttention) -> None:
        super().__init__()
        self.embed_dim, self.num_heads = fused.embed_dim, fused.num_heads
        self.dropout, self.batch_first = fused.dropout, fused.batch_first
        self.fused = fused._qkv_same_embed_dim
        bias = fused.in_proj_bias is not None
        for part, width in zip(PARTS, (fused.embed_dim, fused.kdim, fused.vdim), strict=True):
            self.add_module(part, nn.Linear(width, fused.embed_dim, bias))
        self.out_proj = nn.Linear(fused.embed_dim, fused.embed_dim, fused.out_proj.bias is not None)
        self.register_load_state_dict_pre_hook(_apart)  # type: ignore[no-untyped-call]
        self.register_state_dict_post_hook(_together)  # type: ignore[no-untyped-call]
        self.load_state_dict(fused.state_dict())
        self.train(fused.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        single = query.ndim == 2
        if single:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (
            part(x).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for part, x in zip(map(self.get_submodule, PARTS), (query, key, value), strict=True)
        )
        mask = self._mask(attn_mask, key_padding_mask, q)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
            weights = (scores if mask is None else scores + mask).softmax(dim=3)
            mixed = F.dropout(weights, dropout) @ v
            weights = weights.mean(dim=1) if average_attn_weights else weights
        else:
            mixed = attend(q, k, v, mask, dropout)
        output = self.out_proj(mixed.transpose(1, 2).flatten(2))
        if single:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), weights

    def _mask(self, attn: Tensor | None, padding: Tensor | None, q: Tensor) -> Tensor | None:
        """What is added to the scores `[N, heads, T, S]`, broadcast; minus infinity where a bool mask is True."""
        total = None
        if attn is not None:
            total = _added(attn, q)
            if total.ndim == 3:
                total = total.unflatten(0, (-1, self.num_heads))
        if padding is not None:
            keys = _added(padding.reshape(-1, padding.shape[-1])[:, None, None], q)
            total = keys if total is None else total + keys
        return total


def split(network: nn.Module) -> nn.Module:
    """The network with every `nn.MultiheadAttention` replaced, in place; itself a new module only if it is one.

    Those with the rare extras (`add_bias_kv`, `add_zero_attn`) stay as they are.
    """
    if _splittable(network):
        assert isinstance(network, nn.MultiheadAttention)
        return SplitAttention(network)
    replaced: dict[int, nn.Module] = {}  # a module in two places stays one module
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None and _splittable(child):
                assert isinstance(child, nn.MultiheadAttention)
                parent._modules[name] = replaced.setdefault(id(child), SplitAttention(child))
    return network


def apart(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state dict under the names of the network's parameters, where its attention is split."""
    found = dict(state)
    for name, part in network.named_modules():
        if isinstance(part, SplitAttention):
            _apart(part, found, f"{name}." if name else "")
    return found


def _splittable(module: nn.Module) -> bool:
    return type(module) is nn.MultiheadAttention and module.bias_k is None and not module.add_zero_attn


def _added(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -torch.inf)
    return mask.to(like.dtype)


def _apart(module: SplitAttention, state: MutableMapping[str, Tensor], prefix: str, *rest: Any) -> None:
    """Before loading: fused names become those of the parts; what does not divide is left for the loader to refuse."""
    if f"{prefix}in_proj_weight" in state:
        for part, weight in zip(PARTS, state.pop(f"{prefix}in_proj_weight").chunk(3), strict=True):
            state[f"{prefix}{part}.weight"] = weight
    for part in PARTS:
        if f"{prefix}{part}_proj_weight" in state:
            state[f"{prefix}{part}.weight"] = state.pop(f"{prefix}{part}_proj_weight")
    if f"{prefix}in_proj_bias" in state:
        for part, bias in zip(PARTS, state.pop(f"{prefix}in_proj_bias").chunk(3), strict=True):
            state[f"{prefix}{part}.bias"] = bias


def _together(module: SplitAttention, state: MutableMapping[str, Any], prefix: str, metadata: Any) -> None:
    """After saving: the names of the parts become the fused ones, unless masks are on and the weights are elsewhere."""
    if any(f"{prefix}{part}.weight" not in state for part in PARTS):
        return
    weights = [state.pop(f"{prefix}{part}.weight") for part in PARTS]
    if module.fused:
        state[f"{prefix}in_proj_weight"] = torch.cat(weights)
    else:
        state.update({f"{prefix}{part}_proj_weight": weight for part, weight in zip(PARTS, weights, strict=True)})
    if f"{prefix}q.bias" in state:
        state[f"{prefix}in_proj_bias"] = torch.cat([state.pop(f"{prefix}{part}.bias") for part in PARTS])
