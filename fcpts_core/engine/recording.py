"""Runs kept for later: one line of JSON an event, plain or gzipped; told again, they give the same picture.

`python -m fcpts_core.engine.recording FILE` makes the recording that a first visit shows, by the default run.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Curve, Event, Stepped, Surveyed, dump_lines, load_lines
from fcpts_core.errors import InputError

Item = TypeVar("Item")


class Journal:
    """All events of one run, compressed as they come: a long run of a deep model stays at a few megabytes."""

    def __init__(self) -> None:
        self._squeeze = zlib.compressobj(level=1)
        self._chunks: list[bytes] = []

    def add(self, event: Event, line: bytes | None = None) -> None:
        """Takes one event; `line`, where it is at hand, is what would be written of it."""
        for text in (line,) if line is not None else map(str.encode, dump_lines([event])):
            self._chunks.append(self._squeeze.compress(text))

    def text(self) -> bytes:
        """The lines so far, the content of `events.jsonl`."""
        return zlib.decompressobj().decompress(b"".join([*self._chunks, self._squeeze.copy().flush()]))


def load_recording(path: str | Path) -> tuple[Event, ...]:
    """The events of a `.jsonl` or `.jsonl.gz` file; raises InputError where it cannot be read as one."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"The recording {path} cannot be read: {error.strerror or error}.") from error
    try:
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return tuple(load_lines(text.decode().splitlines()))
    except (ValueError, TypeError, AttributeError, EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"The recording {path} is damaged: expected one JSON event a line ({error}). Record the run again."
        ) from error


def save_recording(events: Iterable[Event], path: str | Path) -> None:
    """Writes the events as lines of JSON, gzipped where the name ends in `.gz`; the same events give the same bytes."""
    path = Path(path)
    text = "".join(dump_lines(events)).encode()
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0) if path.suffix == ".gz" else text)


def thin(events: Iterable[Event], points: int, surveys: int | None = None, digits: int = 4) -> tuple[Event, ...]:
    """A smaller recording of the same run: `points` of its steps, `surveys` of its densities, `digits` significant.

    First and last of each are always kept, the others evenly spaced. The problem itself and what was measured at the
    end (`Started`, `Finished`) keep their numbers, so result cards show the same in live and recorded runs; only what
    is drawn (losses, thresholds, densities) is rounded.
    """
    events = tuple(events)
    steps = _spread([event for event in events if isinstance(event, Stepped)], points)
    curves = _spread([event for event in events if isinstance(event, Surveyed)], surveys or points)
    kept = {id(event) for event in (*steps, *curves)}
    return tuple(
        _rounded(event, digits) for event in events if not isinstance(event, Stepped | Surveyed) or id(event) in kept
    )


def _spread(items: Sequence[Item], limit: int) -> list[Item]:
    """At most `limit` (2 or more) items, evenly spaced by place, both ends among them."""
    if len(items) <= limit:
        return list(items)
    return [items[round(place * (len(items) - 1) / (limit - 1))] for place in range(limit)]


def _rounded(event: Event, digits: int) -> Event:
    if isinstance(event, Stepped):
        return Stepped(**{name: _shorten(value, digits) for name, value in vars(event).items()})
    if isinstance(event, Surveyed):
        curves = ({name: _shorten(value, digits) for name, value in vars(curve).items()} for curve in event.curves)
        return replace(event, curves=tuple(Curve(**curve) for curve in curves))
    return event


def _shorten(value: Any, digits: int) -> Any:
    if isinstance(value, tuple):
        return tuple(_shorten(item, digits) for item in value)
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def record(config: RunConfig, path: str | Path, points: int = 100, surveys: int = 16) -> None:
    """Does the run on one thread and writes a small recording of it; beside it the weights, and what they are worth."""
    from fcpts_core.engine.keepsake import keep
    from fcpts_core.engine.run import Run
    from fcpts_core.engine.threads import torch_threads

    with torch_threads(1):
        run = Run(config)
        save_recording(thin(run.events(), points, surveys), path)
        keep(config, run.state_dict or {}, Path(path))


if __name__ == "__main__":
    record(RunConfig(), sys.argv[1])
