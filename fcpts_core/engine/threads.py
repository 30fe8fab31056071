"""How runs and page share the processor.

`torch.set_num_threads` holds for the calling thread and is what threads started later begin with, so each run sets its
own share. One core is left to the page and the browser that draws it: with all of them at work, a run that was watched
took 1.6 times as long as one that was not. A run's thread also steps back behind the page's: niceness is a thread's own
on Linux, and the helpers that torch starts from it inherit it. The number of threads decides the last bits of a result,
so it stands in the record of the run.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

BACKGROUND_NICENESS = 5


@cache
def all_threads() -> int:
    """The number of threads that torch takes by itself: `OMP_NUM_THREADS`, or the cores that this process may use."""
    import torch

    return torch.get_num_threads()


def share(runs: int) -> int:
    """Torch threads for each of `runs` runs that go on at the same time, all but one of the cores between them."""
    return max(1, (all_threads() - 1) // runs)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Lets torch use `count` threads from the calling thread, and as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def step_back() -> None:
    """Lowers the calling thread's priority below that of the page's threads, where the system can do so."""
    if sys.platform == "linux":
        with suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + BACKGROUND_NICENESS)
