"""A kept run as the pages see any run: its events folded into the same picture that was drawn while it went on."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import Snapshot, State, tell
from fcpts_core.store.records import Kept, RunRecord

if TYPE_CHECKING:
    from fcpts_core.store.store import Store

STATES = {
    Kept.QUEUED: State.QUEUED,
    Kept.RUNNING: State.RUNNING,
    Kept.DONE: State.DONE,
    Kept.STOPPED: State.CANCELLED,
    Kept.FAILED: State.FAILED,
    Kept.INTERRUPTED: State.INTERRUPTED,
}


def view_of(store: Store, record: RunRecord) -> RunView:
    """One look at a kept run; raises InputError where its events cannot be read."""
    snapshot = _snapshot(store, record.id, record.finished, record.state)
    return RunView(
        id=record.id,
        config=record.run_config,
        snapshot=replace(snapshot, state=STATES[record.state], reason=snapshot.reason or record.reason),
        asked=None,
        queue_position=None,
        submitted_at=record.started,
        started_at=record.started,
        finished_at=record.finished,
        elapsed=record.seconds,
        eta=None,
        kept=True,
    )


@lru_cache(maxsize=16)
def _snapshot(store: Store, key: str, finished: float | None, state: Kept) -> Snapshot:
    """The picture; when and how the run ended tells apart what it was before and after it was resumed."""
    return tell(store.folder(key).events())
