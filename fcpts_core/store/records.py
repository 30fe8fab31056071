"""A kept run as the store knows it: one row of the index, and the same as `record.json` in the run's folder."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


class Kept(StrEnum):
    """The state of a kept run; `queued` and `running` hold while the process that owns it lives."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def live(self) -> bool:
        return self in (Kept.QUEUED, Kept.RUNNING)

    @property
    def resumable(self) -> bool:
        return self in (Kept.STOPPED, Kept.FAILED, Kept.INTERRUPTED)


class Origin(StrEnum):
    """What started a run."""

    CLI = "command line"
    BROWSER = "browser"
    COMPARISON = "comparison"


@dataclass(frozen=True)
class RunRecord:
    """One run. Times are seconds since the epoch, `seconds` those of work; shares are in [0, 1].

    `owner` names the process that has it in hand. `title`, `tags` and `note` are the reader's own. A run with a time in
    `deleted` is in the bin: it is shown nowhere and is removed for good a day later.
    """

    id: str
    state: Kept
    origin: Origin
    model: str
    method: str
    target_sparsity: float
    config: Mapping[str, Any]
    threads: int
    started: float
    sparsity: float | None = None
    accuracy: float | None = None
    dense_accuracy: float | None = None
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    finished: float | None = None
    owner: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    label: str = ""
    reason: str = ""
    bytes: int = 0
    deleted: float | None = None
    version: str = ""

    @property
    def run_config(self) -> RunConfig:
        return RunConfig.from_json(self.config)

    @property
    def name(self) -> str:
        """What the reader calls it, or its id."""
        return self.title or self.id

    @property
    def touched(self) -> bool:
        """Whether a reader has given it a name, a tag or a note: such a run is never removed by itself."""
        return bool(self.title or self.tags or self.note)

    def to_row(self) -> dict[str, Any]:
        """The columns of the index."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RunRecord:
        """Inverse of `to_row`; raises ValueError, KeyError or TypeError on what is no such row."""
        values = {item.name: row[item.name] for item in fields(cls) if item.name in row}
        config, tags = values["config"], values.get("tags", ())
        values["config"] = json.loads(config) if isinstance(config, str) else config
        values["tags"] = tuple(json.loads(tags) if isinstance(tags, str) else tags)
        return cls(**{**values, "state": Kept(values["state"]), "origin": Origin(values["origin"])})

    def to_json(self) -> dict[str, Any]:
        """What `fcpts runs --json` says of a run."""
        return {
            "id": self.id,
            "state": self.state.value,
            "model": self.model,
            "method": self.method,
            "target_sparsity": self.target_sparsity,
            "sparsity": self.sparsity,
            "accuracy": self.accuracy,
            "step": self.step,
            "steps": self.steps,
            "started": iso(self.started),
            "seconds": self.seconds,
        }


def iso(seconds: float) -> str:
    """A time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def new_id(config: RunConfig) -> str:
    """A name that says what was run and that nobody guesses."""
    return f"{config.model}-{config.method}-{secrets.token_hex(8)}"


def checked_id(text: str) -> str:
    """The text, if a run may be called so; it is a folder's name too."""
    if not ID.fullmatch(text) or text.endswith("."):
        raise InputError(
            f"{text!r} cannot be the id of a run: expected up to 100 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or a digit."
        )
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    return value.value if isinstance(value, StrEnum) else value
