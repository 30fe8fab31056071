"""The runs of this server, and the one of this browser: its id stands in the address, so that a reload finds it."""

from __future__ import annotations

import streamlit as st

from fcpts_core.assets import asset
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.job import RunView
from fcpts_core.engine.recording import load_recording
from fcpts_core.engine.snapshot import Snapshot, tell
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import InputError
from fcpts_core.store.background import Background
from fcpts_core.store.opening import open_store
from pages._ui.settings import Files

RECORDING = ("recordings", "digits-resnet20-fcpts-95.jsonl.gz")


@st.cache_resource
def registry() -> RunRegistry:
    return RunRegistry(keeping=keeping())


@st.cache_resource
def keeping() -> Background:
    """Where the runs of this server are kept."""
    return Background(open_store)


@st.cache_resource
def recording() -> Snapshot | None:
    """The run that a first visit shows; None where its file cannot be read, which costs only the first picture."""
    try:
        return tell(load_recording(asset(*RECORDING)))
    except InputError:
        return None


def own_run() -> RunView | None:
    """The run of this browser, if it has one; one that this server does not know is forgotten with a remark."""
    key = st.session_state.get("run")
    if key is None:
        return None
    run = registry().view(key)
    if run is None:
        st.session_state.run = None
        st.session_state.remarks.append(
            "The run of this address is not kept here, or it was deleted. "
            "The settings are still here; press Run to start it again."
        )
    return run


def own_files(model: str) -> Files:
    """The files of this browser's run of `model`, which outlive a reload; none where it has no such run."""
    run = own_run()
    if run is None or run.config.model != model:
        return Files()
    return Files(run.config.weights, run.config.images, run.config.test)


def go_on(key: str) -> None:
    """Put a run that did not end well into the queue again, to go on from its last checkpoint."""
    try:
        registry().go_on_with(key)
        st.session_state.remarks = []
    except InputError as error:
        st.session_state.remarks = [str(error)]


def start(config: RunConfig) -> None:
    """Put a run into the queue and make it this browser's own."""
    try:
        st.session_state.run = registry().submit(config)
        st.session_state.remarks = []
    except InputError as error:
        st.session_state.remarks = [str(error)]
