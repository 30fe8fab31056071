"""The outputs of a network's blocks, caught on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from fcpts_core.models.layers import prunable_layers


def blocks(module: nn.Module) -> tuple[nn.Module, ...]:
    """The parts of a network after which student and teacher are compared, in network order.

    A block is a child of an outermost `nn.Sequential` or `nn.ModuleList` that holds a prunable layer and is not the
    classifier: the residual blocks of a ResNet, the encoder layers of a transformer. A network without such
    containers has none.
    """
    last = prunable_layers(module)[-1].module
    return tuple(block for block in _outermost(module) if _holds_weights(block) and last not in block.modules())


def _outermost(module: nn.Module) -> Iterator[nn.Module]:
    """The children of the outermost containers, `module` itself perhaps."""
    if isinstance(module, nn.Sequential | nn.ModuleList):
        yield from module.children()
    else:
        for child in module.children():
            yield from _outermost(child)


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
