"""A progress bar for people at a terminal; nothing at all where standard error goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from fcpts_core.engine.events import Event, Phase, Started, Stepped


def followed(events: Iterable[Event]) -> Iterator[Event]:
    """The same events, drawn on the terminal as they pass; the bar is gone at the end."""
    if sys.stderr.isatty():
        yield from _drawn(events)
    else:
        yield from events


def _drawn(events: Iterable[Event]) -> Iterator[Event]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[sparsity]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task, total = progress.add_task("starting", total=None, sparsity=""), 0
        for event in events:
            match event:
                case Phase(text=text, share=share):
                    progress.update(task, description=text)
                    if share is not None:
                        progress.update(task, completed=round(100 * share), total=100)
                case Started(steps=steps):
                    total = steps
                    progress.update(task, completed=0, total=total or None)
                case Stepped(step=step, sparsity=sparsity):
                    progress.update(task, completed=step, total=total or None, sparsity=f"{sparsity:.2%} sparse")
            yield event
