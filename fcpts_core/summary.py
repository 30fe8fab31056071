"""What the command line prints: results, models and methods, for people as text and for programs as JSON."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fcpts_core.engine.events import Result
from fcpts_core.methods import METHODS
from fcpts_core.tasks.words import measure_words


def result_json(result: Result, key: str | None = None) -> str:
    """One JSON object on one line; accuracies are shares, null where there are no labels or images.

    `id` is that of the kept run, null where it was not kept.
    """
    return json.dumps({**_finite(asdict(result)), "id": key}, allow_nan=False)


def result_text(result: Result) -> str:
    """The figures of a run, then its allocation as a table."""
    pace = "" if result.seconds_per_step is None else f", {1000 * result.seconds_per_step:.0f} ms a step"
    figures = [
        ("sparsity", f"{result.sparsity:.4%} ({result.zeros:,} of {result.weights:,} weights are zero)"),
        *_figures(result),
        *([] if result.flops_kept is None else [("multiply-adds", f"{result.flops_kept:.2%} are left")]),
        ("images", _images(result)),
        ("time", f"{result.seconds:.1f} s for {result.steps:,} steps{pace}"),
        ("memory", f"{result.peak_rss_mb:,.0f} MB at most"),
    ]
    rows = [("layer", "shape", "weights", "zeros", "sparsity", "threshold")]
    for layer in result.layers:
        shape = "x".join(map(str, layer.shape))
        counts = f"{layer.weights:,}", f"{layer.zeros:,}"
        rows.append((layer.name, shape, *counts, f"{layer.sparsity:.2%}", f"{layer.threshold:.4g}"))
    of = " of the multiply-adds" if result.budget == "flops" else ""
    title = f"{result.model}, {result.method}, target {result.target_sparsity:.10g}{of}"
    notes = [textwrap.fill(f"NOTE: {note}", 100, subsequent_indent="  ") for note in result.notes]
    return "\n\n".join((title, *notes, aligned(figures, left=2), aligned(rows, left=2)))


def _figures(result: Result) -> list[tuple[str, str]]:
    """Every measure of both models, and the agreements; the main ones also where they were not measured."""
    rows = [
        (f"dense {measure_words(result.measure)}", _share(result.dense_accuracy)),
        (f"sparse {measure_words(result.measure)}", _share(result.accuracy)),
    ]
    for name, value in list(result.measures.items())[1:]:
        rows += [(f"dense {name}", _share(result.dense_measures.get(name))), (f"sparse {name}", _share(value))]
    agreements: Mapping[str, float | None] = result.agreements or {"agreement": result.agreement}
    return [*rows, *((name, _share(value)) for name, value in agreements.items())]


def methods_json() -> str:
    """A list of objects, one a method, with all its settings."""
    return json.dumps([_finite(asdict(method)) | {"learns": method.learns} for method in METHODS.values()])


def methods_text() -> str:
    return "\n\n".join(_entry(method.name, method.title, method.description) for method in METHODS.values())


def _entry(name: str, title: str, description: str) -> str:
    return "\n".join((f"{name}: {title}", textwrap.fill(description, 100, initial_indent="  ", subsequent_indent="  ")))


def _images(result: Result) -> str:
    left_out = f", {result.skipped_images:,} more could not be read" if result.skipped_images else ""
    return f"{result.calibration_images:,} for calibration, {result.test_images:,} for the test{left_out}"


def _share(value: float | None) -> str:
    return "not measured: no labelled test images" if value is None else f"{value:.2%}"


def aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Columns wide enough for their texts, the first `left` of them flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (
        [
            text.ljust(width) if place < left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    )
    return "\n".join(("  " + "  ".join(row)).rstrip() for row in padded)


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
