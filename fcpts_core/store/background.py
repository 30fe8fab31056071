"""Background runs that are kept: what the registry of runs asks of a store (`engine.job.Keeping`).

The store is opened with the first run. Where it cannot be used, runs go on without it, and `trouble` says why.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Finished, Result
from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import State
from fcpts_core.errors import InputError
from fcpts_core.store.folder import MODEL
from fcpts_core.store.place import StoreError
from fcpts_core.store.records import Kept, Origin, RunRecord
from fcpts_core.store.views import view_of

if TYPE_CHECKING:
    from torch import Tensor

    from fcpts_core.store.store import Store

ENDS = {State.DONE: Kept.DONE, State.FAILED: Kept.FAILED, State.CANCELLED: Kept.STOPPED}

log = logging.getLogger(__name__)


class BackgroundRun:
    """One kept run of the registry; its folder is written by the process that computes it."""

    def __init__(self, store: Store, record: RunRecord, resumes: bool) -> None:
        from fcpts_core.store.progress import Progress

        self.id, self.config, self.threads, self.resumes = record.id, record.run_config, record.threads, resumes
        self.folder = str(store.folder(record.id).path)
        self._store, self._progress = store, Progress(store, record.id)

    def running(self) -> None:
        with suppress(StoreError):
            self._store.running(self.id)

    def see(self, event: Event) -> None:
        self._progress.see(event)

    @contextmanager
    def recorded(self) -> Iterator[Callable[[Event, Mapping[str, Tensor] | None], None]]:
        """For an engine in this process, which does not write the folder itself: what to call with every event."""
        from fcpts_core.store.folder import RunFolder
        from fcpts_core.store.keeper import Recorder

        with closing(Recorder(RunFolder(self.folder))) as recorder:
            yield recorder.tell

    def end(self, state: State, result: Result | None, reason: str) -> None:
        """The run has ended for good; one whose model did not reach the disk has failed for the store."""
        from fcpts_core.store.store import NOT_KEPT

        kept = ENDS[state]
        if kept is Kept.DONE and not (Path(self.folder) / MODEL).exists():
            kept, result, reason = Kept.FAILED, None, NOT_KEPT
        try:
            self._store.end(self.id, kept, result, reason)
        except StoreError as error:
            log.warning("%s", error)


class Background:
    """Keeps runs in the store that `opening` opens."""

    def __init__(self, opening: Callable[[], Store]) -> None:
        self.trouble = ""
        self._opening = opening
        self._warm = False

    def warm(self) -> None:
        """Opens the store in a thread of its own, once, and throws away what is old."""
        if not self._warm:
            self._warm = True
            threading.Thread(target=self._tidied, name="fcpts-store", daemon=True).start()

    def store(self) -> Store | None:
        """The store; None where it cannot be used."""
        try:
            store, self.trouble = self._opening(), ""
            return store
        except StoreError as error:
            self.trouble = str(error)
            return None

    def _tidied(self) -> None:
        if (store := self.store()) is not None:
            with suppress(StoreError):
                store.tidy()

    def begin(self, config: RunConfig, threads: int, origin: str = "", label: str = "") -> BackgroundRun | None:
        """A new run that waits for its turn; None where it cannot be kept."""
        if (store := self.store()) is None:
            return None
        try:
            where = Origin(origin) if origin else Origin.BROWSER
            record = store.begin(config, threads=threads, origin=where, state=Kept.QUEUED, label=label)
            return BackgroundRun(store, record, resumes=False)
        except StoreError as error:
            self.trouble = str(error)
            log.warning("A run is not kept. %s", error)
            return None

    def claim(self, key: str) -> BackgroundRun:
        """A run that did not end well, to go on with it; InputError where that cannot be."""
        if (store := self.store()) is None:
            raise InputError(self.trouble)
        return BackgroundRun(store, store.claim(key), resumes=True)

    def view(self, key: str) -> RunView | None:
        """A run that has ended, as a page sees it; None for any other."""
        record = self._ended(key)
        if record is None or (store := self.store()) is None:
            return None
        with suppress(InputError):
            return view_of(store, record)
        return None

    def artifacts(self, key: str) -> Mapping[str, bytes]:
        """The files of a run that is done, by name; empty for any other."""
        record = self._ended(key)
        if record is None or record.state is not Kept.DONE or (store := self.store()) is None:
            return {}
        with suppress(InputError, OSError):
            return _files(store, record.id, record.finished)
        return {}

    def _ended(self, key: str) -> RunRecord | None:
        store = self.store()
        if store is None:
            return None
        with suppress(StoreError):
            record = store.find(key)
            return None if record is None or record.state.live or record.deleted is not None else record
        return None


@lru_cache(maxsize=2)
def _files(store: Store, key: str, finished: float | None) -> dict[str, bytes]:
    from safetensors.torch import load_file

    from fcpts_core.engine.artifacts import build

    record, folder = store.get(key), store.folder(key)
    last: Any = folder.end()
    if not isinstance(last, Finished):
        raise InputError(f"The files of the run {key} are not complete.")
    tensors = load_file(folder.path / MODEL)
    return build(record.run_config, last.result, tensors, folder.text(), record.threads)
