"""The folder of one run: what it told, its sparse model, its checkpoints and a copy of its row.

record.json                       the row of the index, so that a lost index can be built anew
events.jsonl, events.jsonl.gz     what the run told, a line an event; packed once it has ended
model.safetensors                 the sparse model of a run that is done
checkpoint.safetensors            where it stands, and `checkpoint.previous.safetensors` the one before
    start-N.safetensors               the weights with which stage N of its reconstruction began to learn
lock                              held by the process that computes the run
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fcpts_core.engine.events import Event, Failed, Finished, Stepped, from_json
from fcpts_core.engine.recording import load_recording
from fcpts_core.errors import InputError
from fcpts_core.store.place import StoreError

EVENTS, PACKED, MODEL, RECORD = "events.jsonl", "events.jsonl.gz", "model.safetensors", "record.json"
CHECKPOINT, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
LOCK_PATIENCE = 10.0


class RunFolder:
    """One run's files below `path`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @contextmanager
    def held(self, patience: float = LOCK_PATIENCE) -> Iterator[None]:
        """This process alone computes the run; StoreError where another one still does after `patience` seconds."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _wait_for(handle, patience, self.path.name)
            yield
        finally:
            os.close(handle)

    def start(self, stage: int) -> Path:
        return self.path / f"start-{stage}.safetensors"

    def events(self) -> tuple[Event, ...]:
        """What the run told so far; a line that was being written when it was cut off is left out."""
        if (packed := self.path / PACKED).exists():
            return load_recording(packed)
        return tuple(_told(self.lines(), self.path))

    def lines(self) -> list[bytes]:
        """The whole lines of `events.jsonl`."""
        try:
            content = (self.path / EVENTS).read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"The events in {self.path} cannot be read: {error.strerror or error}.") from error
        return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)

    def text(self) -> bytes:
        """The content of `events.jsonl`, packed or not."""
        if (packed := self.path / PACKED).exists():
            return gzip.decompress(packed.read_bytes())
        return b"".join(self.lines())

    def end(self) -> Finished | Failed | None:
        """How the run ended by its own word; None where it did not, or not with all its files."""
        try:
            told = self.events()
        except InputError:
            return None
        last = told[-1] if told else None
        if isinstance(last, Finished):
            return last if (self.path / MODEL).exists() else None
        return last if isinstance(last, Failed) else None

    def last_step(self) -> Stepped | None:
        """The newest learning step that was told."""
        with suppress(InputError):
            return next((event for event in reversed(self.events()) if isinstance(event, Stepped)), None)
        return None

    def cut(self, lines: int) -> None:
        """Forgets all but the first `lines` events, for a run that goes on from there."""
        kept = self.lines()[:lines]
        write_whole(self.path / EVENTS, b"".join(kept))
        for name in (PACKED, MODEL):
            (self.path / name).unlink(missing_ok=True)

    def pack(self) -> None:
        """What is no longer needed goes: the events are compressed, checkpoints removed."""
        source = self.path / EVENTS
        if source.exists():
            write_whole(self.path / PACKED, gzip.compress(source.read_bytes(), compresslevel=6, mtime=0))
            source.unlink()
        for path in (self.path / CHECKPOINT, self.path / PREVIOUS, *self.path.glob("start-*.safetensors")):
            path.unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes of all files."""
        with suppress(OSError):
            return sum(item.stat().st_size for item in self.path.iterdir() if item.is_file())
        return 0

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file such that it is there whole or not at all, after a power cut too."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    settle(path.parent)


def settle(directory: Path) -> None:
    """Names in a directory are safe only once it is written itself; not every system can."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_record(path: Path, row: dict[str, Any]) -> None:
    write_whole(path / RECORD, (json.dumps(row, indent=1) + "\n").encode())


def _told(lines: list[bytes], path: Path) -> Iterator[Event]:
    for line in lines:
        try:
            yield from_json(json.loads(line))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"The events in {path} are damaged ({error}): the run cannot be shown.") from error


def _wait_for(handle: int, patience: float, name: str) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise StoreError(
                    f"The run {name} is being computed by another process: wait until that one has ended."
                ) from None
            time.sleep(0.05)
