"""Which picture is of which class: from the folders in which pictures lie, or from a table beside them.

Where all pictures lie in sub-folders, these are the classes: whole numbers (`0`, `1`, ...) are the labels themselves;
other names count from 0 in sorted order, if there are as many as the network has classes, and say nothing otherwise.
A table `labels.csv` has the columns `file` and `label` (a whole number) and a row for each picture.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import PurePosixPath

from fcpts_core.errors import InputError

TABLE = "labels.csv"
DEEPEST = 32

Paths = Sequence[PurePosixPath]


def by_folder(paths: Paths, classes: int | None) -> list[int] | None:
    """Labels `[N]` by the sub-folders that the pictures lie in, None where these say nothing."""
    folders = class_folders(paths)
    if folders is None:
        return None
    names = sorted(set(folders))
    if all(name.isdecimal() for name in names):
        return [int(name) for name in folders]
    if classes is None or len(names) == classes:
        numbers = {name: number for number, name in enumerate(names)}
        return [numbers[name] for name in folders]
    return None


def class_folders(paths: Paths) -> list[str] | None:
    """The name of each picture's first folder `[N]`; None where a picture lies in none.

    One folder around all others, as zipping a folder leaves it, does not count.
    """
    parts = [path.parts for path in paths]
    for _ in range(DEEPEST):
        if min(map(len, parts)) < 3 or len({part[0] for part in parts}) > 1:
            break
        parts = [part[1:] for part in parts]
    return None if min(map(len, parts)) < 2 else [part[0] for part in parts]


def in_turns(paths: Paths) -> list[int]:
    """Indices `[N]` that take one picture of each class after the other, so that any first part has them all.

    Without class folders, the order that there is.
    """
    folders = class_folders(paths)
    if folders is None:
        return list(range(len(paths)))
    classes: dict[str, list[int]] = {}
    for index, name in enumerate(folders):
        classes.setdefault(name, []).append(index)
    return [index for index in chain(*zip_longest(*classes.values())) if index is not None]


def by_table(source: str, text: str, paths: Paths, table: PurePosixPath) -> dict[PurePosixPath, int]:
    """The label of every picture, in the order of the table's rows; files are named as seen from the table."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if not {"file", "label"} <= set(rows.fieldnames or ()):
        raise InputError(
            f"{TABLE} of {source} has the columns {', '.join(rows.fieldnames or ()) or 'nothing'}: expected `file` and "
            "`label` in its first line."
        )
    there, labels = set(paths), dict[PurePosixPath, int]()
    for number, row in enumerate(rows, 2):
        path = table.parent / (row["file"] or "").replace("\\", "/")
        if path not in there:
            continue
        try:
            labels[path] = int(row["label"] or "")
        except ValueError:
            raise InputError(
                f"{TABLE} of {source} says {row['label']!r} in line {number}: expected a whole number, the class."
            ) from None
    if missing := [path for path in paths if path not in labels]:
        raise InputError(
            f"{TABLE} of {source} has no row for {len(missing)} of {len(paths)} pictures, such as {missing[0]}: "
            f"expected one for each, or no {TABLE}."
        )
    return labels
