"""What one browser remembers between two runs of the script, and the address that mirrors it.

`choices` are the settings as last seen, `run` the id of the reader's own run, `layer` the name of the chosen layer,
`remarks` what the reader must be told once.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Layer
from fcpts_core.engine.job import RunView
from fcpts_core.models.cards import MODELS
from pages._ui import runs, url
from pages._ui.controls import forget_widgets
from pages._ui.settings import FIELDS, parameters, values_of
from pages._ui.view import View


def begin() -> None:
    """On the first run of a session, take everything from the address."""
    state = st.session_state
    if "choices" not in state:
        values, state.remarks = url.read(st.query_params.to_dict(), FIELDS)
        state.run = values.pop("run", None)
        state.layer = values.pop("layer", None)
        state.choices = values or _settings_of(state.run)


def _settings_of(key: str | None) -> dict[str, Any]:
    """Those of a run that an address names and nothing else, so that a link to it shows it."""
    run = runs.registry().view(key) if key else None
    return values_of(run.config) if run is not None and run.config.model in MODELS else {}


def remember(values: dict[str, Any]) -> None:
    """Keep the settings; remarks that were made about others have had their time."""
    state = st.session_state
    if state.get("settled") and values != state.choices:
        state.remarks = []
        state.pinned = None
    state.settled = True
    state.choices = values


def remarks() -> None:
    """Say what the reader must be told."""
    for remark in st.session_state.remarks:
        st.info(remark, icon=":material/info:")


def mirror() -> None:
    """Let the address say what the page shows; nothing is sent where it does already."""
    state = st.session_state
    wanted = parameters({**state.choices, "layer": state.layer, "run": state.run})
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def back_to(view: View) -> None:
    """Set every setting to those of the reader's last run."""
    if view.run is not None:
        open_run(view.run.id, view.run.config)


def open_run(key: str, config: RunConfig) -> None:
    """Make a run the reader's own and show it, until they change a setting; not every one of its has a field here."""
    state = st.session_state
    state.run = state.pinned = key
    state.choices, state.settled = values_of(config), False
    state.layer, state.remarks = state.get("layer"), []
    forget_widgets()


def wanted(config: RunConfig, run: RunView | None) -> RunConfig:
    """What the page is to show: the run that was opened, else what the settings ask for.

    A run may have settings that this page has no field for: those that it has decide, so a reload shows the run again.
    """
    if run is None:
        return config
    state, own = st.session_state, run.config
    files = (own.weights, own.images, own.test) == (config.weights, config.images, config.test)
    nearest = files and parameters(values_of(own)) == parameters(state.choices)
    return own if nearest or state.get("pinned") == run.id else config


def chosen_layer(layers: tuple[Layer, ...]) -> int:
    """Position of the chosen layer; the one with most weights where none is chosen, or none of that name exists."""
    names = [layer.name for layer in layers]
    if st.session_state.layer in names:
        return names.index(st.session_state.layer)
    return max(range(len(layers)), key=lambda index: layers[index].weights)


def choose_layer(name: str) -> None:
    st.session_state.layer = name
    mirror()
