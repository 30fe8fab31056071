"""The models by name: what each one is, how its network is built from weights, and which images go with it."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from torch import nn

from fcpts_core.assets import asset
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError
from fcpts_core.models.bundled import BUNDLED
from fcpts_core.models.card import LoadedModel, ModelCard
from fcpts_core.models.layers import prunable_layers
from fcpts_core.models.own import OWN
from fcpts_core.models.weights import Weights, load_into, misfits, read_weights

__all__ = ["MODELS", "LoadedModel", "ModelCard", "card", "load_model"]


def card(name: str) -> ModelCard:
    """The card of that name; an unknown name is an InputError with all the names."""
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InputError(f"There is no model {name!r}: expected one of {', '.join(MODELS)}.{hint}")
    return MODELS[name]


def load_model(name: str, weights: str | Path | None = None) -> LoadedModel:
    """The model with the weights of a file, a bundled one also with its own. What does not fit is an InputError."""
    chosen = card(name)
    read = read_weights(_weights_file(chosen, weights))
    module = chosen.build(read.tensors)
    load_into(module, read, hint=_fitting(read) if misfits(module, read.tensors) else "")
    module.eval()
    channels = int(getattr(module, "channels", chosen.channels))
    transform = chosen.transform if channels == chosen.channels else _neutral(chosen.transform, channels)
    return LoadedModel(chosen, module, (channels, *chosen.input_size), _classes(module), transform, read.sha256)


def _neutral(transform: Transform, channels: int) -> Transform:
    """The same for another number of channels, to numbers between -1 and 1."""
    return replace(transform, mean=(0.5,) * channels, std=(0.5,) * channels, order="RGB")


def _classes(module: nn.Module) -> int:
    """How many classes the network tells apart: what it says itself, else the outputs of its last layer."""
    return int(getattr(module, "classes", 0)) or prunable_layers(module)[-1].shape[0]


def _weights_file(chosen: ModelCard, weights: str | Path | None) -> Path:
    if weights is not None:
        return Path(weights)
    if chosen.weights is None:
        raise InputError(
            f"{chosen.name} comes without weights: pass your own checkpoint, a .safetensors file or a PyTorch state "
            f"dict, or choose a bundled model ({', '.join(name for name, other in MODELS.items() if other.bundled)})."
        )
    return asset("models", chosen.weights)


def _fitting(weights: Weights) -> str:
    """A hint with the models that these weights do fit; empty where there are none."""
    others = [name for name, other in MODELS.items() if not misfits(other.build(weights.tensors), weights.tensors)]
    return f"They fit {' and '.join(others)}." if others else ""


MODELS: dict[str, ModelCard] = {entry.name: entry for entry in (*BUNDLED, *OWN)}
