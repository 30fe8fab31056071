"""Images from a folder or a zip of picture files, in the order of their paths, with what is known of them.

That is a class for each by its folder or by `labels.csv`, a class for each pixel by folders `images` and `masks`, or
boxes by `boxes.csv`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from fcpts_core.data import boxes, labelled, masks, zipped
from fcpts_core.data.boxes import Boxes
from fcpts_core.data.pictures import SUFFIXES, Decoded, Entry, decode
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError


@dataclass(frozen=True)
class Wanted:
    """What the network takes: `size` is height and width, used where there is no `transform`; `limit` None is all."""

    channels: int
    size: tuple[int, int] | None
    classes: int | None
    transform: Transform | None = None
    limit: int | None = None


@dataclass(frozen=True, eq=False)
class Content:
    """Images uint8 `[N, C, H, W]`, what is known of them (see `ImageSet`), and how many files could not be read."""

    images: Tensor
    labels: Tensor | None
    skipped: int
    boxes: tuple[Boxes, ...] | None = None


Table = Callable[[str], tuple[PurePosixPath, str] | None]
"""Path and text of a file of this name beside the pictures, None where there is none."""


def read(path: Path, wanted: Wanted) -> Content:
    """All that is there, or as much as is wanted."""
    if not path.is_dir():
        with zipped.opened(path) as archive:
            entries = sorted(archive.entries, key=lambda entry: entry.path.parts)
            return _read(path, entries, archive.table, wanted)
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and not _hidden(file, path))
    entries = [Entry(PurePosixPath(file.relative_to(path).as_posix()), file.read_bytes) for file in files]
    return _read(path, entries, partial(_table, path), wanted)


def _read(path: Path, entries: Sequence[Entry], table: Table, wanted: Wanted) -> Content:
    if not entries:
        raise InputError(f"{path} has no images: expected files such as .png or .jpg, in it or in its sub-folders.")
    if wanted.transform is not None and (pairs := masks.paired(entries)):
        found = _decoded(path, pairs[0], wanted)
        return Content(
            found.images, masks.prepared([pairs[1][index] for index in found.kept], wanted.transform), found.skipped
        )
    if rows := table(boxes.TABLE):
        return with_boxes(str(path), entries, boxes.by_table(str(path), rows[1], wanted.classes, rows[0]), wanted)
    labels: Sequence[int] | None = None
    if rows := table(labelled.TABLE):
        known = labelled.by_table(str(path), rows[1], [entry.path for entry in entries], rows[0])
        by_path = {entry.path: entry for entry in entries}
        entries, labels = [by_path[name] for name in known], list(known.values())
    else:
        paths = [entry.path for entry in entries]
        if wanted.limit is not None:
            entries = [entries[index] for index in labelled.in_turns(paths)]
        labels = labelled.by_folder([entry.path for entry in entries], wanted.classes)
    found = _decoded(path, entries, wanted)
    chosen = None if labels is None else torch.tensor([labels[index] for index in found.kept])
    return Content(found.images, chosen, found.skipped)


def with_boxes(source: str, entries: Sequence[Entry], known: Mapping[PurePosixPath, Boxes], wanted: Wanted) -> Content:
    """A picture without a row has no objects. Without a transform boxes could not follow their pictures: none then."""
    found = decode(source, entries, wanted.channels, wanted.size, wanted.transform, wanted.limit)
    if wanted.transform is None:
        return Content(found.images, None, found.skipped)
    moved = tuple(
        known.get(entries[index].path, Boxes.of([])).prepared(wanted.transform, *size)
        for index, size in zip(found.kept, found.sizes, strict=True)
    )
    return Content(found.images, None, found.skipped, moved)


def _decoded(path: Path, entries: Sequence[Entry], wanted: Wanted) -> Decoded:
    return decode(str(path), entries, wanted.channels, wanted.size, wanted.transform, wanted.limit)


def _table(path: Path, name: str) -> tuple[PurePosixPath, str] | None:
    file = path / name
    if not file.is_file():
        return None
    try:
        return PurePosixPath(name), file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}): expected a text in UTF-8.") from None


def _hidden(file: Path, path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in file.relative_to(path).parts)
