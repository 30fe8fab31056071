"""The outputs of a network's blocks, caught on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from fcpts_core.models.layers import all_layers


def blocks(module: nn.Module) -> tuple[nn.Module, ...]:
    """The parts of a network after which student and teacher are compared, in network order.

    A block is a child of an outermost `nn.Sequential` or `nn.ModuleList` that holds a prunable layer and is not the
    classifier: the residual blocks of a ResNet, the encoder layers of a transformer. A child that is such a container
    of blocks itself, a stage, is looked into. Modules of one class beside each other are blocks without a container
    too (Inception). A network with nothing of the kind has none, unless it names them itself, in `feature_parts()`.
    """
    if named := getattr(module, "feature_parts", None):
        parts: tuple[nn.Module, ...] = named()
        return parts
    layers = all_layers(module)
    last = layers[-1].module if layers else module
    return tuple(block for block in _outermost(module) if _holds_weights(block) and last not in block.modules())


def _outermost(module: nn.Module) -> Iterator[nn.Module]:
    """The children of the outermost containers, `module` itself perhaps, and of the stages in them."""
    children = [child for child in module.children() if _holds_weights(child)]
    if isinstance(module, nn.Sequential | nn.ModuleList):
        for child in children:
            yield from _outermost(child) if _is_stage(child) else (child,)
        return
    classes = [type(child) for child in children if _is_made_of_parts(child)]
    repeated = {kind for kind in classes if classes.count(kind) > 1}
    for child in children:
        if repeated and _is_made_of_parts(child):
            yield child
        else:
            yield from _outermost(child)


def _is_stage(module: nn.Module) -> bool:
    """Whether this is a container of nothing but blocks, as far as weights go."""
    children = [child for child in module.children() if _holds_weights(child)]
    return isinstance(module, nn.Sequential | nn.ModuleList) and all(_has_parts(child) for child in children)


def _is_made_of_parts(module: nn.Module) -> bool:
    return not isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict) and _has_parts(module)


def _has_parts(module: nn.Module) -> bool:
    return any(_holds_weights(child) for child in module.children())


def _holds_weights(block: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in block.parameters())


@contextmanager
def caught(parts: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """While open, the list holds the outputs of `parts` in the latest forward pass; clear it before each one."""
    found: list[Tensor] = []

    def keep(module: nn.Module, args: object, output: object) -> None:
        if isinstance(output, Tensor):
            found.append(output)

    handles = [part.register_forward_hook(keep) for part in parts]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
