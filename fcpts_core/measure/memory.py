"""The most memory that this process had resident, in MB, and what the C library does with memory that is freed.

On Linux the peak is that since `begin`, so a process that serves one run after the other tells each its own;
elsewhere it is the peak of the whole process.
"""

from __future__ import annotations

import ctypes
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc/self")
RESET = "5"  # what `clear_refs` takes to forget the peak

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # what `mallopt` calls them (malloc.h of glibc)
KEPT_ANYWAY, LARGEST_KEPT, MOST_KEPT = 2**25, 2**29, 2**31 - 1
"""Bytes: of a block that glibc keeps by itself, of one, and of all at the end of the heap, that are kept when asked."""


def keep_freed(largest: int) -> None:
    """Has the C library keep large blocks that are freed for the next of their size, where it can (glibc).

    By itself it maps each block above 32 MB anew and unmaps it when it is freed, and the system clears its pages every
    time. Activations of a batch of ImageNet pictures are larger, and every operator asks for some. Blocks that are kept
    leave holes, some percent of the peak, so nothing is done where the `largest` block is small. It holds for the
    process; what is kept goes back by `give_back`.
    """
    if largest <= KEPT_ANYWAY:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(TRIM_THRESHOLD, MOST_KEPT)


def begin() -> None:
    """Forgets the peak so far, where the system can; what nothing uses goes back first, so that it is no part of it."""
    give_back()
    with suppress(OSError):
        (PROC / "clear_refs").write_text(RESET)


def give_back() -> None:
    """Gives memory that nothing uses back to the system, where the C library can (glibc).

    It keeps what is freed between blocks in use for later requests; what is asked for next, if it is of other sizes,
    comes on top.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def peak_rss_mb() -> float:
    """The peak since `begin`, or since the process started."""
    with suppress(OSError):
        if found := re.search(r"VmHWM:\s*(\d+) kB", (PROC / "status").read_text()):
            return int(found[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
