"""The tables of the Cost page, and what was measured for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fcpts_core.cost.engines import verdicts
from fcpts_core.cost.latency import Measured, Timing, measure
from fcpts_core.cost.layers import ModelCost, model_cost
from fcpts_core.cost.sizes import FORMATS
from fcpts_core.engine.threads import share, torch_threads
from fcpts_core.export.source import Source, source_of
from pages._ui import numbers as fmt
from pages._ui.tables import table

if TYPE_CHECKING:
    from fcpts_core.store.store import Store

REMEMBERED = 64
KEPT = 4
_counted: dict[tuple[Store, str], tuple[Source, ModelCost]] = {}
_measured: dict[tuple[str, int], Measured] = {}


def counted(store: Store, key: str, tell: Callable[[float], object]) -> tuple[Source, ModelCost]:
    """The run and its figures, counted once; raises InputError where it cannot be read."""
    if (found := _counted.get((store, key))) is None:
        source = source_of(store, key)
        found = source, model_cost(source, tell)
        while len(_counted) >= KEPT:
            _counted.pop(next(iter(_counted)))
        _counted[store, key] = found
    return found


def measured(source: Source, batch: int) -> Measured:
    """Measures now, on the cores that a run of this server would have."""
    with torch_threads(share(1)):
        found = measure(source, batch)
    while len(_measured) >= REMEMBERED:
        _measured.pop(next(iter(_measured)))
    _measured[source.key, batch] = found
    return found


def last_measured(key: str, batch: int) -> Measured | None:
    """What was measured on this server before."""
    return _measured.get((key, batch))


def tiles(cost: ModelCost) -> str:
    """The figures in large."""
    dense = cost.total.bytes["dense"]
    best = min(FORMATS, key=lambda name: cost.total.bytes[name])
    found = [
        ("Dense file", fmt.size(dense), "as large as without zeros"),
        (f"As {best}", fmt.size(cost.total.bytes[best]), f"{fmt.percent(cost.total.bytes[best] / dense)} of dense"),
        ("Multiply-adds", fmt.short_count(cost.macs), "for one image, dense"),
        (
            "Left of them",
            fmt.short_count(cost.macs_kept),
            fmt.percent(cost.macs_kept / cost.macs if cost.macs else None),
        ),
        ("2:4 layers", str(sum("2:4" in layer.patterns for layer in cost.layers)), f"of {len(cost.layers)}"),
    ]
    cells = "".join(
        f"<div class='fcpts-tile'><p class='fcpts-tile-label'>{label}</p><p class='fcpts-tile-value'>{value}</p>"
        f"<p class='fcpts-tile-note'>{note}</p></div>"
        for label, value, note in found
    )
    return f"<div class='fcpts-tiles'>{cells}</div>"


def times(timed: Measured) -> str:
    """One row a runtime, and why others are missing."""
    rows = [
        (row.runtime, "yes" if row.faster else "no", row.sentence, *_timing(row.sparse), *_timing(row.dense))
        for row in timed.latencies
    ]
    parts = (text.partition(": ") for text in timed.missing)
    rows += [(name, "", f"{reason[:1].upper()}{reason[1:]}", *("",) * 4) for name, _, reason in parts]
    head = ("Runtime", "Faster", "In words", "This model, ms", "quartiles", "Without zeros, ms", "quartiles")
    return table(head, rows, words=True)


def how(timed: Measured) -> str:
    """How it was measured."""
    calls = timed.latencies[0].sparse.calls
    images, threads = fmt.several(timed.batch, "image"), fmt.several(timed.threads, "thread")
    return (
        f"Milliseconds a call: median and quartiles of {calls} calls after warm-up, {images} at a time, {threads}. "
        "Without zeros is the same network with small numbers in their place, so the two differ in nothing else."
    )


def engines(cost: ModelCost) -> str:
    rows = [
        (found.engine, "yes" if found.qualifies else "no", found.why, found.needs, found.gains, found.source)
        for found in verdicts(cost)
    ]
    return table(("Engine", "Qualifies", "This model", "It needs", "It gains", "Source"), rows, words=True)


def formats(cost: ModelCost) -> str:
    dense = cost.total.bytes["dense"] or 1
    words = {
        "dense": "every weight, zeros too",
        "bitmask": "one bit a weight and the weights that are left",
        "csr": "compressed sparse rows, 32-bit columns",
        "zip": "the dense bytes by zlib, level 6",
        "zstd": "the dense bytes by Zstandard, level 3",
    }
    rows = [
        (name, words[name], fmt.count(cost.total.bytes[name]), fmt.percent(cost.total.bytes[name] / dense))
        for name in FORMATS
    ]
    return table(("Format", "What it holds", "Bytes", "of dense"), rows, words=True)


def layers(cost: ModelCost) -> str:
    head = ("Layer", "Shape", "Weights", "Zeros", *(name.capitalize() for name in FORMATS), "MACs", "left", "n:m")
    rows = (
        (
            layer.name,
            fmt.shape(layer.shape),
            fmt.count(layer.weights),
            fmt.percent(layer.sparsity),
            *(fmt.count(layer.bytes[name]) for name in FORMATS),
            fmt.count(layer.macs),
            fmt.count(layer.macs_kept),
            ", ".join(layer.patterns) or fmt.MISSING,
        )
        for layer in cost.layers
    )
    return table(head, rows)


def _timing(timing: Timing) -> tuple[str, str]:
    return f"{1e3 * timing.median:.3g}", f"{1e3 * timing.low:.3g} to {1e3 * timing.high:.3g}"
