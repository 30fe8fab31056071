"""What an uploaded file of images holds, looked at before anything is decoded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fcpts_core.data import archive, boxes, labelled, masks, zipped
from fcpts_core.data.labelled import class_folders
from fcpts_core.errors import InputError
from pages._ui.numbers import several

ONLY_AGREEMENT = "as test images they measure agreement alone"


@lru_cache(maxsize=32)
def contents(path: str, task: str = "classification") -> str:
    """What images a file holds, and what of them a model for this task uses; InputError where they are of no use."""
    if Path(path).suffix.lower() != ".zip":
        lengths = archive.lengths(Path(path))
        if "images" not in lengths:
            raise InputError("There is no array images in this file: expected images, uint8 [N, H, W, C].")
        return f"{several(lengths['images'], 'picture')}, {'with' if 'labels' in lengths else 'no'} labels"
    with zipped.opened(Path(path)) as file:
        entries = file.entries
        if not entries:
            raise InputError("There are no pictures in this zip: expected files such as .png or .jpg.")
        if task == "segmentation" and (pairs := masks.paired(entries)):
            return f"{several(len(pairs[0]), 'picture')} with masks"
        known = _known(file, task)
    return f"{several(len(entries), 'picture')}, {known}"


def _known(file: zipped.Zip, task: str) -> str:
    if task == "segmentation":
        return f"no folders images and masks: {ONLY_AGREEMENT}"
    if task == "detection":
        return "boxes from boxes.csv" if file.table(boxes.TABLE) else f"no boxes.csv: {ONLY_AGREEMENT}"
    if file.table(labelled.TABLE):
        return "labels from labels.csv"
    folders = class_folders([entry.path for entry in file.entries])
    return "no labels" if folders is None else f"{len(set(folders))} folders as classes"
