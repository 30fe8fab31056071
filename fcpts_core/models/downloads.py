"""Fetching a file of weights: checked, kept, resumed where it broke off, never waiting for ever.

What has come so far is in `NAME.part` beside the goal. A next attempt asks the server for the rest alone; the checksum
of the whole decides in the end, and only a file that passes gets its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fcpts_core.errors import RunError
from fcpts_core.models.catalogue import Download

CHUNK = 1 << 16
TIMEOUT = 20.0
"""Seconds without a single byte."""

Asked = Callable[[], bool]
"""Says whether the download is to be given up."""

Progress = Callable[[int, int | None], None]
"""Takes how many bytes are here and how many there will be, None where the server does not say."""


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """The download was given up; what had come is kept for the next attempt."""


def fetch(
    download: Download,
    *,
    progress: Progress = lambda done, total: None,
    cancelled: Asked = lambda: False,
    timeout: float = TIMEOUT,
) -> Path:
    """The path of the file, fetched if it is not there. Raises RunError with a sentence, or `Cancelled`."""
    goal = download.path
    if goal.is_file():
        return goal
    part = goal.with_name(goal.name + ".part")
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part, download) as file:
            if goal.is_file():  # by somebody else, while this waited
                return goal
            resumed = os.fstat(file.fileno()).st_size > 0
            _append(download, file, progress, cancelled, timeout)
            if resumed and not _is_right(download, file):
                file.truncate(0)  # the beginning was not of this file: once more, from the start
                _append(download, file, progress, cancelled, timeout)
            if not _is_right(download, file):
                file.truncate(0)
                raise RunError(
                    f"What {download.url} serves has another checksum than the publisher's ({download.sha256[:8]}), so "
                    f"it was thrown away: try again later, or pass a file of weights."
                )
            os.replace(part, goal)
    except OSError as error:
        raise RunError(f"{goal} cannot be written: {error.strerror or error}.") from error
    return goal


@contextmanager
def _alone(part: Path, download: Download) -> Iterator[IO[bytes]]:
    """The partial file, for one writer at a time."""
    with part.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"{download.name} is being fetched already: wait for it, or stop it there.") from None
        yield file


def _append(download: Download, file: IO[bytes], progress: Progress, cancelled: Asked, timeout: float) -> None:
    done = file.seek(0, os.SEEK_END)
    with _answer(download, done, timeout) as answer:
        if answer is None:  # nothing is left to be sent
            return
        if done and answer.status != 206:
            file.truncate(0)
            done = 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length and length.isdecimal() else None
        if total is not None and shutil.disk_usage(download.path.parent).free < total - done:
            raise RunError(
                f"There is no room for {download.name} ({total / 2**20:,.0f} MB): free some, or set TORCH_HOME."
            )
        progress(done, total)
        while chunk := _chunk(download, answer, done, total):
            file.write(chunk)
            done += len(chunk)
            progress(done, total)
            if cancelled():
                file.flush()
                raise Cancelled
    file.flush()
    if total is not None and done < total:
        raise _broken(download, done, total)


@contextmanager
def _answer(download: Download, done: int, timeout: float) -> Iterator[Any]:
    if not download.url.startswith(("http://", "https://")):
        raise RunError(f"{download.url} is no address of a server: expected http or https.")
    headers = {"User-Agent": "fcpts-playground"} | ({"Range": f"bytes={done}-"} if done else {})
    request = urllib.request.Request(download.url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and done:
                yield None
                return
        raise RunError(f"The server answers {error.code} for {download.url}. {_instead(download)}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise RunError(f"{download.url} cannot be reached ({reason}). {_instead(download)}") from None
    with answer:
        yield answer


def _chunk(download: Download, answer: Any, done: int, total: int | None) -> bytes:
    try:
        found: bytes = answer.read1(CHUNK)
        return found
    except (OSError, http.client.HTTPException):
        raise _broken(download, done, total) from None


def _broken(download: Download, done: int, total: int | None) -> RunError:
    of = f" of {total / 2**20:,.1f} MB" if total else ""
    return RunError(
        f"The download of {download.name} broke off after {done / 2**20:,.1f} MB{of}: start it again, and it goes on "
        f"from there."
    )


def _instead(download: Download) -> str:
    return (
        f"Without a network, put the file into {download.path.parent} by other means, pass your own with --weights, or "
        f"try the model with --random-weights."
    )


def _is_right(download: Download, file: IO[bytes]) -> bool:
    file.seek(0)
    found = hashlib.sha256()
    while chunk := file.read(CHUNK):
        found.update(chunk)
    return found.hexdigest().startswith(download.sha256)
