"""The cells of a comparison: every model with every method at every sparsity and seed, each kept in a file of its own.

A cell's file is named by what it is and by a digest of everything that decides its result, so a finished cell is found
again, by this or any other program, and never computed twice; a changed setting or file makes it another cell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from fcpts_core.compare.contender import Contender
from fcpts_core.engine.artifacts import run_record, write
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import LayerResult, Result
from fcpts_core.errors import InputError
from fcpts_core.methods import settings_for

FOLDER = "cells"
LATE = {"budget": "weights", "sensitivities": None, "given": ""}
"""What came later than cells that were kept without it: where it is as before, so is the cell."""


@dataclass(frozen=True)
class Cell:
    """One run of a comparison: `name` is the stem of its file, `label` what its method is called in the table."""

    config: RunConfig
    threads: int
    label: str

    @property
    def name(self) -> str:
        config = self.config
        return f"{config.model}-{config.method}-{config.sparsity:g}-{config.seed}-{self._digest()}"

    def _digest(self) -> str:
        config = self.config
        files = [_fingerprint(path) for path in (config.weights, config.images, config.test)]
        if config.sensitivities is not None:
            files.append(_fingerprint(config.sensitivities))
        # All settings, not only those that were changed: what is usual may be another thing one day.
        settings = _without_late(asdict(settings_for(config.method, config.overrides)))
        text = json.dumps([_without_late(config.to_json()), settings, files, self.threads], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def grid(
    bases: Sequence[RunConfig],
    contenders: Sequence[Contender],
    sparsities: Sequence[float],
    seeds: Sequence[int],
    threads: int,
) -> tuple[Cell, ...]:
    """All cells, models outermost, then methods, then sparsities; doubles are left out."""
    cells = []
    for base, contender, sparsity, seed in product(bases, contenders, sparsities, seeds):
        overrides = {**base.overrides, **contender.overrides}
        config = replace(base, method=contender.method, sparsity=sparsity, seed=seed, overrides=overrides)
        if settings_for(config.method, overrides).allocation != "sensitivity":
            config = replace(config, sensitivities=None)  # of no use to it
        cells.append(Cell(config, threads, contender.text))
    return tuple({cell.name: cell for cell in cells}.values())


def keep(directory: str | Path, cell: Cell, result: Result) -> None:
    """Writes the cell's file, whole or not at all."""
    write(Path(directory) / FOLDER, {f"{cell.name}.json": run_record(cell.config, result, cell.threads)})


def kept(directory: str | Path, cell: Cell) -> Result | None:
    """The result of a finished cell; None where it has no file, or one that cannot be read."""
    try:
        record = json.loads((Path(directory) / FOLDER / f"{cell.name}.json").read_text())
        return read_result(record["result"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_result(data: dict[str, Any]) -> Result:
    """A result from its JSON object."""
    layers = tuple(LayerResult(**{**row, "shape": tuple(row["shape"])}) for row in data["layers"])
    return Result(**{**data, "layers": layers, "notes": tuple(data.get("notes", ()))})


def missing(directory: str | Path, cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells that are still to be computed."""
    return tuple(cell for cell in cells if kept(directory, cell) is None)


def _without_late(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in LATE or value != LATE[name]}


def _fingerprint(path: str | None) -> list[object] | None:
    """What tells that a file has changed, without reading all of it."""
    if path is None:
        return None
    try:
        found = Path(path).stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): name a file that is there.") from error
    return [Path(path).name, found.st_size]
