"""The overview's parts, and the moments of a run that light them up. No Streamlit here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from fcpts_core.assets import asset
from fcpts_core.engine.events import Event, Finished, Phase, Started, Stepped
from fcpts_core.engine.snapshot import Snapshot, State
from pages._ui import numbers as fmt


@dataclass(frozen=True)
class Part:
    """One box: `text` says what it is, `code` what is behind it (`module:name`), `step` is that of the lesson."""

    id: str
    column: int
    row: int
    title: str
    note: str
    text: str
    code: str
    step: int


@dataclass(frozen=True)
class Framework:
    parts: tuple[Part, ...]
    arrows: tuple[tuple[str, str], ...]
    back: tuple[tuple[str, str], ...]
    phases: dict[str, tuple[str, ...]]


@cache
def framework() -> Framework:
    with asset("overview", "parts.toml").open("rb") as file:
        data = tomllib.load(file)

    def pairs(lines: list[str]) -> tuple[tuple[str, str], ...]:
        return tuple((line.split()[0], line.split()[1]) for line in lines)

    return Framework(
        tuple(Part(**item) for item in data["parts"]),
        pairs(data["arrows"]),
        pairs(data["back"]),
        {name: tuple(parts) for name, parts in data["phases"].items()},
    )


@dataclass(frozen=True)
class Beat:
    """One moment: `phase` is one of the framework's, or "" for none; `says` are values shown in parts."""

    phase: str
    head: str
    says: dict[str, str]


def phase_of(text: str) -> str:
    """The framework's name for what a run says it does; anything else it does is work on thresholds and weights."""
    return text if text in framework().phases else "forward"


def beats(events: Iterable[Event], most: int = 40) -> tuple[Beat, ...]:
    """The moments of a recorded run, its learning thinned out."""
    found: list[Beat] = []
    steps: list[Beat] = []
    total = 0
    for event in events:
        if isinstance(event, Started):
            total = event.steps
        elif isinstance(event, Stepped) and event.step:
            steps.append(stepped(event, total))
        elif isinstance(event, Phase):
            found += _thin(steps, most)
            steps = []
            if phase_of(event.text) != "forward" and not (found and found[-1].head == event.text.capitalize()):
                found.append(Beat(phase_of(event.text), event.text.capitalize(), {}))
        elif isinstance(event, Finished):
            found.append(finished(event))
    return tuple(found)


def now(snapshot: Snapshot) -> Beat:
    """The moment of a run that goes on."""
    if snapshot.result is not None:
        return finished(Finished(snapshot.result))
    phase, last = phase_of(snapshot.phase), snapshot.last
    if snapshot.state is State.QUEUED:
        return Beat("", "Waiting for the run before this one", {})
    if phase == "forward" and last is not None and last.step and snapshot.started is not None:
        return stepped(last, snapshot.started.steps)
    return Beat(phase, snapshot.phase.capitalize(), {})


def stepped(event: Stepped, total: int) -> Beat:
    says = {
        "bridge": f"R = {fmt.percent(event.sparsity)}",
        "control": f"{fmt.loss(event.control)}",
        "reconstruction": fmt.loss(event.reconstruction),
    }
    return Beat("forward", f"Learning thresholds and weights, step {event.step} of {total}", says)


def finished(event: Finished) -> Beat:
    result = event.result
    says = {"projection": f"{fmt.count(result.zeros)} zeros", "bridge": f"R = {fmt.percent(result.sparsity, 2)}"}
    if result.accuracy is not None:
        says["result"] = f"accuracy {fmt.percent(result.accuracy)}"
    return Beat("done", f"Done: {fmt.count(result.zeros)} of {fmt.count(result.weights)} weights are zero", says)


def _thin(items: list[Beat], most: int) -> list[Beat]:
    every = max(1, -(-len(items) // most))
    return items[::every]


def to_json(moments: tuple[Beat, ...], live: bool) -> dict[str, Any]:
    shown = framework()
    return {
        "parts": [vars(part) for part in shown.parts],
        "arrows": [list(pair) for pair in shown.arrows],
        "back": [list(pair) for pair in shown.back],
        "phases": {name: list(parts) for name, parts in shown.phases.items()},
        "beats": [vars(beat) for beat in moments],
        "live": live,
    }
