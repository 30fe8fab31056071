"""Generators that tell how far they are and return what they found: their result alone, and their shares thinned."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, TypeVar

Found = TypeVar("Found")
Told = TypeVar("Told")
Other = TypeVar("Other")

Shares = Generator[float, None, Found]
"""Work that tells how much of it is behind, in [0, 1], and returns what it found."""


def returned(telling: Generator[Any, None, Found]) -> Found:
    """What the generator returns, whatever it tells on the way."""
    while True:
        try:
            next(telling)
        except StopIteration as end:
            found: Found = end.value
            return found


def retold(
    telling: Generator[Told, None, Found], anew: Callable[[Told], Iterable[Other]]
) -> Generator[Other, None, Found]:
    """The same, each thing that is told told `anew`, as one, none or several others. Closed with it."""
    with closing(telling):
        while True:
            try:
                told = next(telling)
            except StopIteration as end:
                found: Found = end.value
                return found
            yield from anew(told)


def by_percent(telling: Shares[Found]) -> Generator[float, None, Found]:
    """The same, told only where another percent is behind: at most 100 times, never for the end."""
    percent = 0

    def anew(share: float) -> Iterator[float]:
        nonlocal percent
        if percent < int(100 * share) < 100:
            percent = int(100 * share)
            yield percent / 100

    return retold(telling, anew)
