"""The models as the command line lists them; nothing heavy is imported for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby

from fcpts_core.models.catalogue import Entry, catalogue

SOURCES = {
    "bundled": "Bundled, with weights and images",
    "own": "Architectures for your own checkpoint (--weights FILE)",
    "torch.hub": "Published through torch.hub",
    "torchvision": "Published by torchvision",
    "timm": "Published by timm, a few of many: any timm/NAME will do",
}
HEADINGS = ("name", "task", "parameters", "prunable", "weights", "licence")


def models_json() -> str:
    """A list of objects, one a model."""
    return json.dumps([entry.to_json() for entry in catalogue().values()])


def models_text() -> str:
    """A table for each source."""
    parts = []
    for source, entries in groupby(catalogue().values(), key=lambda entry: entry.source):
        rows = [HEADINGS, *map(_row, entries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        parts += [f"{SOURCES[source]}:\n", *(_aligned(row, widths) for row in rows), ""]
    return "\n".join([*parts, "Or your own code: --model package.module:function"])


def _row(entry: Entry) -> tuple[str, ...]:
    where = entry.availability
    if where == "download" and entry.download is not None:
        where = f"download, {entry.download.size / 2**20:,.0f} MB"
    counts = f"{entry.parameters:,}", f"{entry.prunable_weights:,}"
    return entry.name, entry.task, *counts, where, entry.licence


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        text.rjust(width) if place in (2, 3) else text.ljust(width)
        for place, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return ("  " + "  ".join(cells)).rstrip()
