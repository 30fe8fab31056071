"""The models by name: what each one is, how its network is built from weights, and which images go with it."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from fcpts_core.assets import asset
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError
from fcpts_core.models import factories
from fcpts_core.models.card import LoadedModel, ModelCard
from fcpts_core.models.catalogue import Download, catalogue
from fcpts_core.models.layers import all_layers
from fcpts_core.models.sources import timm, torchvision
from fcpts_core.models.sources.bundled import BUNDLED
from fcpts_core.models.sources.hub import HUB
from fcpts_core.models.sources.own import OWN
from fcpts_core.models.weightless import without_memory
from fcpts_core.models.weights import Weights, load_into, misfits, read_weights

__all__ = ["MODELS", "LoadedModel", "ModelCard", "card", "load_model"]

RANDOM = "The weights are random: they were drawn by the seed, not trained, so no accuracy here means anything."


def card(name: str) -> ModelCard:
    """The card of that name; an unknown name is an InputError with names to choose from."""
    if factories.is_path(name):
        return factories.card_of(name)
    if name not in MODELS and name.startswith(timm.PREFIX):
        return timm.card_of(name)
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        few = ", ".join(entry.name for entry in (*BUNDLED, *OWN))
        more = len(MODELS) - len(BUNDLED) - len(OWN)
        raise InputError(
            f"There is no model {name!r}: expected one of {few}, or one of {more} others that `fcpts models` "
            f"lists.{hint}"
        )
    return MODELS[name]


def load_model(name: str, weights: str | Path | None = None, *, random: int | None = None) -> LoadedModel:
    """The model with the weights of a file, a bundled or a fetched one also with its own; `random` is a seed to draw
    them by instead. What does not fit is an InputError.
    """
    chosen = card(name)
    if random is not None:
        if weights is not None:
            raise InputError("Random weights and a file of weights are asked for: choose one of them.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random)
            return _loaded(chosen, chosen.build({}), "0" * 64, (RANDOM,))
    if weights is None and factories.is_path(name):
        return _loaded(chosen, chosen.build({}), "0" * 64, ())
    read = read_weights(_weights_file(chosen, weights))
    if weights is None and chosen.download is not None:
        _check(chosen.download, read)
    read = replace(read, tensors=chosen.translate(read.tensors))
    module = chosen.build(read.tensors)
    load_into(module, read, hint=_fitting(read) if misfits(module, read.tensors) else "")
    return _loaded(chosen, module, read.sha256, ())


def _loaded(chosen: ModelCard, module: nn.Module, sha256: str, notes: tuple[str, ...]) -> LoadedModel:
    module.eval()
    channels = int(getattr(module, "channels", chosen.channels))
    transform = chosen.transform if channels == chosen.channels else _neutral(chosen.transform, channels)
    return LoadedModel(chosen, module, (channels, *chosen.input_size), _classes(module), transform, sha256, notes)


def _neutral(transform: Transform, channels: int) -> Transform:
    """The same for another number of channels, to numbers between -1 and 1."""
    return replace(transform, mean=(0.5,) * channels, std=(0.5,) * channels, order="RGB")


def _classes(module: nn.Module) -> int:
    """How many classes the network tells apart: what it says itself, else the outputs of its last layer."""
    said = getattr(module, "classes", None)
    layers = all_layers(module)
    return said if isinstance(said, int) else layers[-1].shape[0] if layers else 0


def _weights_file(chosen: ModelCard, weights: str | Path | None) -> Path:
    if weights is not None:
        return Path(weights)
    if chosen.weights is not None:
        return asset("models", chosen.weights)
    if chosen.download is None:
        raise InputError(
            f"{chosen.name} comes without weights: pass your own checkpoint, a .safetensors file or a PyTorch state "
            f"dict, or choose a bundled model ({', '.join(entry.name for entry in BUNDLED)})."
        )
    if not chosen.download.path.is_file():
        raise InputError(
            f"The weights of {chosen.name} are not on this machine ({chosen.download.size / 2**20:,.0f} MB from "
            f"{chosen.download.url}): fetch them with `fcpts download {chosen.name}` or in the playground, put the "
            f"file into {chosen.download.path.parent} by other means, or pass a file of weights."
        )
    return chosen.download.path


def _check(download: Download, read: Weights) -> None:
    if not read.sha256.startswith(download.sha256):
        raise InputError(
            f"{download.path} is not what its publisher serves (its SHA-256 begins with {read.sha256[:8]}, expected "
            f"{download.sha256[:8]}): delete the file and fetch it again."
        )


def _fitting(weights: Weights) -> str:
    """A hint with the models that these weights do fit; empty where there are none."""
    others = []
    with without_memory():
        for other in (*BUNDLED, *OWN):
            tensors = other.translate(weights.tensors)
            if not misfits(other.build(tensors), tensors):
                others.append(other.name)
    return f"They fit {' and '.join(others)}." if others else ""


LISTED = {torchvision.SOURCE: torchvision.card_of, timm.SOURCE: timm.listed_card}
MODELS: dict[str, ModelCard] = {entry.name: entry for entry in (*BUNDLED, *OWN, *HUB)} | {
    entry.name: LISTED[entry.source](entry) for entry in catalogue().values() if entry.source in LISTED
}
