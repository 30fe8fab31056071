"""Numbers as the pages write them: one decimal for percentages, thousands separators, three digits of loss."""

from __future__ import annotations

import math

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"


def percent(share: float | None, decimals: int = 1) -> str:
    """`0.9512` as `95.1 %`."""
    return MISSING if share is None or math.isnan(share) else f"{100 * share:.{decimals}f}{NARROW_SPACE}%"


def points(difference: float, decimals: int = 2) -> str:
    """A difference of two shares in percentage points, without a sign."""
    return f"{100 * abs(difference):.{decimals}f}"


def count(number: int) -> str:
    """`254919` as `254,919`."""
    return f"{number:,}"


def several(number: int, one: str, many: str = "") -> str:
    """`1` and `step` as `1 step`, `700` as `700 steps`; `many` where the plural is not made with an s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def short_count(number: int) -> str:
    """`268336` as `268 k`, for places without room."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            scaled = number / limit
            return f"{scaled:.0f}{NARROW_SPACE}{unit}" if scaled >= 100 else f"{scaled:.3g}{NARROW_SPACE}{unit}"
    return str(number)


def loss(value: float | None) -> str:
    """Three significant digits: `0.0123`, `1.23e-05`."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:#.3g}"


def threshold(value: float | None) -> str:
    """Weight units, three significant digits."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """`75.2` as `1 min 15 s`; below ten seconds one decimal."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f}{NARROW_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{NARROW_SPACE}h {minutes}{NARROW_SPACE}min"
    return f"{minutes}{NARROW_SPACE}min {rest}{NARROW_SPACE}s" if minutes else f"{rest}{NARROW_SPACE}s"


def about(seconds: float | None) -> str:
    """A duration that is a guess, rounded so that it does not pretend: `about 40 s`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 5:
        return f"a few{NARROW_SPACE}seconds"
    if seconds < 100:
        return f"about {max(5, 5 * round(seconds / 5))}{NARROW_SPACE}s"
    return f"about {round(seconds / 60)}{NARROW_SPACE}min"


def shape(sizes: tuple[int, ...]) -> str:
    """`(64, 32, 3, 3)` as `64 x 32 x 3 x 3` with multiplication signs."""
    return "\N{MULTIPLICATION SIGN}".join(str(size) for size in sizes)


def size(count: int) -> str:
    """Bytes as `1.09 MB`, in powers of a thousand."""
    for limit, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= limit:
            return f"{count / limit:.3g}{NARROW_SPACE}{unit}"
    return f"{count}{NARROW_SPACE}bytes"
