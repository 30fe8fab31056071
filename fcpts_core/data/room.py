"""How much memory is left, and the refusal of what would not fit into it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from fcpts_core.errors import InputError

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
SHARE = 0.85
"""Of the memory that is left, what may be taken."""


def available_bytes() -> int | None:
    """What this process may still take, in bytes: the machine's free memory or the rest of its control group's.

    None where the system does not tell.
    """
    found = [value for value in (_machine(), _group()) if value is not None]
    return min(found) if found else None


def require_room(needed: int, what: str, remedy: str) -> None:
    """InputError where `what` needs more bytes than there are; `remedy` says what the user can do."""
    left = available_bytes()
    if left is not None and needed > SHARE * left:
        raise InputError(f"{what} would need {size_words(needed)} of memory, {size_words(left)} are free: {remedy}.")


def size_words(count: float) -> str:
    """Bytes as a reader takes them: "270 MB", "1.4 GB"."""
    mega = count / 1e6
    return f"{mega:,.0f} MB" if mega < 1000 else f"{mega / 1000:,.1f} GB"


def _machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _group() -> int | None:
    """Limit minus use; pages of files that could be given back count as free."""
    with suppress(OSError, ValueError, StopIteration):
        limit, used = (int((GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (GROUP / "memory.stat").read_text().splitlines()
        return limit - used + int(next(line.split()[1] for line in lines if line.startswith("inactive_file ")))
    return None
