"""The store of this process, opened when it is first asked for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from fcpts_core.store.place import store_directory

if TYPE_CHECKING:
    from fcpts_core.store.store import Store

_lock = threading.Lock()
_open: dict[Path, Store] = {}


def open_store(given: str | None = None) -> Store:
    """The store at the directory that is given or usual, one for each directory; StoreError where it cannot be."""
    from fcpts_core.store.store import Store

    directory = store_directory(given).absolute()
    with _lock:
        if directory not in _open:
            _open[directory] = Store(directory)
        return _open[directory]
