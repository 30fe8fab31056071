"""The prunable layers of a network: every convolution and every linear layer, in network order.

Modules are looked at, never traced, so it does not matter what the network's code does with them. Embeddings, norms
and biases are no such layers. What looks like one but is left alone says why, in `left_alone`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from torch import nn

from fcpts_core.errors import InputError

PRUNABLE = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
FUSED = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""Matrices of an `nn.MultiheadAttention` that has not been taken apart (see `attention`)."""


@dataclass(frozen=True, eq=False)
class PrunableLayer:
    """One weight tensor that may be pruned; `name` is the module's path, `kind` its class name.

    `others` are further modules that hold the same tensor.
    """

    name: str
    kind: str
    weight: nn.Parameter
    module: nn.Module
    others: tuple[nn.Module, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.weight.shape)

    @property
    def weights(self) -> int:
        """How many weights the layer has, `n_l`."""
        return self.weight.numel()

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        """All modules that hold the weight."""
        return (self.module, *self.others)

    def matches(self, pattern: str) -> bool:
        """Whether `pattern`, in shell wildcards, is the layer's name or its class (`layer1.*`, `linear`, `Conv2d`)."""
        return fnmatchcase(self.name, pattern) or fnmatchcase(self.kind, pattern)


def prunable_layers(
    module: nn.Module, exclude: Sequence[str] = (), include: Sequence[str] = ()
) -> tuple[PrunableLayer, ...]:
    """The layers of `module` in the order in which it registers them: those that match a pattern of `include`, all of
    them where that is empty, without those that match one of `exclude`.

    A weight that several layers share counts once, under the first one's name. A pattern that matches nothing, or
    patterns that leave nothing to prune, are an InputError.
    """
    layers = all_layers(module)
    if not layers:
        raise InputError("The model has no convolution and no linear layer: there is nothing to prune.")
    for word, patterns in (("included", include), ("excluded", exclude)):
        for pattern in patterns:
            if not any(layer.matches(pattern) for layer in layers):
                raise InputError(
                    f"No prunable layer matches the {word} {pattern!r}: expected a layer's name such as "
                    f"{layers[0].name!r}, "
                    f"a wildcard such as '{layers[-1].name.split('.')[0]}*', or a class such as {layers[0].kind!r}."
                )
    wanted = [layer for layer in layers if not include or any(map(layer.matches, include))]
    kept = tuple(layer for layer in wanted if not any(map(layer.matches, exclude)))
    if not kept:
        among = f" among those that {', '.join(include)} includes" if include else ""
        raise InputError(
            f"All {len(wanted)} prunable layers{among} are excluded by {', '.join(exclude)}: "
            f"leave at least one to prune."
        )
    return kept


def all_layers(module: nn.Module) -> tuple[PrunableLayer, ...]:
    """Every layer that can be pruned, none where there is none."""
    found: dict[int, PrunableLayer] = {}
    for name, child in module.named_modules():
        if isinstance(child, PRUNABLE) and isinstance(child.weight, nn.Parameter):
            known = found.get(id(child.weight))
            found[id(child.weight)] = (
                replace(known, others=(*known.others, child))
                if known
                else PrunableLayer(name, type(child).__name__, child.weight, child)
            )
    return tuple(found.values())


def counterparts(layers: Sequence[PrunableLayer], network: nn.Module) -> tuple[PrunableLayer, ...]:
    """The same layers in a copy of their network."""
    return tuple(
        PrunableLayer(
            layer.name,
            layer.kind,
            network.get_parameter(f"{layer.name}.weight" if layer.name else "weight"),
            network.get_submodule(layer.name),
        )
        for layer in layers
    )


def frozen(layers: Sequence[PrunableLayer]) -> tuple[str, ...]:
    """Names of the layers whose weights take no gradient: a user's own decision, to be respected."""
    return tuple(layer.name for layer in layers if not layer.weight.requires_grad)


def left_alone(module: nn.Module) -> dict[str, str]:
    """Modules that hold a matrix, yet are no prunable layers, and why; norms and embeddings are not even named."""
    reasons: dict[str, str] = {}
    for name, child in module.named_modules():
        if "quantized" in type(child).__module__:
            reasons[name] = "quantised"
        elif isinstance(child, PRUNABLE) and not isinstance(child.weight, nn.Parameter):
            reasons[name] = "its weight is made of others"
        elif isinstance(child, PRUNABLE) and not child.weight.is_floating_point():
            reasons[name] = "quantised"
        elif any(getattr(child, matrix, None) is not None for matrix in FUSED):
            reasons[name] = "fused attention"
        elif isinstance(child, nn.RNNBase):
            reasons[name] = "recurrent"
    return reasons
