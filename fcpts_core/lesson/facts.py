"""The numbers of the lesson: every one from the recorded run or what was measured of its weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fcpts_core.assets import asset
from fcpts_core.engine.keepsake import Facts, load_facts
from fcpts_core.engine.recording import load_recording
from fcpts_core.engine.snapshot import Snapshot, tell
from fcpts_core.errors import InputError

NARROW = "\N{NARROW NO-BREAK SPACE}"


@cache
def recording_path() -> Path:
    return asset("recordings", "digits-resnet20-fcpts-95.jsonl.gz")


@cache
def recorded() -> Snapshot:
    """The run that the lesson speaks of."""
    return tell(load_recording(recording_path()))


@cache
def measured() -> Facts:
    return load_facts(recording_path())


@cache
def facts() -> dict[str, str]:
    """What the texts have places for, written out."""
    result = recorded().result
    if result is None:
        raise InputError("The recorded run has no end: record it again.")
    ranked = sorted(result.layers, key=lambda layer: layer.sparsity)
    return {
        "weights": f"{result.weights:,}",
        "zeros": f"{result.zeros:,}",
        "share": percent(result.sparsity, 2),
        "dense": percent(result.dense_accuracy or 0.0),
        "accuracy": percent(result.accuracy or 0.0),
        "seconds": f"{result.seconds:.0f}{NARROW}s",
        "layers": str(len(result.layers)),
        "low": ranked[0].name,
        "high": ranked[-1].name,
        "flops": percent(result.flops_kept or 0.0),
        "ratio": f"{measured().ratio:.2f}",
    }


def percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f}{NARROW}%"
