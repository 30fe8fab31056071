"""Runs in child processes, seen from the parent: each looks like a run of this process (`RunLike`).

A child may be `AHEAD` events ahead of what was asked for, so that it never waits for a parent that is busy, and a run
that is paused stops soon after. Importing torch takes seconds, so a child that has done its run well is kept for the
next one, and one is started before the first run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import fcpts_core
from fcpts_core.engine.child import LENGTH
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Failed, Finished, from_json
from fcpts_core.engine.job import KeptRun
from fcpts_core.errors import RunError

if TYPE_CHECKING:
    from torch import Tensor

AHEAD = 3
MODULE = "fcpts_core.engine.child"


class Child:
    """One process with the engine. Its methods belong to one thread at a time; `kill` to any."""

    def __init__(self) -> None:
        package = Path(fcpts_core.__file__).parents[1]
        paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,  # an interrupt at the terminal is the parent's alone
            )
        except OSError as error:
            raise RunError(
                f"No process could be started for the run ({error.strerror or error}): end other programs, try again."
            ) from error

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def order(self, *orders: Mapping[str, Any]) -> None:
        stream = _there(self._process.stdin)
        stream.write("".join(f"{json.dumps(order)}\n" for order in orders).encode())
        stream.flush()

    def line(self) -> bytes:
        """The next line; raises EOFError where the process has ended."""
        line: bytes = _there(self._process.stdout).readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def model(self) -> bytes:
        """The tensors that follow the line of `finished`."""
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        return self._exactly(length)

    def kill(self) -> int:
        """Ends the process at once, if it has not ended yet, and returns how it ended."""
        self._process.kill()
        return self._process.wait()

    def close(self) -> int:
        """Kills, and lets go of the pipes."""
        status = self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                _there(stream).close()
        return status

    def last_words(self) -> RunError:
        """Why nothing more comes from a process that was not told to end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)  # its pipes close a moment before it is gone
        return RunError(_obituary(self.kill()))

    def _exactly(self, length: int) -> bytes:
        found: bytes = _there(self._process.stdout).read(length)
        if len(found) < length:
            raise EOFError
        return found


class Children:
    """The processes of one registry: those at work, and at most `keep` that are ready for a run.

    `threads` tells how many torch threads a run gets. Every method may be called from any thread.
    """

    def __init__(self, threads: Callable[[], int], keep: int = 1) -> None:
        self.threads = threads
        self._keep = keep
        self._lock = threading.Lock()
        self._ready: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False

    def run(self, config: RunConfig, kept: KeptRun | None = None) -> RemoteRun:
        """A run that takes its process when its first event is asked for."""
        return RemoteRun(config, self, kept)

    def warm(self) -> None:
        """Gets a process ready for the next run, unless there is one or a run would be slowed by it."""
        with self._lock:
            if not (self._closed or self._ready or self._busy):
                self._ready.append(Child())

    def take(self) -> Child | None:
        """A process for one run, None when closed; goes back by `give_back`."""
        with self._lock:
            if self._closed:
                return None
            child = None
            while child is None and self._ready:
                child = self._ready.pop()
                if not child.alive:
                    child.close()
                    child = None
            child = child or Child()
            self._busy.add(child)
            return child

    def give_back(self, child: Child, usable: bool) -> None:
        """Keeps the process for another run, or ends it and gets one ready in its place."""
        with self._lock:
            self._busy.discard(child)
            if usable and not self._closed and len(self._ready) < self._keep:
                self._ready.append(child)
                return
        child.close()
        with suppress(RunError):
            self.warm()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Ends all processes; those at work end their runs with it."""
        with self._lock:
            self._closed = True
            ready, self._ready = self._ready, []
            for child in self._busy:
                child.kill()
        for child in ready:
            child.close()


class RemoteRun:
    """A run in one of `children`; `line` is its newest event as a line of the journal."""

    def __init__(self, config: RunConfig, children: Children, kept: KeptRun | None = None) -> None:
        self.config = config
        self._kept = kept
        self.line: bytes | None = None
        self._children = children
        self._model: bytes | None = None

    @property
    def state_dict(self) -> dict[str, Tensor] | None:
        if self._model is None:
            return None
        from safetensors.torch import load

        return load(self._model)

    def events(self) -> Generator[Event, None, None]:
        child = self._children.take()
        if child is None:
            return
        usable = False
        try:
            for event in self._asked(child):
                # A process that has used a GPU holds memory there.
                usable = isinstance(event, Finished) and self.config.device == "cpu"
                yield event
        finally:
            self._children.give_back(child, usable)

    def _asked(self, child: Child) -> Generator[Event, None, None]:
        order: dict[str, Any] = {"config": self.config.to_json(), "threads": self._children.threads()}
        if (kept := self._kept) is not None:
            order |= {"threads": kept.threads, "folder": kept.folder, "resumes": kept.resumes}
        orders: list[Mapping[str, Any]] = [order, {"events": AHEAD + 1}]
        while True:
            try:
                child.order(*orders)
                self.line = child.line()
                event = from_json(json.loads(self.line))
                if isinstance(event, Finished):
                    self._model = child.model()
            except (EOFError, BrokenPipeError):
                if self._children.closed:
                    return
                raise child.last_words() from None
            yield event
            if isinstance(event, Finished | Failed):
                return
            orders = [{"events": 1}]


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("The process was started without this pipe.")
    return stream


def _obituary(status: int) -> str:
    """Why a run has no end, from the exit status of its process."""
    if status == -signal.SIGKILL:
        return (
            "The run's process was ended by the system, most likely because memory ran out: "
            "try a smaller batch, fewer calibration images or a smaller model."
        )
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return (
        f"The run's process ended before the run did ({how}): start it again, and report it if that happens again; "
        "the program's log holds the details."
    )
