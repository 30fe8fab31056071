"""What is compared and on which scale: accuracy, or agreement with the dense model where there are no labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fcpts_core.compare.table import Row
from fcpts_core.tasks.words import measure_words
from pages._ui import numbers as fmt

FLOORS = (0.98, 0.95, 0.9, 0.8, 0.5)


def measure_of(rows: Sequence[Row]) -> str:
    """The name of the measure that the rows share."""
    measured = any(row.accuracy is not None for row in rows) or not rows
    if not measured:
        return "agreement with the dense model"
    return measure_words(rows[0].measure) if rows else "accuracy"


def value(row: Row) -> float | None:
    """Accuracy, else agreement, as a share."""
    return row.agreement if row.accuracy is None else row.accuracy


def dense(rows: Sequence[Row]) -> float | None:
    """Accuracy of the dense model."""
    return next((row.dense_accuracy for row in rows if row.dense_accuracy is not None), None)


def best(rows: Sequence[Row]) -> Row | None:
    """The row with the highest value; the first of several."""
    known = [row for row in rows if value(row) is not None]
    return max(known, key=lambda row: value(row) or 0.0, default=None)


def floor_of(values: Sequence[float]) -> float:
    """A tidy lower end below all values, so that an axis moves seldom."""
    lowest = min(values, default=0.0)
    return next((floor for floor in FLOORS if lowest - 0.1 * (1 - floor) >= floor), 0.0)


def share_axis(floor: float, title: str, head: float = 0.04) -> dict[str, Any]:
    """An axis of shares from `floor` to 100 %, a little beyond for the markers."""
    ticks = [floor + place * (1 - floor) / 4 for place in range(5)]
    digits = 0 if all(round(100 * tick, 6).is_integer() for tick in ticks) else 1
    texts = [f"{100 * tick:.{digits}f}" for tick in ticks]
    texts[-1] = f"100{fmt.NARROW_SPACE}%"
    return {
        "title": {"text": title},
        "range": [floor - (head / 2) * (1 - floor), 1 + head * (1 - floor)],
        "tickvals": ticks,
        "ticktext": texts,
    }
