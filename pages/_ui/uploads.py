"""What an uploaded file of images holds, looked at before anything is decoded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fcpts_core.data import boxes, labelled, zipped
from fcpts_core.data.labelled import class_folders
from fcpts_core.errors import InputError


@lru_cache(maxsize=32)
def contents(path: str) -> str:
    """A few words about the images in a file; InputError where it is none that can be used."""
    if Path(path).suffix.lower() != ".zip":
        return "arrays"
    with zipped.opened(Path(path)) as archive:
        count = len(archive.entries)
        if not count:
            raise InputError("There are no pictures in this zip: expected files such as .png or .jpg.")
        if archive.table(boxes.TABLE):
            known = "boxes from boxes.csv"
        elif archive.table(labelled.TABLE):
            known = "labels from labels.csv"
        else:
            folders = class_folders([entry.path for entry in archive.entries])
            known = "no labels" if folders is None else f"{len(set(folders))} folders as classes"
    return f"{count:,} pictures, {known}"
