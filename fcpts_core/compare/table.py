"""What the cells of a comparison say together: one row for each model, method and sparsity, over all seeds."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import fmean, pstdev

from fcpts_core.engine.events import Result
from fcpts_core.tasks.words import measure_words


@dataclass(frozen=True)
class Row:
    """Means over `runs` seeds; `spread` is the standard deviation of the accuracy over them (0 for one).

    Accuracies, agreement, sparsity and `flops_kept` are shares in [0, 1], None where they were not measured.
    With a `budget` of flops the target is a share of the multiply-adds. `measure` names what stands as accuracy: the
    main measure of the model's task.
    """

    model: str
    method: str
    target_sparsity: float
    sparsity: float
    runs: int
    dense_accuracy: float | None
    accuracy: float | None
    spread: float | None
    agreement: float | None
    flops_kept: float | None
    steps: float
    seconds: float
    measure: str = "top-1"
    budget: str = "weights"


def rows(results: Sequence[tuple[str, Result]]) -> tuple[Row, ...]:
    """One row for each model, method and target, in the order in which they come; methods by the labels given."""
    groups: dict[tuple[str, str, float], list[Result]] = {}
    for label, result in results:
        groups.setdefault((result.model, label, result.target_sparsity), []).append(result)
    return tuple(_row(label, group) for (_, label, _), group in groups.items())


def to_csv(table: Sequence[Row]) -> str:
    """The rows as CSV with a header; what was not measured is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Row)]
    writer.writerow(names)
    writer.writerows([["" if (value := getattr(row, name)) is None else value for name in names] for row in table])
    return text.getvalue()


def to_text(table: Sequence[Row]) -> str:
    """For each model a table of accuracies, methods down and sparsities across, the best of a column with a star."""
    return "\n\n".join(_of_model(model, table) for model in dict.fromkeys(row.model for row in table))


def _of_model(model: str, table: Sequence[Row]) -> str:
    mine = [row for row in table if row.model == model]
    targets = sorted({row.target_sparsity for row in mine})
    methods = list(dict.fromkeys(row.method for row in mine))
    found = {(row.method, row.target_sparsity): row for row in mine}
    best = {
        target: max((_score(row) for row in mine if row.target_sparsity == target), default=None) for target in targets
    }
    measured = any(row.accuracy is not None for row in mine)
    dense = next((row.dense_accuracy for row in mine if row.dense_accuracy is not None), None)
    word = measure_words(mine[0].measure) if measured else "agreement with the dense model"
    head = f"{model}: {word}"
    lines = [["method", *(f"{target:.4g}" for target in targets), "seconds"]]
    for method in methods:
        cells = [found.get((method, target)) for target in targets]
        texts = ["" if row is None else _text(row, best[row.target_sparsity]) for row in cells]
        seconds = [row.seconds for row in cells if row is not None]
        lines.append([_named(method, cells), *texts, f"{fmean(seconds):.0f}" if seconds else ""])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = "\n".join(
        "  ".join(text.ljust(width) if place == 0 else text.rjust(width) for place, (text, width) in enumerate(pairs))
        for pairs in (zip(line, widths, strict=True) for line in lines)
    )
    return f"{head}{'' if dense is None else f' (dense {dense:.2%})'}\n{body}"


def _named(method: str, cells: Sequence[Row | None]) -> str:
    """The method, and what its targets are shares of where that is not said in its name."""
    flops = any(row is not None and row.budget == "flops" for row in cells)
    return f"{method} (of multiply-adds)" if flops and "budget=" not in method else method


def _text(row: Row, best: float | None) -> str:
    value = row.agreement if row.accuracy is None else row.accuracy
    if value is None:
        return "done"
    spread = f" ±{100 * row.spread:.2f}" if row.runs > 1 and row.spread is not None else ""
    return f"{100 * value:.2f}{spread}{'*' if _score(row) == best else ' '}"


def _score(row: Row) -> float:
    value = row.agreement if row.accuracy is None else row.accuracy
    return -1.0 if value is None else value


def _row(label: str, group: Sequence[Result]) -> Row:
    first = group[0]
    accuracies = [result.accuracy for result in group if result.accuracy is not None]
    return Row(
        model=first.model,
        method=label,
        target_sparsity=first.target_sparsity,
        sparsity=fmean(result.sparsity for result in group),
        runs=len(group),
        dense_accuracy=first.dense_accuracy,
        accuracy=fmean(accuracies) if accuracies else None,
        spread=pstdev(accuracies) if accuracies else None,
        agreement=_mean([result.agreement for result in group]),
        flops_kept=_mean([result.flops_kept for result in group]),
        steps=fmean(result.steps for result in group),
        seconds=fmean(result.seconds for result in group),
        measure=first.measure,
        budget=first.budget,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
