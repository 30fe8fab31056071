"""`fcpts run`, `runs`, `resume` and `delete`: runs from the command line, every one of them kept."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import RunError
from fcpts_core.export.recipe import Recipe, recipe_text
from fcpts_core.store.opening import open_store
from fcpts_core.store.place import StoreError, is_named

if TYPE_CHECKING:
    from fcpts_core.engine.events import Event, Result
    from fcpts_core.engine.recording import Journal
    from fcpts_core.engine.run import Run
    from fcpts_core.store.records import RunRecord
    from fcpts_core.store.store import Store


def run(arguments: Namespace, recipe: Recipe) -> None:
    """Follows one run to its end, keeps it, prints its result and writes its files."""
    from fcpts_core.engine import artifacts

    if arguments.out is not None:
        artifacts.ensure_writable(arguments.out)
        recipe_text(recipe.config)  # what cannot be written down is refused now, not after the run

    from fcpts_core.engine.recording import Journal
    from fcpts_core.engine.run import Run
    from fcpts_core.engine.threads import all_threads

    work, threads = Run(recipe.config), recipe.threads or all_threads()
    found = begun(arguments, recipe.config, threads)
    if found is None:
        key, events = None, iter(work.events())
    else:
        from fcpts_core.store.following import kept

        store, record = found
        key, events = record.id, kept(store, record, work)
    _finish(arguments, work, events, Journal(), threads, key)


def resume(arguments: Namespace) -> None:
    """Goes on with a kept run to its end, from its last checkpoint."""
    from fcpts_core.engine import artifacts

    store = open_store(arguments.store)
    if arguments.out is not None:
        artifacts.ensure_writable(arguments.out)
    record = store.claim(arguments.id)

    from fcpts_core.engine.events import from_json
    from fcpts_core.engine.recording import Journal
    from fcpts_core.engine.run import Run
    from fcpts_core.store.following import kept
    from fcpts_core.store.keeper import continuation

    folder, journal = store.folder(record.id), Journal()
    after = continuation(folder)
    if after.remark:
        print(f"fcpts: {after.remark}", file=sys.stderr)
    for line in folder.lines()[: after.told]:
        journal.add(from_json(json.loads(line)), line)
    work = Run(record.run_config, after.place)
    _finish(arguments, work, kept(store, record, work, after), journal, record.threads, record.id)


def runs(arguments: Namespace) -> None:
    """Prints all kept runs."""
    store = open_store(arguments.store)
    if arguments.repair:
        print(f"The index of {store.directory} was built anew: {store.repair()} runs.", file=sys.stderr)
    found = store.runs()
    print(json.dumps([record.to_json() for record in found]) if arguments.json else runs_text(found))


def delete(arguments: Namespace) -> None:
    """Removes runs for good."""
    store = open_store(arguments.store)
    for key in arguments.ids:
        store.get(key)
    for key in arguments.ids:
        store.remove(key)


def begun(
    arguments: Namespace, config: RunConfig, threads: int, label: str = "", comparison: bool = False
) -> tuple[Store, RunRecord] | None:
    """A new kept run; None, and a sentence on standard error, where there is no place for one that nobody named."""
    key = getattr(arguments, "id", None)
    try:
        from fcpts_core.store.records import Origin

        store = open_store(arguments.store)
        origin = Origin.COMPARISON if comparison else Origin.CLI
        return store, store.begin(config, threads=threads, origin=origin, key=key, label=label)
    except StoreError as error:
        if key is not None or is_named(arguments.store):
            raise
        print(f"fcpts: This run is not kept. {error}", file=sys.stderr)
        return None


def runs_text(found: Iterable[RunRecord]) -> str:
    """One line a run."""
    from fcpts_core.store.records import iso
    from fcpts_core.summary import aligned

    rows = [("id", "state", "model", "method", "target", "sparsity", "accuracy", "step", "started", "seconds")]
    for record in found:
        figures = (
            f"{record.target_sparsity:.10g}",
            "-" if record.sparsity is None else f"{record.sparsity:.2%}",
            "-" if record.accuracy is None else f"{record.accuracy:.2%}",
            f"{record.step}/{record.steps}",
            iso(record.started).replace("T", " ").removesuffix("+00:00"),
            f"{record.seconds:.1f}",
        )
        rows.append((record.id, record.state.value, record.model, record.method, *figures))
    return aligned(rows, left=4) if len(rows) > 1 else "No runs are kept here yet."


def _finish(
    arguments: Namespace, work: Run, events: Iterable[Event], journal: Journal, threads: int, key: str | None
) -> None:
    from fcpts_core.engine import artifacts
    from fcpts_core.engine.threads import torch_threads
    from fcpts_core.summary import result_json, result_text

    trouble = None
    try:
        with torch_threads(threads):
            result = _result(events, journal)
    except _NotKeptError as ended:
        result, trouble = ended.result, ended.reason
    print(result_json(result, key) if arguments.json else result_text(result), flush=True)
    if arguments.out is not None and work.state_dict is not None:
        files = artifacts.build(work.config, result, work.state_dict, journal.text(), threads)
        try:
            artifacts.write(arguments.out, files)
        except OSError as error:
            raise RunError(f"The files could not be written to {arguments.out}: {error.strerror or error}.") from error
        if not arguments.json:
            print(f"\nWritten to {arguments.out}: {', '.join(files)}")
    if key is not None and not arguments.json and trouble is None:
        print(f"\nKept as {key}")
    if trouble is not None:
        raise RunError(trouble)


class _NotKeptError(Exception):
    """The run ended well, but the store has not all of it."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result, self.reason = result, reason


def _result(events: Iterable[Event], journal: Journal) -> Result:
    from fcpts_core.engine.events import Finished
    from fcpts_core.progress import followed

    result = None
    try:
        for event in followed(events):
            journal.add(event)
            if isinstance(event, Finished):
                result = event.result
    except StoreError as error:
        if result is None:
            raise
        raise _NotKeptError(result, str(error)) from None
    if result is None:
        raise RunError("The run ended without a result: start it again, and report it if that happens again.")
    return result
