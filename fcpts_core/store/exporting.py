"""`fcpts export`: the result of a kept run in another format."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fcpts_core.errors import InputError, RunError
from fcpts_core.store.opening import open_store


def export(arguments: Namespace) -> None:
    """Writes the file, whole or not at all, and says how large it is."""
    from fcpts_core.engine.artifacts import ensure_writable, write

    path = Path(arguments.out)
    if path.is_dir():
        raise InputError(f"{path} is a directory: name the file to write.")
    store = open_store(arguments.store)
    store.get(arguments.id)
    ensure_writable(path.parent)

    from fcpts_core.export.formats import export as content_of
    from fcpts_core.export.source import source_of

    content = content_of(source_of(store, arguments.id), arguments.format)
    try:
        write(path.parent, {path.name: content})
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}.") from error
    print(f"{path}: {len(content):,} bytes, read back and compared")
