"""Keeps one run while it goes on: what it tells, its checkpoints and its model, in the run's folder.

The events are on the disk before the checkpoint that counts them, and a checkpoint replaces the one before only when
it is whole, so there is a moment to go on from whenever the process is killed.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from torch import Tensor

from fcpts_core.bookmark import Bookmark, Saved
from fcpts_core.engine.artifacts import model_file
from fcpts_core.engine.events import Event, Finished, dump_lines
from fcpts_core.engine.run import Place, Run
from fcpts_core.store.checkpoint import DamagedError, read_checkpoint, write_checkpoint
from fcpts_core.store.folder import CHECKPOINT, EVENTS, MODEL, PREVIOUS, RunFolder, write_whole

VARIABLE = "FCPTS_CHECKPOINT_SECONDS"
EVERY = 5.0
"""Seconds between checkpoints, unless the variable says otherwise; 0 takes one after every step."""

SHARE = 0.02
"""Of the time, what checkpoints may take at most."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Continuation:
    """Where a run goes on: `place` is None for its beginning, `told` the events that stay, `remark` what went wrong."""

    place: Place | None = None
    told: int = 0
    remark: str = ""


def continuation(folder: RunFolder) -> Continuation:
    """The newest checkpoint that is whole; where there is none, the run begins anew, which gives the same bits."""
    remark = ""
    for name in (CHECKPOINT, PREVIOUS):
        path = folder.path / name
        if not path.exists():
            continue
        try:
            saved = read_checkpoint(path)
            stage = saved.values["settled"].get("start")
            start = read_checkpoint(folder.start(stage)).tensors if stage else None
            own = saved.values["run"]
            place = Place(Bookmark(saved, start), own["steps"], own["seconds"], own["worked"])
            if len(folder.lines()) < own["told"]:
                raise DamagedError(f"The checkpoint {path} counts more events than there are.")
            return Continuation(place, own["told"], remark)
        except DamagedError as error:
            remark = str(error)
    return Continuation(remark=f"{remark} The run begins anew." if remark else "")


class Recorder:
    """What a run tells and its model, for an engine without checkpoints; errors of the disk are the caller's."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._events = (folder.path / EVENTS).open("wb")

    def tell(self, event: Event, state_dict: Mapping[str, Tensor] | None) -> None:
        if isinstance(event, Finished) and state_dict is not None:
            write_whole(self._folder.path / MODEL, model_file(state_dict))
        self._events.write("".join(dump_lines([event])).encode())
        self._events.flush()

    def close(self) -> None:
        self._events.close()


class Keeper:
    """Follows one run into `folder`; `trouble` is a sentence once something could not be written.

    The run itself never suffers from that: it goes on, and only what could not be written is missing.
    """

    def __init__(self, folder: RunFolder, after: Continuation | None = None) -> None:
        self.folder = folder
        self.trouble = ""
        self._told = 0 if after is None else after.told
        self._every = _every()
        self._due = time.monotonic() + self._every
        self._events: BinaryIO | None = None
        self._stage = 0

    def follow(self, run: Run) -> Generator[Event, None, None]:
        """The events of the run, kept as they pass."""
        run.at_rest = lambda: self._rest(run)
        run.bookmark.wanted = True
        with ExitStack() as stack:
            stack.callback(self._close)
            stack.enter_context(self.folder.held())
            self._open()
            for event in stack.enter_context(closing(run.events())):
                if isinstance(event, Finished) and run.state_dict is not None:
                    self._write(partial(self._model, run))
                self._write(partial(self._tell, event))
                yield event

    def _open(self) -> None:
        def begin() -> None:
            self.folder.cut(self._told)
            self._events = (self.folder.path / EVENTS).open("ab")

        self._write(begin)

    def _model(self, run: Run) -> None:
        write_whole(self.folder.path / MODEL, model_file(run.state_dict or {}))

    def _tell(self, event: Event) -> None:
        if self._events is not None:
            self._events.write("".join(dump_lines([event])).encode())
            self._events.flush()
            self._told += 1

    def _rest(self, run: Run) -> None:
        """Writes a checkpoint where one is due."""
        if self.trouble or time.monotonic() < self._due:
            return
        began = time.monotonic()
        saved = run.bookmark.state()
        if saved is None:
            return
        saved.values["run"] = {**run.standing(), "told": self._told}

        def write() -> None:
            path, events = self.folder.path, self._events
            if events is None:
                return
            os.fsync(events.fileno())
            if run.bookmark.start is not None:
                self._start(run.bookmark)
            draft = path / f"{CHECKPOINT}.new"
            write_checkpoint(draft, saved)
            with suppress(FileNotFoundError):
                os.replace(path / CHECKPOINT, path / PREVIOUS)
            os.replace(draft, path / CHECKPOINT)

        self._write(write)
        now = time.monotonic()
        self._due = now + max(self._every, (now - began) / SHARE if self._every else 0.0)

    def _start(self, bookmark: Bookmark) -> None:
        """The weights with which the stage's loop began, once; those of the stage before are still needed."""
        stage = bookmark.settled["start"]
        if bookmark.start is not None and stage != self._stage:
            write_checkpoint(self.folder.start(stage), Saved({}, bookmark.start))
            self.folder.start(stage - 2).unlink(missing_ok=True)
            self._stage = stage
        bookmark.start = None

    def _write(self, write: Callable[[], None]) -> None:
        if self.trouble:
            return
        try:
            write()
        except OSError as error:
            self.trouble = (
                f"The run could not be kept in {self.folder.path} ({error.strerror or error}): it goes on, but it "
                "cannot be resumed or exported from the store."
            )
            log.warning(self.trouble)

    def _close(self) -> None:
        if self._events is not None:
            with suppress(OSError):
                self._events.close()


def _every() -> float:
    with suppress(ValueError):
        return max(0.0, float(os.environ[VARIABLE])) if VARIABLE in os.environ else EVERY
    return EVERY
