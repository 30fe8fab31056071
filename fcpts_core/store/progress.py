"""How far a run has come, noted in the index now and then."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from fcpts_core.engine.events import Event, Started, Stepped
from fcpts_core.store.place import StoreError

if TYPE_CHECKING:
    from fcpts_core.store.store import Store

NOTED_EVERY = 1.0
"""Seconds between two notes."""


class Progress:
    """Sees every event of one run; what cannot be noted now is noted later."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._steps, self._noted = 0, 0.0

    def see(self, event: Event) -> None:
        if isinstance(event, Started):
            self._steps = event.steps
            self._note(0, None, 0.0)
        elif isinstance(event, Stepped) and time.monotonic() - self._noted >= NOTED_EVERY:
            self._note(event.step, event.sparsity, event.seconds)

    def _note(self, step: int, sparsity: float | None, seconds: float) -> None:
        self._noted = time.monotonic()
        with suppress(StoreError):
            self._store.advance(self._key, step, self._steps, sparsity, seconds)
