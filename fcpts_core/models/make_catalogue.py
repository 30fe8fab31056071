"""Writes the table of all models, `assets/models/catalogue.json`: `python -m fcpts_core.models.make_catalogue`.

It builds each network once, without memory for its weights, and counts. With `timm` behind it, it writes the table of a
few of timm's models, which must be installed then.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from fcpts_core.models.card import ModelCard
from fcpts_core.models.catalogue import OF_TIMM, TABLE
from fcpts_core.models.layers import all_layers
from fcpts_core.models.sources import timm
from fcpts_core.models.sources.bundled import BUNDLED
from fcpts_core.models.sources.hub import HUB
from fcpts_core.models.sources.own import OWN
from fcpts_core.models.sources.torchvision import SOURCE, build
from fcpts_core.models.torchvision_guard import import_torchvision
from fcpts_core.models.weightless import without_memory

ASSETS = Path(__file__).parents[2] / "assets" / "models"

FAMILIES = {
    "alexnet": "AlexNet",
    "convnext": "ConvNeXt",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "googlenet": "GoogLeNet",
    "inception": "Inception",
    "maxvit": "MaxViT",
    "mnasnet": "MNASNet",
    "mobilenet": "MobileNet",
    "regnet": "RegNet",
    "resnet": "ResNet",
    "resnext": "ResNeXt",
    "shufflenet": "ShuffleNet",
    "squeezenet": "SqueezeNet",
    "swin": "Swin",
    "vgg": "VGG",
    "vit": "ViT",
    "wide_resnet": "ResNet",
    "deeplabv3": "DeepLabV3",
    "fcn": "FCN",
    "lraspp": "LR-ASPP",
    "fasterrcnn": "Faster R-CNN",
    "fcos": "FCOS",
    "keypointrcnn": "Keypoint R-CNN",
    "maskrcnn": "Mask R-CNN",
    "retinanet": "RetinaNet",
    "ssd": "SSD",
}
MASK = {"segmentation": "VOC classes", "detection": "COCO", "classification": "ImageNet"}
OF_TIMM_LISTED = {
    "vit_tiny_patch16_224": 0,
    "vit_small_patch16_224": 0,
    "deit_tiny_patch16_224": 22_900_000,
    "deit_small_patch16_224": 88_300_000,
    "mobilenetv3_small_100": 10_300_000,
    "efficientvit_b0": 0,
    "convnextv2_atto": 0,
    "resnet18d": 46_900_000,
}
SIDES = {"ssd300": 300, "320": 320, "": 512}
"""Sides of the square images that detectors are given here, by what is in their names; inside they scale once more."""


def rows() -> Iterator[dict[str, Any]]:
    """All rows in order."""
    for card in (*BUNDLED, *OWN, *HUB):
        yield row_of(card)
    import_torchvision()
    from torchvision import models

    parts = {"classification": models, "segmentation": models.segmentation, "detection": models.detection}
    for task, part in parts.items():
        for name in models.list_models(module=part):
            yield torchvision_row(name, task)


def row_of(card: ModelCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "family": card.family,
        "description": card.description,
        "source": "bundled" if card.bundled else card.source,
        "task": card.task,
        "licence": card.licence,
        **counts(card.build({})),
        "transform": asdict(card.transform),
        "flippable": card.flippable,
        "note": card.note,
        "weights": card.weights,
        "data": card.data,
        "download": None if card.download is None else asdict(card.download),
    }


def torchvision_row(name: str, task: str) -> dict[str, Any]:
    """What torchvision publishes of a model with its default weights."""
    import_torchvision()
    from torchvision.models import get_model_weights

    published = get_model_weights(name).DEFAULT
    transform = _transform(name, task, published.transforms())
    with without_memory():
        found = counts(build(name, {}, transform["crop"]))
    metrics = {key: value for row in published.meta["_metrics"].values() for key, value in row.items()}
    family = next(FAMILIES[key] for key in sorted(FAMILIES, key=len, reverse=True) if name.startswith(key))
    checksum = re.search(r"-([0-9a-f]{8,})\.", published.url)
    return {
        "name": name,
        "title": f"{name} on {MASK[task]}",
        "family": family,
        "description": f"torchvision's {name}, weights {published.name}.",
        "source": SOURCE,
        "task": task,
        "licence": "SWAG's, CC-BY-NC-4.0" if "SWAG" in published.name else "BSD-3-Clause (torchvision)",
        **found,
        "transform": transform,
        "note": ", ".join(f"{key} {value:g}" for key, value in metrics.items()) + ", as published",
        "download": {
            "url": published.url,
            "sha256": checksum[1] if checksum else "",
            "size": round(published.meta["_file_size"] * 2**20),
        },
    }


def counts(network: nn.Module) -> dict[str, int]:
    """All numbers that are learned, and those that can be pruned."""
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "prunable_weights": sum(layer.weights for layer in all_layers(network)),
    }


def _transform(name: str, task: str, published: Any) -> dict[str, Any]:
    if task == "detection":
        side = next(size for part, size in SIDES.items() if part in name)
        return {"resize": side, "crop": side, "mean": [0.0] * 3, "std": [1.0] * 3, "fit": "longer"}
    size = published.resize_size[0]
    return {
        "resize": size,
        # segmentation is published without a window, but images of one batch must have one size
        "crop": published.crop_size[0] if task == "classification" else size,
        "mean": list(published.mean),
        "std": list(published.std),
        "interpolation": published.interpolation.value,
    }


def timm_row(name: str, size: int) -> dict[str, Any]:
    """One of timm's models; `size` is that of its download, which timm does not tell."""
    card = timm.card_of(timm.PREFIX + name)
    with without_memory():
        row = row_of(card)
    return row | {"download": None if card.download is None else {**vars(card.download), "size": size}}


if __name__ == "__main__":
    of_timm = sys.argv[1:] == ["timm"]
    found = (timm_row(*item) for item in OF_TIMM_LISTED.items()) if of_timm else rows()
    lines = ",\n".join(json.dumps(row) for row in found)
    (ASSETS / (OF_TIMM if of_timm else TABLE)).write_text(f"[\n{lines}\n]\n")
