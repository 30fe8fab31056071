"""Names of layers below an axis, as many as have room: by stages, shortened, every k-th where there are too many.

Lengths are counted in characters; `room` is the length of the axis in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise, takewhile

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
ENOUGH = 4
"""Stages that say something; where there are fewer, names are read one part deeper."""

LONGEST = 16
GAP = 2.0
OVER = (6.0, 1.0)
"""Characters that have room beyond the left and the right end of the axis."""


@dataclass(frozen=True)
class Stage:
    """Neighbouring layers `first..last` whose names begin alike."""

    name: str
    first: int
    last: int

    @property
    def middle(self) -> float:
        return (self.first + self.last) / 2

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def stages_of(names: Sequence[str]) -> list[Stage]:
    """Neighbours with one beginning, as few parts of the names deep as give at least four.

    Parts that all names begin with are left out.
    """
    shared = _shared_parts(names)
    parts = [name.split(".")[shared:] for name in names]
    found: list[Stage] = []
    for depth in range(1, max(map(len, parts), default=0) + 1):
        found, position = [], 0
        for name, group in groupby(parts, key=lambda part: ".".join(part[:depth])):
            size = len(list(group))
            found.append(Stage(name, position, position + size - 1))
            position += size
        if len(found) >= ENOUGH:
            break
    return found


@lru_cache(maxsize=256)
def labels(names: tuple[str, ...], room: float) -> tuple[tuple[float, str], ...]:
    """Places (in layers) and texts that do not touch each other.

    Of the large stages every k-th has its label, `k` as small as possible; the last of them and small ones, such as a
    first convolution, have theirs where there is room left.
    """
    stages = stages_of(names)
    if not stages:
        return ()
    usual = sorted(stage.size for stage in stages)[len(stages) // 2]
    large = [stage for stage in stages if 2 * stage.size >= usual]
    chosen = next(
        (large[::every] for every in range(1, len(large)) if _fit(large[::every], len(names), room)), large[:1]
    )
    for stage in sorted(stages, key=lambda stage: -stage.size):
        more = sorted({*chosen, stage}, key=lambda stage: stage.first)
        if (stage not in large or stage is large[-1]) and _fit(more, len(names), room):
            chosen = more
    return tuple((round(place * len(names) / room - 0.5, 2), text) for place, text in _places(chosen, len(names), room))


def short(name: str, longest: int = LONGEST) -> str:
    """At most `longest` characters: the first and the last part of a name, else both its ends."""
    if len(name) <= longest:
        return name
    parts = name.split(".")
    ends = f"{parts[0]}{ELLIPSIS}{parts[-1]}"
    if len(parts) > 2 and len(ends) <= longest:
        return ends
    tail = longest // 2
    return f"{name[: longest - tail - 1]}{ELLIPSIS}{name[-tail:]}"


def texts_of(names: Sequence[str]) -> list[str]:
    """Short labels in a row: what a name shares with the one before it is an ellipsis."""
    found = []
    before = ""
    for name in names:
        shared = _boundary(before, name)
        found.append(f"{ELLIPSIS}{short(name[shared:], LONGEST - 1)}" if shared else short(name))
        before = name
    return found


def _boundary(before: str, name: str) -> int:
    """Characters of `name` that it shares with `before`, up to the last dot, dash or underline; 0 where none."""
    alike = [re.sub(r"[_\-/]", ".", text) for text in (f"{before}.", name)]
    same = list(takewhile(lambda pair: pair[0] == pair[1], zip(*alike, strict=False)))
    return "".join(letter for letter, _ in same).rfind(".") + 1


def _shared_parts(names: Sequence[str]) -> int:
    """Leading parts that all names have; at least one part of each stays."""
    columns = zip(*(name.split(".")[:-1] for name in names), strict=False)
    shared = 0
    for column in columns:
        if len(set(column)) > 1:
            break
        shared += 1
    return shared if len(names) > 1 else 0


def _fit(stages: Sequence[Stage], total: int, room: float) -> bool:
    places = _places(stages, total, room)
    return all(right - left >= (len(one) + len(other)) / 2 + GAP for (left, one), (right, other) in pairwise(places))


def _places(stages: Sequence[Stage], total: int, room: float) -> list[tuple[float, str]]:
    """Middles of the labels in characters, moved inwards where one would leave the picture, and their texts."""
    found = []
    for stage, text in zip(stages, texts_of([stage.name for stage in stages]), strict=True):
        half = len(text) / 2
        middle = (stage.middle + 0.5) / total * room
        found.append((max(min(middle, room + OVER[1] - half), half - OVER[0]), text))
    return found
