"""Cards of torchvision's models; torchvision itself is imported when one of them is built, not before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from fcpts_core.data.transform import Transform
from fcpts_core.models.attention import split
from fcpts_core.models.card import ModelCard
from fcpts_core.models.catalogue import Entry
from fcpts_core.models.layers import all_layers
from fcpts_core.models.torchvision_ops import ensure_suppression

SOURCE = "torchvision"
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Classifiers of the Inception family that only training looks at."""

_DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
_RENAMED = (("mlp.linear_1.", "mlp.0."), ("mlp.linear_2.", "mlp.3."))


def card_of(entry: Entry) -> ModelCard:
    """The card of an entry of the catalogue."""
    return ModelCard(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        description=entry.description,
        licence=entry.licence,
        build=partial(build, entry.name, size=entry.transform["crop"]),
        translate=translated,
        transform=Transform(**entry.transform),
        flippable=entry.flippable,
        task=entry.task,
        source=entry.source,
        note=entry.note,
        download=entry.download,
    )


def translated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under today's names: published files are as old as their models."""
    found = {}
    for name, tensor in tensors.items():
        if name.startswith(AUXILIARY):
            continue
        new = _DENSE.sub(r"\1\2", name)
        for old, now in _RENAMED:
            new = new.replace(old, now)
        found[new] = tensor
    return found


def build(name: str, tensors: Mapping[str, Tensor], size: int = 224) -> nn.Module:
    """The network with the classes and the size of image that the tensors show, its values drawn at random.

    `size` is that of the images where the network has a fixed one and there are no tensors to show it.
    """
    ensure_suppression()
    from torchvision.models import get_model

    make: Callable[..., nn.Module] = partial(get_model, name, **_options(name, tensors, size))
    network = make()
    layers = all_layers(network)
    head = tensors.get(f"{layers[-1].name}.weight")
    if head is not None and head.shape[0] != layers[-1].shape[0] and head.shape[1:] == layers[-1].shape[1:]:
        network = make(num_classes=head.shape[0])
    return split(network)


def _options(name: str, tensors: Mapping[str, Tensor], size: int) -> dict[str, Any]:
    from torchvision.models import detection, list_models, segmentation

    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):  # their weights expect TensorFlow's normalisation, made inside
        options |= {"transform_input": bool(tensors), "aux_logits": False, "init_weights": False}
    if name.startswith("vit_"):
        options["image_size"] = size
        if "encoder.pos_embedding" in tensors and "conv_proj.weight" in tensors:
            patches = tensors["encoder.pos_embedding"].shape[1] - 1
            options["image_size"] = round(patches**0.5) * tensors["conv_proj.weight"].shape[-1]
    if name in list_models(module=segmentation):
        options["weights_backbone"] = None
        if not name.startswith("lraspp"):
            options["aux_loss"] = any(key.startswith("aux_classifier.") for key in tensors)
    if name in list_models(module=detection):
        options["weights_backbone"] = None
    return options
