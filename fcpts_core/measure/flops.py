"""How much arithmetic a sparse network still has to do: multiply-adds of its prunable layers.

    MACs = sum_l u_l n_l,        kept = sum_l u_l n_l (1 - r_l) / MACs

`u_l` is how often each weight of layer `l` is used for one image: the positions of the output of a convolution (of the
input, for a transposed one), the rows that pass through a linear layer. One multiply-add is counted as one; the other
layers' work (norms, activations, attention's products) is left out, as it stays the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fcpts_core.measure.accuracy import eval_mode
from fcpts_core.models.layers import PrunableLayer

CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)


class _Uses(TorchFunctionMode):
    """Counts at the products themselves: some networks hand a layer's weight to a function and never call the layer."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__()
        self.counts = {id(weight): 0 for weight in weights}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        weight = args[1] if len(args) > 1 else kwargs.get("weight")
        if id(weight) in self.counts:
            inputs = args[0] if args else kwargs["input"]
            if func is F.linear:
                self.counts[id(weight)] += math.prod(inputs.shape[:-1])
            elif func in CONVOLUTIONS:
                self.counts[id(weight)] += output.numel() // output.shape[1]
            elif func in TRANSPOSED:
                self.counts[id(weight)] += inputs.numel() // inputs.shape[1]
        return output


@torch.no_grad()
def uses(network: nn.Module, layers: Sequence[PrunableLayer], image: Tensor) -> tuple[int, ...]:
    """`u_l` of each layer for `image` `[1, C, H, W]`; 0 for a layer that is not reached, the sum over several calls."""
    counting = _Uses([layer.weight for layer in layers])
    with eval_mode(network), counting:
        network(image)
    return tuple(counting.counts[id(layer.weight)] for layer in layers)


def kept_share(often: Sequence[int], layers: Sequence[PrunableLayer]) -> float | None:
    """The share of multiply-adds that are left, in [0, 1]; None where there are none at all."""
    dense = sum(count * layer.weights for count, layer in zip(often, layers, strict=True))
    kept = sum(count * int(layer.weight.count_nonzero()) for count, layer in zip(often, layers, strict=True))
    return kept / dense if dense else None
