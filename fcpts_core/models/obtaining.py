"""Weights for somebody at a terminal: fetched if need be, with a bar that shows how far."""

from __future__ import annotations

import sys
from pathlib import Path

from fcpts_core.errors import InputError
from fcpts_core.models import factories
from fcpts_core.models.catalogue import Download, catalogue
from fcpts_core.models.downloads import fetch


def obtain(name: str) -> Path:
    """The file with the published weights of this model. Raises InputError where it has none, RunError if it fails."""
    entry = catalogue().get(name)
    if entry is None:
        raise InputError(f"There is no model {name!r}: expected one that `fcpts models` lists.")
    if entry.download is None:
        raise InputError(f"{name} has no weights to fetch: they are {entry.availability}.")
    return _shown(name, entry.download)


def obtain_for(model: str, weights: str | None, random_weights: bool) -> None:
    """Fetches what a run of this model needs and does not have."""
    entry = None if factories.is_path(model) else catalogue().get(model)
    if weights is None and not random_weights and entry is not None and entry.download is not None:
        _shown(model, entry.download)


def _shown(name: str, download: Download) -> Path:
    if download.path.is_file():
        return download.path
    print(f"Fetching the weights of {name}: {download.url}", file=sys.stderr, flush=True)
    if not sys.stderr.isatty():
        return fetch(download)
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(name, total=download.size)
        return fetch(download, progress=lambda done, total: progress.update(bar, completed=done, total=total))
