"""What can be done with the run that is shown: pause, step, resume, stop it, or take its result home."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from fcpts_core.engine.snapshot import State
from pages._ui import runs, session
from pages._ui.settings import command_of
from pages._ui.view import Kind, View

DOWNLOADS = (
    ("Weights", "model.safetensors", "application/octet-stream"),
    ("Allocation", "allocation.csv", "text/csv"),
    ("Report", "run.json", "application/json"),
)


def actions(view: View, place: str) -> None:
    """Buttons for the state of `view`; `place` keeps those of two places on the page apart."""
    if view.kind is Kind.PREVIEW and view.run is not None:
        st.button(
            "Back to the result", key=f"{place}-back", icon=":material/undo:", on_click=session.back_to, args=(view,)
        )
    if view.kind is not Kind.RUN or view.run is None:
        return
    run, state = view.run.id, view.state
    if state is State.DONE:
        _take_home(view, place)
    elif state is State.QUEUED:
        _button("Cancel", "close", place, runs.registry().cancel, run)
    elif not state.final:
        paused = state is State.PAUSED
        if paused:
            _button("Resume", "play_arrow", place, runs.registry().resume, run)
        else:
            _button("Pause", "pause", place, runs.registry().pause, run)
        _button("Step", "skip_next", place, runs.registry().step, run, disabled=not paused)
        _button("Stop", "stop", place, runs.registry().cancel, run)


def _button(label: str, icon: str, place: str, act: Callable[[str], None], run: str, disabled: bool = False) -> None:
    key = f"{place}-{label.lower()}"
    st.button(label, key=key, icon=f":material/{icon}:", on_click=act, args=(run,), disabled=disabled)


def _file(run: str, name: str) -> bytes:
    return runs.registry().artifacts(run).get(name, b"")


def _take_home(view: View, place: str) -> None:
    if view.run is None:
        return
    run = view.run.id
    for label, name, kind in DOWNLOADS:
        st.download_button(
            label,
            data=partial(_file, run, name),
            file_name=name,
            mime=kind,
            key=f"{place}-{name}",
            icon=":material/download:",
            on_click="ignore",
            help=f"Download {name}",
        )
    with st.popover("Command", icon=":material/terminal:", key=f"{place}-command"):
        st.markdown("The same run from the command line:")
        st.code(command_of(view.config), language="bash", wrap_lines=True)
