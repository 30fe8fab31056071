"""Which process has a run in hand, and whether it still lives.

Every process that owns runs holds a lock on a file of its own for as long as it lives. The system takes the lock away
whatever ends the process, a kill -9 and a power cut included, and no number is ever mistaken for that of a later
process.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

FOLDER = "owners"


class Owner:
    """This process as an owner of runs in one store."""

    def __init__(self, directory: Path) -> None:
        self.name = secrets.token_hex(8)
        self.process = os.getpid()
        folder = directory / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{self.name}.draft"
        # Held until the process ends: nobody must find the file under its name without its lock.
        self._handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._path = folder / f"{self.name}.lock"
        os.rename(draft, self._path)
        atexit.register(self.close)

    def close(self) -> None:
        """Gives up all runs that are not ended, as the end of the process would."""
        if self._handle >= 0 and os.getpid() == self.process:
            with suppress(OSError):
                self._path.unlink()
            os.close(self._handle)
            self._handle = -1
            atexit.unregister(self.close)


def lives(directory: Path, name: str) -> bool:
    """Whether the owner of that name still lives; the file of one that does not is removed."""
    path = directory / FOLDER / f"{name}.lock"
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it cannot be known, and nothing must be taken from a living process
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        with suppress(OSError):
            path.unlink()
        return False
    finally:
        os.close(handle)
