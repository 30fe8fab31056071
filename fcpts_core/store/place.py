"""Where runs are kept: the directory that was named, else `FCPTS_STORE`, else the platform's place for data."""

from __future__ import annotations

import os
from pathlib import Path

from fcpts_core.errors import InputError

VARIABLE = "FCPTS_STORE"
DATABASE_VARIABLE = "FCPTS_DATABASE"
APPLICATION = "fcpts-playground"
UPLOADS = "uploads"


class StoreError(InputError):
    """The store cannot be read or written; the message says why and what to do. No run is lost by it."""


def store_directory(given: str | None = None) -> Path:
    """The directory of the store; nothing is created."""
    named = given or os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_data_path(APPLICATION, appauthor=False)


def is_named(given: str | None = None) -> bool:
    """Whether somebody asked for this very store, so that a run which cannot be kept there must not begin."""
    return bool(given or os.environ.get(VARIABLE))


def database_url(directory: Path) -> str:
    """The SQLAlchemy address of the index: `FCPTS_DATABASE`, else an SQLite file in the store."""
    return os.environ.get(DATABASE_VARIABLE) or f"sqlite:///{directory / 'runs.sqlite3'}"
