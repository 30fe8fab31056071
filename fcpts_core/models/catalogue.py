"""What is known of every model without building any, or importing what builds it: a table in the project's assets.

The table is written by `python -m fcpts_core.models.make_catalogue`. Where a download goes is torch.hub's own folder,
so what other programs have fetched is found, and the other way round.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fcpts_core.assets import asset

TABLE, OF_TIMM = "catalogue.json", "timm.json"


@dataclass(frozen=True)
class Download:
    """Weights on a server: `sha256` is the checksum or its first digits, `size` about how many bytes there are."""

    url: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        return checkpoints() / self.name


@dataclass(frozen=True)
class Entry:
    """One model. `source` is "bundled", "own", "torch.hub", "torchvision" or "timm"; counts are of the usual classes.

    `transform` holds the fields of `fcpts_core.data.transform.Transform`; `weights` names a bundled file.
    """

    name: str
    title: str
    family: str
    description: str
    source: str
    task: str
    licence: str
    parameters: int
    prunable_weights: int
    transform: Mapping[str, Any]
    flippable: bool = True
    note: str = ""
    weights: str | None = None
    data: str | None = None
    download: Download | None = None

    @property
    def availability(self) -> str:
        """Where the weights are: "bundled", "on disk", "download" or "own"."""
        if self.weights is not None:
            return "bundled"
        if self.download is None:
            return "own"
        return "on disk" if self.download.path.is_file() else "download"

    def to_json(self) -> dict[str, Any]:
        """What a program is told of it."""
        return {
            "name": self.name,
            "title": self.title,
            "family": self.family,
            "description": self.description,
            "source": self.source,
            "task": self.task,
            "parameters": self.parameters,
            "prunable_weights": self.prunable_weights,
            "weights": self.availability,
            "download": None if self.download is None else vars(self.download),
            "license": self.licence,
            "note": self.note,
            "transform": dict(self.transform),
        }


def checkpoints() -> Path:
    """The folder in which torch.hub keeps weights; asking torch itself would take seconds."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TORCH_HOME") or Path(cache) / "torch").expanduser() / "hub" / "checkpoints"


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Entry]:
    """All entries by name, in the order in which they are shown; those of timm only where it is installed."""
    rows = json.loads(asset("models", TABLE).read_text())
    if find_spec("timm") is not None:
        rows += json.loads(asset("models", OF_TIMM).read_text())
    return {row["name"]: entry_of(row) for row in rows}


def entry_of(row: Mapping[str, Any]) -> Entry:
    """The entry of one row of the table."""
    download = Download(**row["download"]) if row.get("download") else None
    return Entry(**{**row, "download": download})
