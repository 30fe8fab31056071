"""What a run will take, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcpts_core.data.room import size_words
from fcpts_core.summary import aligned

if TYPE_CHECKING:
    from fcpts_core.engine.estimate import Estimate


def estimate_text(estimate: Estimate) -> str:
    """Time and memory of the whole run, then the seconds of its parts."""
    free = "" if estimate.free_bytes is None else f", {size_words(estimate.free_bytes)} are free"
    rows = [
        ("time", f"{about(estimate.seconds)} on this machine"),
        ("memory", f"about {size_words(estimate.memory_bytes)}{free}"),
    ]
    parts = [f"{seconds:.1f} s {name}" for name, seconds in estimate.parts.items()]
    return aligned([*rows, *(("" if place else "in parts", part) for place, part in enumerate(parts))], left=2)


def about(seconds: float) -> str:
    """A time that is not known better, such as "about 9 minutes"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} seconds"
    return f"about {round(seconds / 60)} minutes" if seconds < 5400 else f"about {seconds / 3600:.1f} hours"
