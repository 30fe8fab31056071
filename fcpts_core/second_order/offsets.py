"""Which layers may add a constant to each output channel: those with a bias, and those with a batch norm right behind.

    y = gamma (a + o - mu) / s + beta = gamma (a - (mu - o)) / s + beta

So an offset `o` of a layer without a bias is as good as another running mean of its norm, and least squares may leave
the means of the outputs to it. Inputs behind a ReLU have means as large as their deviations or larger: weights that
need not reproduce them have the whole of their freedom for what differs from image to image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fcpts_core.reconstruction.norms import norm_layers, norm_mode


class _Uses(TorchDispatchMode):
    """Counts the operations that are given one of the `watched` tensors."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.watched: dict[int, Tensor] = {}  # by id, and kept alive, so that no other tensor gets it
        self.count: Counter[int] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.count.update(id(value) for value in tree_leaves((args, kwargs)) if id(value) in self.watched)
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def norms_behind(network: nn.Module, layers: Iterable[nn.Module], inputs: Tensor) -> dict[nn.Module, _BatchNorm]:
    """For each layer whose output nothing but one batch norm is given, that norm; both are called once for `inputs`.

    What else is given the output, a sum around a block for one, would see the offset without the running mean. Layers
    and norms must count their channels alike.
    """
    uses = _Uses()
    said: dict[int, nn.Module] = {}
    heard: dict[int, _BatchNorm] = {}
    calls: Counter[nn.Module] = Counter()

    def of_layer(module: nn.Module, args: object, output: object) -> None:
        calls[module] += 1
        if isinstance(output, Tensor) and _by_channels(module, output):
            uses.watched[id(output)] = output
            said[id(output)] = module

    def of_norm(norm: nn.Module, args: tuple[Any, ...]) -> None:
        calls[norm] += 1
        if args and id(args[0]) in said and isinstance(norm, _BatchNorm):
            heard[id(args[0])] = norm

    handles = [layer.register_forward_hook(of_layer) for layer in layers]
    handles += [norm.register_forward_pre_hook(of_norm) for norm in norm_layers(network)]
    try:
        with norm_mode(network, "eval"), uses:
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return {
        said[key]: norm
        for key, norm in heard.items()
        if uses.count[key] == 1 and calls[said[key]] == calls[norm] == 1
        if _channels(said[key]) == norm.num_features
    }


def _channels(module: nn.Module) -> int:
    return module.out_channels if isinstance(module, nn.Conv2d) else getattr(module, "out_features", 0)


def _by_channels(module: nn.Module, output: Tensor) -> bool:
    """Whether axis 1, which a batch norm takes for the channels, is the layer's outputs."""
    return isinstance(module, nn.Conv2d) or (isinstance(module, nn.Linear) and output.ndim == 2)


def along_channels(offset: Tensor, output: Tensor) -> Tensor:
    """`offset` `[out]` in a shape that can be added to `output` `[B, out, ...]`."""
    return offset.view(-1, *[1] * (output.ndim - 2))
