"""Which of the kept runs are listed, in which words: pure functions, no Streamlit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from fcpts_core.methods import METHODS
from fcpts_core.store.records import Kept, RunRecord
from pages._ui import numbers as fmt

STATES = {
    Kept.DONE: "Done",
    Kept.RUNNING: "Running",
    Kept.QUEUED: "Queued",
    Kept.INTERRUPTED: "Interrupted",
    Kept.STOPPED: "Stopped",
    Kept.FAILED: "Failed",
}


def filtered(records: Iterable[RunRecord], text: str, states: Sequence[Kept]) -> tuple[RunRecord, ...]:
    """The runs in one of `states` (all for none) whose words hold every word of `text`."""
    words = text.lower().split()
    return tuple(
        record
        for record in records
        if (not states or record.state in states) and all(word in _words(record) for word in words)
    )


def rows(records: Iterable[RunRecord]) -> list[dict[str, Any]]:
    """One row a run, the columns as they are shown."""
    return [
        {
            "Run": record.name,
            "State": STATES[record.state],
            "Model": record.model,
            "Method": method_of(record),
            "Target": 100 * record.target_sparsity,
            "Sparsity": None if record.sparsity is None else 100 * record.sparsity,
            "Accuracy": None if record.accuracy is None else 100 * record.accuracy,
            "Steps": f"{record.step} of {record.steps}" if record.steps else "",
            "Started": time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started)),
            "Time": fmt.duration(record.seconds),
            "From": record.origin.value,
            "Tags": ", ".join(record.tags),
        }
        for record in records
    ]


def method_of(record: RunRecord) -> str:
    """The method in a few words; what a comparison called it where it has settings of its own."""
    if ":" in record.label:
        return record.label
    return METHODS[record.method].title if record.method in METHODS else record.method


def tags_of(text: str) -> tuple[str, ...]:
    """The tags in a line of words between commas, each once."""
    return tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))


def _words(record: RunRecord) -> str:
    parts = (record.id, record.title, record.model, record.method, method_of(record), record.note, record.origin.value)
    return " ".join((*parts, *record.tags, STATES[record.state], f"{record.target_sparsity:g}")).lower()
