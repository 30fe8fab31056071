"""`fcpts compare`: runs what is missing of a grid, one cell after the other, and tells what all of them say."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from fcpts_core.compare.cells import Cell, grid, keep, kept
from fcpts_core.compare.contender import Contender
from fcpts_core.compare.table import rows, to_csv, to_text
from fcpts_core.engine.artifacts import ensure_writable, write
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Finished, Result
from fcpts_core.errors import InputError, RunError
from fcpts_core.methods import settings_for
from fcpts_core.models.cards import MODELS, card
from fcpts_core.models.obtaining import obtain_for


def compare(arguments: Namespace) -> None:
    """Computes the missing cells, writes `cells/` and `table.csv` into the directory, prints the table.

    A cell that fails is told on standard error and left out; the others go on. Raises RunError if any failed.
    """
    from fcpts_core.engine.threads import all_threads, torch_threads

    directory = ensure_writable(arguments.out)
    threads = arguments.threads or all_threads()
    cells = _cells(arguments, threads)
    failures: list[str] = []
    with torch_threads(threads):
        for place, cell in enumerate(cells, 1):
            if kept(directory, cell) is not None:
                continue
            print(f"[{place}/{len(cells)}] {_words(cell)}", file=sys.stderr, flush=True)
            try:
                keep(directory, cell, _result(cell, arguments))
            except (InputError, RunError) as error:
                failures.append(f"{_words(cell)}: {error}")
                print(failures[-1], file=sys.stderr, flush=True)
    table = rows([(cell.label, result) for cell in cells if (result := kept(directory, cell)) is not None])
    write(directory, {"table.csv": to_csv(table).encode()})
    print(json.dumps([asdict(row) for row in table]) if arguments.json else to_text(table), flush=True)
    if failures:
        raise RunError(f"{len(failures)} of {len(cells)} cells failed, the others are kept: {failures[-1]}")


def _cells(arguments: Namespace, threads: int) -> tuple[Cell, ...]:
    """All cells of the grid; whatever cannot be is an InputError before the first one runs."""
    overrides: dict[str, object] = dict(arguments.set)
    if arguments.steps is not None:
        overrides["steps"] = arguments.steps
    bases = []
    for model in _names(arguments.models, "models"):
        card(model)
        obtain_for(model, _of(model, arguments.weights), arguments.random_weights)
        bases.append(
            RunConfig(
                model=model,
                weights=_of(model, arguments.weights),
                images=_of(model, arguments.images),
                test=_of(model, arguments.test),
                sensitivities=_of(model, arguments.sensitivities),
                data=_of(model, arguments.data),
                resize=arguments.resize,
                crop=arguments.crop,
                mean=arguments.mean,
                std=arguments.std,
                calibration_size=arguments.calibration_size,
                device=arguments.device,
                exclude=tuple(arguments.exclude),
                include=tuple(arguments.include),
                random_weights=arguments.random_weights,
                overrides=overrides,
            )
        )
    contenders = [Contender.read(text) for text in _names(arguments.methods, "methods")]
    for contender in contenders:
        settings_for(contender.method, {**overrides, **contender.overrides})
    sparsities = [_number(text) for text in _names(arguments.sparsities, "sparsities")]
    seeds = [int(_number(text)) for text in _names(arguments.seeds, "seeds")]
    return grid(bases, contenders, sparsities, seeds, threads)


def _result(cell: Cell, arguments: Namespace) -> Result:
    from fcpts_core.engine.run import Run
    from fcpts_core.progress import followed
    from fcpts_core.store.command import begun
    from fcpts_core.store.following import kept

    work = Run(cell.config)
    found = begun(arguments, cell.config, cell.threads, cell.label, comparison=True)
    for event in followed(work.events() if found is None else kept(*found, work)):
        if isinstance(event, Finished):
            return event.result
    raise RunError("The run ended without a result.")


def _words(cell: Cell) -> str:
    config = cell.config
    return f"{config.model}, {cell.label}, {config.sparsity:g}, seed {config.seed}"


def _names(text: str, what: str) -> list[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError(f"There are no {what} to compare: name at least one.")
    return names


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is not a number: expected numbers such as 0.8,0.9.") from None


def _of(model: str, given: Sequence[str]) -> str | None:
    """The path for this model among `PATH` (for every model) and `MODEL=PATH`; the latter goes first."""
    own = [path for name, equals, path in (text.partition("=") for text in given) if equals and name == model]
    every = [text for text in given if "=" not in text or text.partition("=")[0] not in MODELS]
    found = own or every
    return found[-1] if found else None
