"""The address of the page is its state: one typed list of settings, read from and written to the query parameters.

A link reproduces the page. Only what differs from its default stands in the address. What an address says is checked
like any input: garbage is left out, a number out of range is brought back into it, and either way a sentence says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = Any
Parse = Callable[[str], tuple[Value, str]]


@dataclass(frozen=True)
class Field:
    """One setting: `parse` takes the text of the address and returns the value and a remark (empty where all is well).

    It raises ValueError, with what was expected, where no value can be made of the text.
    """

    name: str
    label: str
    parse: Parse
    write: Callable[[Value], str] = str


def one_of(name: str, label: str, allowed: Sequence[str]) -> Field:
    """A choice by name."""

    def parse(text: str) -> tuple[Value, str]:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text, ""

    return Field(name, label, parse)


def yes(name: str, label: str) -> Field:
    """A choice that is off unless the address says `yes`."""

    def parse(text: str) -> tuple[Value, str]:
        if text not in ("yes", "no"):
            raise ValueError("yes or no")
        return text == "yes", ""

    return Field(name, label, parse, lambda value: "yes" if value else "no")


def whole(name: str, label: str, low: int, high: int) -> Field:
    """A whole number within `low..high`."""

    def parse(text: str) -> tuple[Value, str]:
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise ValueError(f"a whole number from {low} to {high}")
        return _within(int(text), low, high, str)

    return Field(name, label, parse)


def real(name: str, label: str, low: float, high: float) -> Field:
    """A number within `low..high`."""

    def parse(text: str) -> tuple[Value, str]:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise ValueError(f"a number from {low:g} to {high:g}")
        return _within(value, low, high, lambda number: f"{number:g}")

    return Field(name, label, parse, lambda value: f"{value:.6g}")


def word(name: str, label: str, pattern: str = r"[\w.\-]{1,120}") -> Field:
    """A name that only the page itself can check, such as a layer's or a run's."""

    def parse(text: str) -> tuple[Value, str]:
        if not re.fullmatch(pattern, text):
            raise ValueError("a name of letters, digits, dots and dashes")
        return text, ""

    return Field(name, label, parse)


def many(item: Field, limit: int) -> Field:
    """A list of what `item` reads, between commas, without doubles and what cannot be read; at most `limit` stay."""

    def parse(text: str) -> tuple[Value, str]:
        values: list[Value] = []
        remarks = []
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            try:
                value, remark = item.parse(part)
            except ValueError as error:
                remarks.append(f"{_quoted(part)} is left out, expected {error}.")
                continue
            if remark:
                remarks.append(f"{_quoted(part)} is {remark}")
            if value not in values:
                values.append(value)
        if not values:
            raise ValueError("at least one that this page has")
        if len(values) > limit:
            remarks.append(f"only the first {limit} stay.")
        return tuple(values[:limit]), " ".join(remarks)

    return Field(item.name, item.label, parse, lambda values: ",".join(map(item.write, values)))


def read(parameters: Mapping[str, str], fields: Sequence[Field]) -> tuple[dict[str, Value], list[str]]:
    """The values that the address gives, by field name, and a sentence for all that could not be taken as it stands."""
    values: dict[str, Value] = {}
    remarks: list[str] = []
    for field in fields:
        text = parameters.get(field.name)
        if text is None:
            continue
        try:
            values[field.name], remark = field.parse(text.strip())
        except ValueError as error:
            remark = f"expected {error}, so the default stays."
        if remark:
            verb = "were" if field.label.endswith("s") else "was"
            remarks.append(f"{field.label} {verb} {_quoted(text)} in the address: {remark}")
    known = {field.name for field in fields}
    if unknown := sorted(set(parameters) - known):
        names = ", ".join(_quoted(name) for name in unknown[:3])
        remarks.append(f"The address names {names}, which this page does not have.")
    return values, remarks


def write(values: Mapping[str, Value], defaults: Mapping[str, Value], fields: Sequence[Field]) -> dict[str, str]:
    """The query parameters for `values`, without those that are at their default or unset."""
    parameters = {}
    for field in fields:
        value = values.get(field.name)
        if value is not None and value != defaults.get(field.name):
            parameters[field.name] = field.write(value)
    return parameters


def _within(value: Any, low: Any, high: Any, write: Callable[[Any], str]) -> tuple[Any, str]:
    kept = min(max(value, low), high)
    return kept, "" if kept == value else f"set to {write(kept)}, the nearest allowed ({write(low)} to {write(high)})."


def _quoted(text: str) -> str:
    short = text if len(text) <= 30 else f"{text[:27]}..."
    return f"\N{LEFT DOUBLE QUOTATION MARK}{short}\N{RIGHT DOUBLE QUOTATION MARK}"
