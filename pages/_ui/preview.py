"""What the settings ask for before anything runs: densities of the model's layers, and where each method would prune.

It is told as a snapshot of a run that has made no step, so the same charts draw it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fcpts_core.allocation import OF_WEIGHTS
from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.bridge import threshold_for
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Curve, Layer, Started, Stepped, Surveyed
from fcpts_core.engine.portrayal import REFERENCES, curve
from fcpts_core.engine.snapshot import Snapshot, State
from fcpts_core.errors import InputError
from fcpts_core.measure.flops import uses
from fcpts_core.methods import settings_for
from fcpts_core.models.cards import MODELS, load_model
from fcpts_core.models.layers import prunable_layers

KEPT_MODELS = 4
NO_WEIGHTS = (
    "{} needs weights: give a .safetensors file or a PyTorch state dict under Weights, or tick Random weights for a "
    "trial."
)
KEPT_PREVIEWS = 64


@dataclass(frozen=True, eq=False)
class Portrait:
    """A model as a preview sees it, all `[L]`."""

    layers: tuple[Layer, ...]
    weights: tuple[Tensor, ...]
    curves: tuple[Curve, ...]


@lru_cache(maxsize=KEPT_MODELS)
def portrait(
    model: str,
    weights: str | None,
    exclude: tuple[str, ...],
    bandwidth: str,
    include: tuple[str, ...] = (),
    random: int | None = None,
) -> Portrait:
    """Layers and densities of a model; raises InputError where it cannot be read."""
    found = prunable_layers(load_model(model, weights, random=random).module, exclude, include)
    tensors = tuple(layer.weight.detach() for layer in found)
    return Portrait(
        tuple(Layer(layer.name, layer.kind, layer.shape, layer.weights) for layer in found),
        tensors,
        tuple(curve(tensor, bandwidth) for tensor in tensors),
    )


@lru_cache(maxsize=KEPT_MODELS)
def _uses(
    model: str, weights: str | None, exclude: tuple[str, ...], include: tuple[str, ...], random: int | None
) -> tuple[int, ...]:
    """How many multiply-adds each weight of the layers does for one image, `[L]`."""
    loaded = load_model(model, weights, random=random)
    found = prunable_layers(loaded.module, exclude, include)
    return uses(loaded.module, found, torch.zeros(1, *loaded.input_shape))


def preview(config: RunConfig) -> Snapshot:
    """The snapshot of a run that has not begun; raises InputError where the run would be refused."""
    return _told(json.dumps(config.to_json(), sort_keys=True))


def previewed(config: RunConfig) -> Snapshot | str:
    """The preview, or the sentence that says why there is none."""
    known = MODELS.get(config.model)
    lacking = config.weights is None and not config.random_weights
    if lacking and known is not None and not known.bundled and known.download is None:
        return NO_WEIGHTS.format(known.title)
    try:
        return preview(config)
    except InputError as error:
        return str(error)


@lru_cache(maxsize=KEPT_PREVIEWS)
def _told(text: str) -> Snapshot:
    config = RunConfig.from_json(json.loads(text))
    settings = settings_for(config.method, config.overrides)
    drawn = config.seed if config.random_weights else None
    seen = portrait(config.model, config.weights, config.exclude, settings.bandwidth, config.include, drawn)
    total = sum(layer.weights for layer in seen.layers)
    worth = (
        _uses(config.model, config.weights, config.exclude, config.include, drawn) if settings.budget == "flops" else ()
    )
    references = {
        name: OF_WEIGHTS[name](seen.weights, config.sparsity, settings.layer_cap, worth) for name in REFERENCES
    }
    # An allocation that needs the images is not known yet: until it is, the picture begins with what the search begins
    # with, or with the uniform one.
    known = ALLOCATIONS[settings.allocation].before_a_search(seen.weights, config.sparsity, settings, worth)
    start = references["uniform"] if known is None else known
    pairs = zip(seen.weights, start, strict=True)
    started = Started(
        config=config.to_json(),
        layers=seen.layers,
        weights=total,
        target_sparsity=config.sparsity,
        target_zeros=None if worth else round(config.sparsity * total),
        steps=settings.steps,
        dense_accuracy=None,
        calibration_images=config.calibration_size,
        test_images=0,
        references=references,
        budget=settings.budget,
        uses=worth,
    )
    before = Stepped(
        step=0,
        reconstruction=0.0,
        control=0.0,
        total=0.0,
        sparsity=config.sparsity,
        scheduled_target=config.sparsity,
        learning_rate=0.0,
        layer_sparsity=start,
        thresholds=tuple(float(threshold_for(weights, sparsity)) for weights, sparsity in pairs),
        seconds=0.0,
    )
    return Snapshot(State.QUEUED, "", started, (before,), (Surveyed(0, seen.curves),))
