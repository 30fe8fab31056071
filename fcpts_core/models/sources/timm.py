"""Cards of timm's models, where timm is installed: `timm/NAME` for any of its names, a few of them listed.

timm is no requirement of the project (`pip install fcpts-playground[timm]`). Weights are fetched where their address
carries a checksum; others are given as a file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from importlib.util import find_spec
from typing import Any

from torch import Tensor, nn

from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError
from fcpts_core.models.attention import split
from fcpts_core.models.card import ModelCard
from fcpts_core.models.catalogue import Download, Entry
from fcpts_core.models.layers import all_layers
from fcpts_core.models.torchvision_guard import import_torchvision

SOURCE = "timm"
PREFIX = "timm/"
CHECKSUM = re.compile(r"-([0-9a-f]{8,})\.(?:pth|pt|bin|safetensors)$")


def installed() -> bool:
    """Whether timm is there; it is not imported for that."""
    return find_spec("timm") is not None


def listed_card(entry: Entry) -> ModelCard:
    """The card of an entry of the catalogue; timm is imported when it is built."""
    return ModelCard(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        description=entry.description,
        licence=entry.licence,
        build=partial(build, entry.name),
        transform=Transform(**entry.transform),
        flippable=entry.flippable,
        source=SOURCE,
        note=entry.note,
        download=entry.download,
    )


@lru_cache(maxsize=32)
def card_of(name: str) -> ModelCard:
    """The card of any of timm's models. InputError where timm is missing or does not know the name."""
    network = _made(name)
    published = network.pretrained_cfg
    return ModelCard(
        name=name,
        title=f"{name.removeprefix(PREFIX)} of timm",
        family=type(network).__name__,
        description=f"timm's {name.removeprefix(PREFIX)}, weights {published.get('tag') or 'of your own'}.",
        licence=str(published.get("license") or "see timm"),
        build=partial(build, name),
        transform=_transform(published),
        flippable=True,
        source=SOURCE,
        download=_download(str(published.get("url") or "")),
    )


def build(name: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The network with the classes that the tensors show, its values drawn at random."""
    network = _made(name)
    layers = all_layers(network)
    head = tensors.get(f"{layers[-1].name}.weight")
    if head is not None and head.shape[0] != layers[-1].shape[0] and head.shape[1:] == layers[-1].shape[1:]:
        network = _made(name, num_classes=head.shape[0])
    return split(network)


def _made(name: str, **options: Any) -> Any:
    if not installed():
        raise InputError(f"{name} needs timm, which is not installed: expected `pip install timm`, or another model.")
    import_torchvision()
    import timm

    try:
        return timm.create_model(name.removeprefix(PREFIX), pretrained=False, **options)
    except Exception as error:  # unknown names raise RuntimeError, odd ones anything
        raise InputError(f"timm cannot make {name.removeprefix(PREFIX)!r} ({error}): see timm.list_models().") from None


def _transform(published: Mapping[str, Any]) -> Transform:
    side = published["input_size"][-1]
    return Transform(
        math.floor(side / published.get("crop_pct", 0.875)),
        side,
        tuple(published["mean"]),
        tuple(published["std"]),
        published.get("interpolation", "bilinear"),
    )


def _download(url: str) -> Download | None:
    found = CHECKSUM.search(url)
    return Download(url, found[1], 0) if found else None
