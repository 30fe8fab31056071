"""The cells of one server: what is known of them, and the runs that are under way, each for all who want it."""

from __future__ import annotations

import threading
from pathlib import Path

from fcpts_core.compare.cells import Cell, keep, kept
from fcpts_core.compare.progress import CellView
from fcpts_core.engine.events import Result
from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import InputError

RESULTS = 2000
GLANCE = 0.2


class CellStore:
    """The cells of one server: results in memory and in `directory`, and the runs that are under way."""

    def __init__(self, registry: RunRegistry, directory: str | Path) -> None:
        self._registry = registry
        self._directory = Path(directory)
        self._lock = threading.Lock()
        self._results: dict[str, Result] = {}
        self._going: dict[str, tuple[str, int]] = {}

    def known(self, cell: Cell) -> CellView:
        """The cell with its result where there is one."""
        result = self._find(cell.name, cell)
        return CellView(cell) if result is None else CellView(cell, State.DONE, result)

    def join(self, cell: Cell) -> Result | str:
        """The result, or the key of the cell's run, which is started where no comparison has done so yet.

        Who gets a key must `leave` in the end. Raises QueueFullError where there is no room for a new run.
        """
        name = cell.name
        with self._lock:
            key, followers = self._going.get(name, ("", 0))
            if not followers:
                if (result := self._find(name, cell)) is not None:
                    return result
                key = self._registry.submit(cell.config, origin="comparison", label=cell.label)
            if followers:
                self._registry.resume(key)  # whoever holds it held it alone
            self._going[name] = key, followers + 1
            return key

    def leave(self, cell: Cell) -> None:
        """Stops following; a run that nobody follows any more is ended and forgotten."""
        name = cell.name
        with self._lock:
            key, followers = self._going.pop(name)
            if followers > 1:
                self._going[name] = key, followers - 1
            else:
                self._registry.drop(key)

    def hold(self, cell: Cell) -> bool:
        """Pauses the cell's run, unless others follow it too; tells whether it did."""
        with self._lock:
            key, followers = self._going[cell.name]
            if followers == 1:
                self._registry.pause(key)
            return followers == 1

    def release(self, cell: Cell) -> None:
        """Lets a held run go on."""
        with self._lock:
            self._registry.resume(self._going[cell.name][0])

    def keep(self, cell: Cell, result: Result) -> None:
        """Remembers a result; where no file can be written, for as long as the server runs."""
        while len(self._results) >= RESULTS:
            self._results.pop(next(iter(self._results)), None)
        self._results[cell.name] = result
        try:
            keep(self._directory, cell, result)
        except (InputError, OSError):
            return

    def look(self, key: str) -> RunView | None:
        return self._registry.view(key)

    def await_end(self, key: str, timeout: float) -> RunView | None:
        return self._registry.wait(key, timeout=timeout)

    def _find(self, name: str, cell: Cell) -> Result | None:
        found = self._results.get(name)
        if found is None and (found := kept(self._directory, cell)) is not None:
            self._results[name] = found
        return found
