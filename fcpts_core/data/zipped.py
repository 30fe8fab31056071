"""Pictures inside a zip file, read from it in place: nothing is ever unpacked, so no name in it can lead anywhere.

A zip is somebody else's: sizes that it claims are not believed, and each of them has a limit.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from fcpts_core.data.pictures import SUFFIXES, Entry
from fcpts_core.data.room import size_words
from fcpts_core.errors import InputError

MAX_FILES = 200_000
MAX_FILE = 64_000_000
"""Bytes of one file after decompression; a picture of more is not read."""
MAX_TOTAL = 8_000_000_000
"""Bytes of all files together after decompression, as the zip claims them."""


class Zip:
    """An open zip: `entries` are its pictures, in the order of the zip; `tables` its other files, by name."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self._file, self._path = file, path
        found = [item for item in file.infolist() if not item.is_dir()]
        if len(found) > MAX_FILES:
            raise InputError(f"{path} holds {len(found):,} files: expected at most {MAX_FILES:,}.")
        total = sum(item.file_size for item in found)
        if total > MAX_TOTAL:
            raise InputError(
                f"{path} would be {size_words(total)} after decompression: expected at most {size_words(MAX_TOTAL)}."
            )
        if any(item.flag_bits & 1 for item in found):
            raise InputError(f"{path} is encrypted: expected a zip that opens without a password.")
        visible = [(_path(item), item) for item in found if not _hidden(_path(item))]
        self.entries = tuple(
            Entry(name, partial(self._read, item)) for name, item in visible if name.suffix.lower() in SUFFIXES
        )
        self._others = {name: item for name, item in visible if name.suffix.lower() not in SUFFIXES}

    def table(self, name: str) -> tuple[PurePosixPath, str] | None:
        """Path and text of the file of this name, the outermost where there are several; None where there is none."""
        found = sorted((path for path in self._others if path.name == name), key=lambda path: len(path.parts))
        if not found:
            return None
        try:
            return found[0], self._read(self._others[found[0]]).decode("utf-8")
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{name} of {self._path} cannot be read ({error}): expected a text in UTF-8.") from None

    def _read(self, item: zipfile.ZipInfo) -> bytes:
        with self._file.open(item) as stream:
            content = stream.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise ValueError(f"{item.filename} has more than {size_words(MAX_FILE)}")
        return content


@contextmanager
def opened(path: Path) -> Iterator[Zip]:
    """The zip at `path`; InputError where it is none or too large."""
    try:
        file = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        raise InputError(f"{path} cannot be read as a zip, it is damaged or of another kind.") from None
    with file:
        yield Zip(path, file)


def _path(item: zipfile.ZipInfo) -> PurePosixPath:
    """A name to sort and to compare by; it is never used as a path of this machine."""
    return PurePosixPath(*(part for part in PurePosixPath(item.filename).parts if part not in ("/", "..")))


def _hidden(path: PurePosixPath) -> bool:
    return not path.parts or any(part.startswith((".", "__")) for part in path.parts)
