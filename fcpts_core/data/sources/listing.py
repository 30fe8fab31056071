"""The sets of images in words and as JSON."""

from __future__ import annotations

import json
from typing import Any

from fcpts_core.data import synthetic
from fcpts_core.data.sources.registry import SOURCES
from fcpts_core.data.sources.source import Source
from fcpts_core.summary import aligned

MADE = "images made from the model's own norm statistics, for calibration without data"


def sources_json() -> str:
    """A list of objects, one a set; `data` is "bundled", "on disk", "download" or "made"."""
    rows = [_row(source) for source in SOURCES.values()]
    made = {"name": synthetic.NAME, "title": MADE, "task": None, "data": "made", "size": None, "license": None}
    return json.dumps([*rows, made])


def sources_text() -> str:
    rows = [("name", "task", "data", "what")]
    for source in SOURCES.values():
        row = _row(source)
        there = f"{row['data']}, {source.size}" if row["data"] == "download" else row["data"]
        rows.append((source.name, source.task, there, source.title))
    return aligned([*rows, (synthetic.NAME, "any", "made", MADE)], left=4)


def _row(source: Source) -> dict[str, Any]:
    place = "bundled" if source.download is None else "on disk" if source.on_disk else "download"
    return {
        "name": source.name,
        "title": source.title,
        "task": source.task,
        "data": place,
        "size": source.size or None,
        "license": source.licence,
    }
