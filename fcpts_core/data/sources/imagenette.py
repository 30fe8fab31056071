"""Ten easy classes of ImageNet, pictures with a shorter side of 320 pixels: `imagenette2-320/{train,val}/SYNSET`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from fcpts_core.data import folder
from fcpts_core.data.folder import Content, Wanted

INSIDE = "imagenette2-320"
NAMES = {"train": "train", "test": "val"}
IN_IMAGENET = torch.tensor((0, 217, 482, 491, 497, 566, 569, 571, 574, 701))
"""The class of each of the ten synsets, sorted, among ImageNet's thousand."""


def is_there(directory: Path) -> bool:
    return all((directory / INSIDE / name).is_dir() for name in NAMES.values())


def read(directory: Path, part: str, wanted: Wanted) -> Content:
    """With ImageNet's labels for a network of a thousand classes, else with 0 to 9."""
    found = folder.read(directory / INSIDE / NAMES[part], replace(wanted, classes=len(IN_IMAGENET)))
    if found.labels is None or wanted.classes != 1000:
        return found
    return replace(found, labels=IN_IMAGENET[found.labels])
