"""A network as a table: what each layer is, what it weighs, what it does for one image, and whether it is pruned."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from fcpts_core.errors import InputError
from fcpts_core.measure.flops import uses
from fcpts_core.models.cards import card
from fcpts_core.models.layers import all_layers, frozen, left_alone
from fcpts_core.models.weightless import without_memory


@dataclass(frozen=True)
class LayerRow:
    """`share` of all prunable weights; `flops` are multiply-adds for one image, None where they cannot be counted.

    `left` says why the layer is not pruned unless somebody asks; empty where it is.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int
    share: float
    flops: int | None
    left: str = ""


def architecture(name: str) -> nn.Module:
    """The network of that name, without memory for its weights. An unknown name is an InputError."""
    with without_memory():
        network = card(name).build({})
    return network.to("meta").eval()


def table_of(network: nn.Module, image_shape: tuple[int, int, int]) -> tuple[LayerRow, ...]:
    """The rows in network order, those that are left alone last; the network is on any device, `meta` too."""
    layers = all_layers(network)
    total = sum(layer.weights for layer in layers) or 1
    counts = _uses(network, image_shape)
    asleep = set(frozen(layers))
    rows = [
        LayerRow(
            layer.name,
            layer.kind,
            layer.shape,
            layer.weights,
            layer.weights / total,
            None if counts is None else counts[index] * layer.weights,
            "frozen" if layer.name in asleep else "",
        )
        for index, layer in enumerate(layers)
    ]
    for name, why in left_alone(network).items():
        module = network.get_submodule(name)
        count = sum(parameter.numel() for parameter in module.parameters(recurse=False) if parameter.ndim > 1)
        rows.append(LayerRow(name, type(module).__name__, (), count, 0.0, None, why))
    return tuple(rows)


def _uses(network: nn.Module, image_shape: tuple[int, int, int]) -> tuple[int, ...] | None:
    layers = all_layers(network)
    device = next(network.parameters()).device
    try:
        return uses(network, layers, torch.zeros(1, *image_shape, device=device))
    except InputError:
        raise
    except Exception:  # a network may want other inputs, or look at values that are not there
        return None
