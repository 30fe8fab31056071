"""Comparisons in the background: each one cell at a time through the registry of runs, so that all share its bounds.

A cell is computed once for all comparisons of a server: its result is kept in memory and as a file, and comparisons
that want the same cell at the same time follow the same run.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fcpts_core.compare.cell_store import GLANCE, CellStore
from fcpts_core.compare.cells import Cell
from fcpts_core.compare.progress import CellView, ComparisonView
from fcpts_core.engine.events import Result
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import QueueFullError, RunRegistry
from fcpts_core.errors import InputError

MAX_CELLS = 200
MAX_LIVE = 16
REMEMBERED = 50
PATIENCE = 1.0
GONE = "The run of this cell is not on this server any more: compare again to repeat it."


class Stopwatch:
    """Seconds of work, begun at once; every method may be called from any thread, in any order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before, self._since = 0.0, time.monotonic()
        self._runs = True

    @property
    def seconds(self) -> float:
        with self._lock:
            return self._before + (time.monotonic() - self._since if self._runs else 0.0)

    def start(self) -> None:
        with self._lock:
            if not self._runs:
                self._since, self._runs = time.monotonic(), True

    def stop(self) -> None:
        with self._lock:
            if self._runs:
                self._before, self._runs = self._before + time.monotonic() - self._since, False


class Comparison:
    """One comparison at work; every method may be called from any thread."""

    def __init__(self, key: str, cells: Sequence[Cell], store: CellStore) -> None:
        self._key = key
        self._store = store
        self._views = [store.known(cell) for cell in cells]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._stopwatch = Stopwatch()
        self._run: str | None = None
        self._waiting = ""
        self._thread = threading.Thread(target=self._work, name="fcpts-comparison", daemon=True)
        self._thread.start()

    def view(self) -> ComparisonView:
        """The comparison as it is now."""
        with self._lock:
            views, key, waiting = tuple(self._views), self._run, self._waiting
        run = self._store.look(key) if key else None
        return ComparisonView(
            self._key,
            views,
            self._stop.is_set(),
            run,
            waiting,
            paused=not self._going.is_set(),
            seconds=self._stopwatch.seconds,
        )

    @property
    def over(self) -> bool:
        with self._lock:
            return all(view.state.final for view in self._views)

    def cancel(self) -> None:
        """Ends the comparison; what is done stays done."""
        self._stop.set()

    def pause(self) -> None:
        """Begins no other cell, and pauses the run in hand unless another comparison follows it too."""
        self._going.clear()
        self._stopwatch.stop()

    def resume(self) -> None:
        """Goes on."""
        if not self.over:
            self._stopwatch.start()
        self._going.set()

    def join(self, timeout: float | None = None) -> None:
        """Waits for the end."""
        self._thread.join(timeout)

    def _work(self) -> None:
        for place, view in enumerate(self._views):
            if view.state.final:
                continue
            while not (self._going.is_set() or self._stop.is_set()):
                self._going.wait(GLANCE)
            if not self._stop.is_set():
                self._show(place, replace(view, state=State.RUNNING))
                try:
                    view = self._computed(view.cell)
                except InputError as error:
                    view = replace(view, state=State.FAILED, reason=str(error))
            if not view.state.final:
                view = replace(view, state=State.CANCELLED)
            self._show(place, view)
        self._stopwatch.stop()

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
            held = False
            while not self._stop.is_set():
                held = self._held(cell, held)
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

    def _held(self, cell: Cell, held: bool) -> bool:
        """Holds the run of the cell, or lets it go on, as was asked; tells whether it is held now."""
        if not self._going.is_set():
            return self._store.hold(cell)
        if held:
            self._store.release(cell)
        return False


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

    def pause(self, key: str) -> None:
        """Lets a comparison rest; an unknown one has nothing to pause."""
        if comparison := self._all.get(key):
            comparison.pause()

    def resume(self, key: str) -> None:
        """Lets a paused comparison go on."""
        if comparison := self._all.get(key):
            comparison.resume()

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
