"""What can be done with the run that is shown: pause, step, resume, stop it, or take its result home."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from fcpts_core.engine.snapshot import State
from pages._ui import runs, session
from pages._ui.kept.take_home import take_home
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
    elif not state.final:
        _steer(run, state, place)
    elif view.run.kept:
        st.button("Go on", key=f"{place}-go-on", icon=":material/resume:", on_click=runs.go_on, args=(run,))


def _steer(run: str, state: State, place: str) -> None:
    """Three buttons that never move, so that none slips away under a finger when the state changes."""
    registry, waiting = runs.registry(), state is State.QUEUED

    def button(name: str, label: str, icon: str, act: Callable[[str], None], possible: bool = True) -> None:
        key, material = f"{place}-{name}", f":material/{icon}:"
        st.button(label, key=key, icon=material, on_click=act, args=(run,), disabled=not possible)

    if state is State.PAUSED:
        button("go", "Resume", "play_arrow", registry.resume)
    else:
        button("go", "Pause", "pause", registry.pause, possible=not waiting)
    button("step", "Step", "skip_next", registry.step, possible=state is State.PAUSED)
    button("stop", "Cancel" if waiting else "Stop", "close" if waiting else "stop", registry.cancel)


def _file(run: str, name: str) -> bytes:
    return runs.registry().artifacts(run).get(name, b"")


def _take_home(view: View, place: str) -> None:
    if view.run is None:
        return
    run = view.run.id
    # A kept run has more to offer than its record, and that is among it.
    for label, name, kind in DOWNLOADS[:2] if view.run.kept else DOWNLOADS:
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
        st.code(command_of(view.config, runs.registry().threads), language="bash", wrap_lines=True)
        st.download_button(
            "Recipe",
            data=partial(_file, run, "recipe.toml"),
            file_name="recipe.toml",
            mime="application/toml",
            key=f"{place}-recipe",
            icon=":material/download:",
            on_click="ignore",
            help="Download the same as a file: fcpts run recipe.toml",
        )
    if view.run.kept:
        with st.popover("Export", icon=":material/output:", key=f"{place}-export"):
            take_home(run, f"{place}-export")
            st.page_link("pages/cost.py", label="What its zeros buy", query_params={"run": run})
