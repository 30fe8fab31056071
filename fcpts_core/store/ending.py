"""How a run has ended, as columns of its row in the index."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fcpts_core.engine.events import Failed, Finished, Result
from fcpts_core.store.folder import RunFolder
from fcpts_core.store.records import Kept

INTERRUPTED = "The process that computed this run ended before it did."


def figures(result: Result) -> dict[str, Any]:
    """What the index holds of a result."""
    return {
        "sparsity": result.sparsity,
        "accuracy": result.accuracy,
        "dense_accuracy": result.dense_accuracy,
        "step": result.steps,
        "steps": result.steps,
        "seconds": result.seconds,
    }


def left_behind(folder: RunFolder) -> dict[str, Any]:
    """What became of a run whose owner has gone, by what is in its folder: done after all, failed, or interrupted."""
    end, last = folder.end(), folder.last_step()
    values: dict[str, Any] = {"state": Kept.INTERRUPTED.value, "reason": INTERRUPTED}
    if isinstance(end, Finished):
        values = {"state": Kept.DONE.value, "reason": "", **figures(end.result)}
    elif isinstance(end, Failed):
        values = {"state": Kept.FAILED.value, "reason": end.reason}
    if last is not None and not isinstance(end, Finished):
        values |= {"step": last.step, "sparsity": last.sparsity, "seconds": last.seconds}
    return values | {"owner": "", "finished": _last_sign(folder.path), "bytes": folder.size()}


def _last_sign(path: Path) -> float:
    with suppress(OSError, ValueError):
        return max(item.stat().st_mtime for item in path.iterdir())
    return time.time()
