"""What the page shows now: the reader's own run, the recorded one, or a preview of what the settings ask for.

The settings decide, nothing else remembers: a run that is under way is always shown; a finished run is shown as long as
the settings are those it ran with, the recording as long as nobody has touched any; else they show their preview.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import Snapshot, State


class Kind(StrEnum):
    RUN = "run"
    RECORDING = "recording"
    PREVIEW = "preview"


@dataclass(frozen=True)
class View:
    """A snapshot and where it comes from; `run` is the reader's own last run, shown or not.

    `changed` says that the settings are no longer those of that run. `problem` is the sentence that says why there is
    nothing to preview and nothing can be started.
    """

    kind: Kind
    snapshot: Snapshot
    config: RunConfig
    run: RunView | None = None
    changed: bool = False
    problem: str = ""

    @property
    def state(self) -> State:
        return self.snapshot.state

    @property
    def active(self) -> bool:
        """Whether the picture changes by itself."""
        waits = self.run is not None and self.run.asked is not None
        return self.kind is Kind.RUN and (waits or self.state in (State.QUEUED, State.RUNNING))

    @property
    def open(self) -> bool:
        """Whether this is a run that has not ended, paused ones included."""
        return self.kind is Kind.RUN and not self.state.final

    @property
    def revision(self) -> str:
        """What a zoom belongs to: it is kept as long as this stays the same."""
        return f"{self.kind} {self.run.id if self.run and self.kind is Kind.RUN else ''} {self.config.model}"


def choose(
    wanted: RunConfig,
    run: RunView | None,
    recording: Snapshot | None,
    preview: Snapshot | str,
    untouched: bool,
) -> View:
    """The view for the settings `wanted`; `untouched` says that every one of them is at its default.

    `preview` is a sentence where these settings cannot be run.
    """
    if run is not None and (not run.state.final or run.config == wanted):
        changed = run.config != wanted
        return View(Kind.RUN, _begun(run.snapshot, preview if not changed else ""), run.config, run, changed)
    if run is None and untouched and recording is not None and recording.started is not None:
        return View(Kind.RECORDING, recording, RunConfig.from_json(recording.started.config))
    if isinstance(preview, str):
        return View(Kind.PREVIEW, Snapshot(), wanted, run, changed=run is not None, problem=preview)
    return View(Kind.PREVIEW, preview, wanted, run, changed=run is not None)


def _begun(snapshot: Snapshot, preview: Snapshot | str) -> Snapshot:
    """A run that has read nothing yet goes on showing its preview, so that no chart ever empties."""
    if snapshot.started is not None or isinstance(preview, str):
        return snapshot
    return replace(
        preview, state=snapshot.state, phase=snapshot.phase, phase_share=snapshot.phase_share, reason=snapshot.reason
    )
