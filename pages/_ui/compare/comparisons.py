"""The comparisons of this server, the reader's own one, and the recorded one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from fcpts_core.assets import asset
from fcpts_core.compare.cells import Cell
from fcpts_core.compare.comparison import Comparisons
from fcpts_core.compare.progress import CellView, ComparisonView
from fcpts_core.compare.recording import load
from fcpts_core.engine.artifacts import ensure_writable
from fcpts_core.errors import InputError
from fcpts_core.store.place import store_directory
from pages._ui import runs
from pages._ui.compare.session import memory

RECORDING = ("recordings", "digits-resnet20-comparison.json.gz")


@st.cache_resource
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fcpts-compare-")


def _directory() -> Path:
    """Where finished cells are kept: in the store, so that they outlive the server, if it can be written."""
    try:
        return ensure_writable(store_directory() / "comparisons")
    except InputError:
        return Path(_folder().name)


@st.cache_resource
def comparisons() -> Comparisons:
    return Comparisons(runs.registry(), _directory())


@st.cache_resource
def recording() -> tuple[CellView, ...]:
    """The comparison that a first visit shows; none where its file cannot be read, which costs only that picture."""
    try:
        return load(asset(*RECORDING))
    except InputError:
        return ()


def own() -> ComparisonView | None:
    """The reader's comparison; one that this server does not know is forgotten with a remark."""
    mine = memory()
    if mine.own is None:
        return None
    view = comparisons().view(mine.own)
    if view is None:
        mine.own = None
        mine.remarks.append(
            "The comparison of this address is not under way any more: the server was restarted since. What was "
            "finished is kept; press Compare to go on with the rest."
        )
    return view


def start(cells: Sequence[Cell]) -> None:
    """Begin a comparison and make it the reader's own."""
    mine = memory()
    try:
        mine.own = comparisons().start(cells)
        mine.remarks = []
    except InputError as error:
        mine.remarks = [str(error)]


def pause() -> None:
    """Let the reader's comparison rest."""
    if (key := memory().own) is not None:
        comparisons().pause(key)


def resume() -> None:
    """Let it go on."""
    if (key := memory().own) is not None:
        comparisons().resume(key)


def stop() -> None:
    """End the reader's comparison."""
    if (key := memory().own) is not None:
        comparisons().cancel(key)
