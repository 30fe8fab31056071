"""The prunable layers of a network: every convolution and every linear layer, in network order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class PrunableLayer:
    """One weight tensor that may be pruned; `name` is the module's path, `kind` its class name."""

    name: str
    kind: str
    weight: nn.Parameter
    module: nn.Module

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.weight.shape)

    @property
    def weights(self) -> int:
        """How many weights the layer has, `n_l`."""
        return self.weight.numel()

    def matches(self, pattern: str) -> bool:
        """Whether `pattern`, in shell wildcards, is the layer's name or its class (`layer1.*`, `linear`, `Conv2d`)."""
        return fnmatchcase(self.name, pattern) or fnmatchcase(self.kind, pattern)


def prunable_layers(module: nn.Module, exclude: Sequence[str] = ()) -> tuple[PrunableLayer, ...]:
    """The layers of `module` in the order in which it registers them, without those that match a pattern of `exclude`.

    A weight that several layers share counts once, under the first one's name. An `exclude` that matches nothing, or
    that leaves nothing to prune, is an InputError.
    """
    layers = _all_layers(module)
    if not layers:
        raise InputError("The model has no convolution and no linear layer: there is nothing to prune.")
    for pattern in exclude:
        if not any(layer.matches(pattern) for layer in layers):
            raise InputError(
                f"No prunable layer matches the excluded {pattern!r}: expected a layer's name such as "
                f"{layers[0].name!r}, "
                f"a wildcard such as '{layers[-1].name.split('.')[0]}*', or a class such as {layers[0].kind!r}."
            )
    kept = tuple(layer for layer in layers if not any(layer.matches(pattern) for pattern in exclude))
    if not kept:
        raise InputError(
            f"All {len(layers)} prunable layers are excluded by {', '.join(exclude)}: leave at least one to prune."
        )
    return kept


def _all_layers(module: nn.Module) -> tuple[PrunableLayer, ...]:
    found: dict[int, PrunableLayer] = {}
    for name, child in module.named_modules():
        if isinstance(child, PRUNABLE) and isinstance(child.weight, nn.Parameter):
            layer = PrunableLayer(name, type(child).__name__, child.weight, child)
            found.setdefault(id(child.weight), layer)
    return tuple(found.values())
