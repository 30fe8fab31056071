"""`fcpts cost ID|FILE`: what the zeros of a model buy, in bytes, in arithmetic and in measured time."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fcpts_core.cost.engines import Verdict, verdicts
from fcpts_core.cost.latency import Measured, measure
from fcpts_core.cost.layers import ModelCost, model_cost
from fcpts_core.cost.sizes import FORMATS, TensorSize, Total, sizes, total
from fcpts_core.engine.threads import torch_threads
from fcpts_core.models.weights import TORCH_SUFFIXES, read_weights
from fcpts_core.summary import aligned

ANSWERS = {True: "yes", False: "no", None: "-"}


def cost(arguments: Namespace) -> None:
    """Prints the tables, or one JSON object; for a kept run with multiply-adds, latencies and engines."""
    if _is_file(arguments.file):
        found = sizes(read_weights(arguments.file).tensors)
        print(sizes_json(found) if arguments.json else sizes_text(found))
        return

    from fcpts_core.export.source import source_of
    from fcpts_core.store.opening import open_store

    source = source_of(open_store(arguments.store), arguments.file)
    figures, timed = model_cost(source), None
    if not arguments.no_latency:
        with torch_threads(arguments.threads or source.threads):
            timed = measure(source, arguments.batch)
    if arguments.json:
        print(json.dumps({"id": source.key, **cost_json(figures, timed)}))
    else:
        print(cost_text(figures, timed))


def cost_json(figures: ModelCost, timed: Measured | None) -> dict[str, Any]:
    """All figures as one object; bytes, multiply-adds and FLOPs of one image, seconds of one call."""
    latency = None
    if timed is not None:
        rows = [{**asdict(row), "speed_up": row.speed_up} for row in timed.latencies]
        latency = {"batch": timed.batch, "threads": timed.threads, "runtimes": rows, "missing": timed.missing}
    return {
        "tensors": [asdict(part) for part in figures.tensors],
        "total": asdict(figures.total),
        "layers": [asdict(layer) for layer in figures.layers],
        "macs": figures.macs,
        "macs_kept": figures.macs_kept,
        "flops": 2 * figures.macs,
        "flops_kept": 2 * figures.macs_kept,
        "latency": latency,
        "engines": [asdict(verdict) for verdict in verdicts(figures)],
    }


def cost_text(figures: ModelCost, timed: Measured | None) -> str:
    """The same for people."""
    rows: list[tuple[str, ...]] = [("layer", "shape", "weights", "zeros", *FORMATS, "MACs", "kept", "n:m")]
    for layer in figures.layers:
        shape = "x".join(map(str, layer.shape))
        work = f"{layer.macs:,}", f"{layer.macs_kept:,}"
        numbers = _figures(layer.weights, layer.zeros, layer.bytes)
        rows.append((layer.name, shape, *numbers, *work, " ".join(layer.patterns) or "-"))
    together, work = figures.total, (f"{figures.macs:,}", f"{figures.macs_kept:,}")
    rows.append(("all tensors", "", *_figures(together.weights, together.zeros, together.bytes), *work, ""))
    parts = [aligned(rows, left=2), _share(together)]
    if timed is not None:
        parts.append(latency_text(timed))
    parts.append(engines_text(verdicts(figures)))
    return "\n\n".join(parts)


def latency_text(timed: Measured) -> str:
    """One line a runtime, milliseconds, and why others are missing."""
    rows: list[tuple[str, ...]] = [("runtime", "this model", "quartiles", "without zeros", "quartiles", "")]
    for row in timed.latencies:
        pair = [
            (f"{1e3 * t.median:.3f} ms", f"{1e3 * t.low:.3f} to {1e3 * t.high:.3f}") for t in (row.sparse, row.dense)
        ]
        rows.append((row.runtime, *pair[0], *pair[1], row.sentence))
    title = f"Measured here, {timed.batch} at a time, {timed.threads} threads:"
    widths = [max(len(row[place]) for row in rows) for place in range(5)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, (*widths, 0), strict=True)).rstrip() for row in rows
    ]
    return "\n".join([title, *(f"  {line}" for line in lines), *(f"  {sentence}" for sentence in timed.missing)])


def engines_text(found: Sequence[Verdict]) -> str:
    """One line an engine."""
    lines = [f"  {v.engine}: {'qualifies' if v.qualifies else 'does not'}, {v.why} ({v.source})" for v in found]
    return "\n".join(["Engines that make use of zeros:", *lines])


def sizes_json(parts: Sequence[TensorSize]) -> str:
    """One JSON object: `tensors` and `total`, sizes in bytes."""
    return json.dumps({"tensors": [asdict(part) for part in parts], "total": asdict(total(parts))})


def sizes_text(parts: Sequence[TensorSize]) -> str:
    """One line a tensor, one for all, sizes in bytes."""
    together = total(parts)
    rows: list[tuple[str, ...]] = [("tensor", "shape", "type", "weights", "zeros", *FORMATS, "2:4")]
    for part in parts:
        shape = "x".join(map(str, part.shape)) or "-"
        figures = _figures(part.weights, part.zeros, part.bytes)
        rows.append((part.name, shape, part.dtype, *figures, ANSWERS[part.two_four]))
    rows.append(("all", "", "", *_figures(together.weights, together.zeros, together.bytes), ""))
    return f"{aligned(rows, left=3)}\n\n{_share(together)}"


def _figures(weights: int, zeros: int, sizes: Mapping[str, int]) -> tuple[str, ...]:
    share = f"{zeros / weights:.1%}" if weights else "-"
    return f"{weights:,}", share, *(f"{sizes[name]:,}" for name in FORMATS)


def _share(together: Total) -> str:
    dense = together.bytes["dense"] or 1
    shares = ", ".join(f"{name} {together.bytes[name] / dense:.1%}" for name in FORMATS[1:])
    return (
        f"Of the dense bytes: {shares}; tensors that a format would make larger stay dense.\n"
        f"{together.two_four:,} weights are in tensors that satisfy 2:4 along their input channels."
    )


def _is_file(text: str) -> bool:
    """Whether the text names a file, there or not, and not a kept run."""
    return Path(text).exists() or "/" in text or Path(text).suffix.lower() in (".safetensors", *TORCH_SUFFIXES)
