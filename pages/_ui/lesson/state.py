"""Where the reader is in the lesson: all of it stands in the address."""

from __future__ import annotations

from fcpts_core.lesson.text import LANGUAGES, steps
from pages._ui.memory import Memory, memory
from pages._ui.toy import MOST
from pages._ui.url import many, one_of, whole

COUNT = len(steps("en"))
HIDEABLE = ("view", "bandwidth", "zoom", "inverse", "language", "overview")
"""What a teacher can hide."""

FIELDS = (
    one_of("lang", "The language", tuple(LANGUAGES)),
    whole("step", "The step", 1, COUNT),
    many(whole("done", "The steps that are done", 1, COUNT), COUNT),
    whole("toy", "The steps of the small example", 0, MOST),
    many(one_of("hide", "What is hidden", HIDEABLE), len(HIDEABLE)),
    whole("seed", "The seed", 0, 2**31 - 1),
    one_of("print", "The print view", ("0", "1")),
)
DEFAULTS = {"lang": "en", "step": 1, "done": (), "toy": 0, "hide": (), "seed": 0, "print": "0"}


def remembered() -> Memory:
    return memory("lesson", FIELDS, DEFAULTS)


def finish(progress: Memory, number: int) -> bool:
    """Count a step as done; whether that is news."""
    if number in progress["done"]:
        return False
    progress.keep(done=tuple(sorted({*progress["done"], number})))
    return True


def go(progress: Memory, number: int) -> None:
    progress.keep(step=min(max(number, 1), COUNT))
