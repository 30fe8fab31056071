"""What the page shows now: the user's own run, the recorded one, or a preview of what the settings ask for.

The settings decide, nothing else remembers: a run that is under way is always shown; a finished run, or the recording,
is shown as long as the settings are those it ran with; any other settings show their preview.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.snapshot import Snapshot, State


class Kind(StrEnum):
    RUN = "run"
    RECORDING = "recording"
    PREVIEW = "preview"


@dataclass(frozen=True)
class View:
    """A snapshot and where it comes from; times in seconds, `started_at` as a Unix time.

    `notice` says what else the reader must know, such as a run of the address that this server does not have.
    """

    kind: Kind
    snapshot: Snapshot
    config: RunConfig
    run_id: str | None = None
    queue_position: int | None = None
    started_at: float | None = None
    elapsed: float | None = None
    eta: float | None = None

    @property
    def active(self) -> bool:
        """Whether the picture changes by itself."""
        return self.kind is Kind.RUN and self.snapshot.state in (State.QUEUED, State.RUNNING)

    @property
    def open(self) -> bool:
        """Whether this is a run that has not ended, paused ones included."""
        return self.kind is Kind.RUN and not self.snapshot.state.final
