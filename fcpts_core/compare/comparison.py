"""Comparisons in the background: each one cell at a time through the registry of runs, so that all share its bounds.

A cell is computed once for all comparisons of a server: its result is kept in memory and as a file, and comparisons
that want the same cell at the same time follow the same run.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fcpts_core.compare.cells import Cell, keep, kept
from fcpts_core.compare.progress import CellView, ComparisonView
from fcpts_core.engine.events import Result
from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import QueueFullError, RunRegistry
from fcpts_core.errors import InputError

MAX_CELLS = 200
MAX_LIVE = 16
REMEMBERED = 50
RESULTS = 2000
GLANCE = 0.2
PATIENCE = 1.0
GONE = "The run of this cell is not on this server any more: compare again to repeat it."


class Comparison:
    """One comparison at work; every method may be called from any thread."""

    def __init__(self, key: str, cells: Sequence[Cell], store: CellStore) -> None:
        self._key = key
        self._store = store
        self._views = [store.known(cell) for cell in cells]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._run: str | None = None
        self._waiting = ""
        self._thread = threading.Thread(target=self._work, name="fcpts-comparison", daemon=True)
        self._thread.start()

    def view(self) -> ComparisonView:
        """The comparison as it is now."""
        with self._lock:
            views, key, waiting = tuple(self._views), self._run, self._waiting
        run = self._store.look(key) if key else None
        return ComparisonView(self._key, views, self._stop.is_set(), run, waiting)

    @property
    def over(self) -> bool:
        with self._lock:
            return all(view.state.final for view in self._views)

    def cancel(self) -> None:
        """Ends the comparison; what is done stays done."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Waits for the end."""
        self._thread.join(timeout)

    def _work(self) -> None:
        for place, view in enumerate(self._views):
            if view.state.final:
                continue
            if not self._stop.is_set():
                self._show(place, replace(view, state=State.RUNNING))
                try:
                    view = self._computed(view.cell)
                except InputError as error:
                    view = replace(view, state=State.FAILED, reason=str(error))
            if not view.state.final:
                view = replace(view, state=State.CANCELLED)
            self._show(place, view)

    def _show(self, place: int, view: CellView) -> None:
        with self._lock:
            self._views[place] = view
            self._run, self._waiting = None, ""

    def _computed(self, cell: Cell) -> CellView:
        """The cell once its run has ended; without a final state where the comparison was cancelled before that."""
        while not self._stop.is_set():
            try:
                found = self._store.join(cell)
            except QueueFullError as full:
                with self._lock:
                    self._waiting = str(full)
                self._stop.wait(PATIENCE)
                continue
            if isinstance(found, Result):
                return CellView(cell, State.DONE, found)
            return self._followed(cell, found)
        return CellView(cell)

    def _followed(self, cell: Cell, key: str) -> CellView:
        with self._lock:
            self._run, self._waiting = key, ""
        try:
            while not self._stop.is_set():
                run = self._store.await_end(key, GLANCE)
                if run is None or run.state is State.CANCELLED:
                    return CellView(cell, State.FAILED, reason=GONE)
                if run.state is State.FAILED:
                    return CellView(cell, State.FAILED, reason=run.snapshot.reason)
                if run.snapshot.result is not None and run.state is State.DONE:
                    self._store.keep(cell, run.snapshot.result)
                    return CellView(cell, State.DONE, run.snapshot.result)
            return CellView(cell)
        finally:
            self._store.leave(cell)


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


class Comparisons:
    """All comparisons of a server, by unguessable id; the `REMEMBERED` newest finished ones are kept."""

    def __init__(self, registry: RunRegistry, directory: str | Path) -> None:
        self._registry = registry
        self._store = CellStore(registry, directory)
        self._all: dict[str, Comparison] = {}
        self._lock = threading.Lock()

    @property
    def threads(self) -> int:
        """Torch threads of each cell."""
        return self._registry.threads

    def start(self, cells: Sequence[Cell]) -> str:
        """Begins a comparison and returns its id; raises InputError where there are too many, of it or in it."""
        check_size(len(cells))
        with self._lock:
            live = sum(not comparison.over for comparison in self._all.values())
            if live >= MAX_LIVE:
                raise InputError(
                    f"{live} comparisons are under way on this server already: wait until one of them ends."
                )
            over = [key for key, comparison in self._all.items() if comparison.over]
            for key in over[: max(0, len(over) - REMEMBERED + 1)]:
                del self._all[key]
            key = secrets.token_urlsafe(16)
            self._all[key] = Comparison(key, cells, self._store)
            return key

    def view(self, key: str) -> ComparisonView | None:
        """The comparison as it is now, None where there is no such one."""
        comparison = self._all.get(key)
        return comparison.view() if comparison else None

    def cancel(self, key: str) -> None:
        """Ends a comparison; an unknown one is none to end."""
        if comparison := self._all.get(key):
            comparison.cancel()

    def wait(self, key: str, timeout: float | None = None) -> ComparisonView | None:
        """Blocks until the comparison has ended or `timeout` seconds are over."""
        if comparison := self._all.get(key):
            comparison.join(timeout)
        return self.view(key)

    def known(self, cells: Sequence[Cell]) -> tuple[CellView, ...]:
        """The cells, those with a result that are finished already."""
        return tuple(self._store.known(cell) for cell in cells)


def check_size(cells: int) -> None:
    """InputError where a comparison would have no cells, or more than a server should be asked for."""
    if not cells:
        raise InputError("There is nothing to compare: choose at least one model, one method and one sparsity.")
    if cells > MAX_CELLS:
        raise InputError(
            f"The comparison has {cells} runs: expected at most {MAX_CELLS}, so choose fewer models, methods, "
            "sparsities or seeds."
        )
