"""The engine in a process of its own, so that a run never waits for the page's interpreter.

`python -m fcpts_core.engine.child`, started by `fcpts_core.engine.remote`. Orders come on standard input, a line of
JSON each: `{"config": ..., "threads": n}` begins a run, `{"events": n}` allows it `n` events more. With a `"folder"` it
is kept there, and with `"resumes": true` it tells what it told before and goes on from there. Standard output
carries the events as lines of `events.jsonl`; after the line of `finished` come 8 bytes, the length (little-endian) of
the `model.safetensors` that follows. Whatever goes wrong is told as `failed`. One run follows the other; the end of
standard input, which comes with the end of the parent, is the end of this process, in the middle of a step too.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import queue
import struct
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import BinaryIO

from fcpts_core.engine import artifacts
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Failed, Finished, dump_lines
from fcpts_core.engine.job import NO_RESULT, failure
from fcpts_core.engine.threads import step_back, torch_threads
from fcpts_core.errors import InputError, RunError

LENGTH = struct.Struct("<Q")
REST = 2.0
"""Seconds that a process waits for an order before it gets ready: a page that has just been opened comes first."""
PIPE_BYTES = 2**20
"""Room for some sets of densities on their way to a parent that is busy; more than Linux gives by itself."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """One run that is asked for, see above."""

    config: RunConfig
    threads: int
    folder: str | None = None
    resumes: bool = False


class Orders:
    """What the parent asks for, read by a thread of its own: `runs` are orders with the events they are allowed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.came = threading.Event()
        self.runs: queue.SimpleQueue[tuple[Order, threading.Semaphore]] = queue.SimpleQueue()

    def read(self) -> None:
        allowed = threading.Semaphore(0)
        for line in self._stream:
            order = json.loads(line)
            if "config" in order:
                allowed = threading.Semaphore(0)
                self.runs.put((Order(**{**order, "config": RunConfig.from_json(order["config"])}), allowed))
                self.came.set()
            else:
                allowed.release(order["events"])
        os._exit(0)


def main() -> None:
    orders_from, tell_to = _own_pipes()
    orders = Orders(orders_from)
    threading.Thread(target=orders.read, name="orders", daemon=True).start()
    if not orders.came.wait(REST):
        _warm_up()
    while True:
        order, allowed = orders.runs.get()
        for part in _told(order, allowed):
            tell_to.write(part)
            tell_to.flush()


def _told(order: Order, allowed: threading.Semaphore) -> Iterator[bytes]:
    """All that is said of one run, down to its end."""
    try:
        yield from _run(order, allowed)
    except Exception as error:
        if not isinstance(error, InputError | RunError):
            log.exception("%s stopped on an unforeseen error", order.config)
        yield _line(failure(error))


def _run(order: Order, allowed: threading.Semaphore) -> Iterator[bytes]:
    from fcpts_core.engine.run import Run

    if order.folder is None:
        run, before = Run(order.config), []
        telling: Generator[Event, None, None] = run.events()
    else:
        from fcpts_core.store.folder import RunFolder
        from fcpts_core.store.keeper import Keeper, continuation

        folder = RunFolder(order.folder)
        after = continuation(folder) if order.resumes else None
        run = Run(order.config, after.place if after else None)
        before = folder.lines()[: after.told] if after else []
        telling = Keeper(folder, after).follow(run)
    for line in before:
        allowed.acquire()
        yield line
    with torch_threads(order.threads), closing(telling) as events:
        while True:
            allowed.acquire()
            event = next(events, None)
            if event is None:
                raise RunError(NO_RESULT)
            if isinstance(event, Finished):
                model = artifacts.model_file(run.state_dict or {})
                yield b"".join((_line(event), LENGTH.pack(len(model)), model))
                return
            yield _line(event)
            if isinstance(event, Failed):
                return


def _line(event: Event) -> bytes:
    return "".join(dump_lines([event])).encode()


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for the orders and answers alone: libraries that print reach standard error."""
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return open(orders, "rb"), open(answers, "wb")


def _warm_up() -> None:
    """Imports the engine in a thread of low priority: niceness is a thread's own on Linux, and cannot be undone."""

    def load() -> None:
        step_back()
        with suppress(Exception):  # what is wrong is told by the first run
            import torch

            import fcpts_core.engine.run  # noqa: F401

            # The first optimizer of a process imports half as much again.
            torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)

    loader = threading.Thread(target=load, name="warm-up")
    loader.start()
    loader.join()


if __name__ == "__main__":
    main()
