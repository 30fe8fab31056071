"""Images from a folder or a zip of picture files, in the order of their paths, with the labels that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from fcpts_core.data import labelled, zipped
from fcpts_core.data.pictures import SUFFIXES, Entry, decode
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


def read(path: Path, wanted: Wanted) -> tuple[Tensor, Tensor | None, int]:
    """Images uint8 `[N, C, H, W]`, labels int64 `[N]` or None, and how many files could not be read as pictures."""
    if not path.is_dir():
        with zipped.opened(path) as archive:
            entries = sorted(archive.entries, key=lambda entry: entry.path.parts)
            return _read(path, entries, archive.table(labelled.TABLE), wanted)
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and not _hidden(file, path))
    entries = [Entry(PurePosixPath(file.relative_to(path).as_posix()), file.read_bytes) for file in files]
    return _read(path, entries, _table(path), wanted)


def _read(
    path: Path, entries: Sequence[Entry], table: tuple[PurePosixPath, str] | None, wanted: Wanted
) -> tuple[Tensor, Tensor | None, int]:
    if not entries:
        raise InputError(f"{path} has no images: expected files such as .png or .jpg, in it or in its sub-folders.")
    labels: Sequence[int] | None
    if table is not None:
        rows = labelled.by_table(str(path), table[1], [entry.path for entry in entries], table[0])
        by_path = {entry.path: entry for entry in entries}
        entries, labels = [by_path[name] for name in rows], list(rows.values())
    else:
        labels = None
        if wanted.limit is not None:
            entries = [entries[index] for index in labelled.in_turns([entry.path for entry in entries])]
    found = decode(str(path), entries, wanted.channels, wanted.size, wanted.transform, wanted.limit)
    if table is None:
        labels = labelled.by_folder([entry.path for entry in entries], wanted.classes)
    known = None if labels is None else torch.tensor([labels[index] for index in found.kept])
    return found.images, known, found.skipped


def _table(path: Path) -> tuple[PurePosixPath, str] | None:
    file = path / labelled.TABLE
    if not file.is_file():
        return None
    try:
        return PurePosixPath(labelled.TABLE), file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}): expected a text in UTF-8.") from None


def _hidden(file: Path, path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in file.relative_to(path).parts)
