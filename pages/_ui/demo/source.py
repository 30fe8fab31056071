"""Which run the demo shows: the reader's own, or the recorded one."""

from __future__ import annotations

import streamlit as st

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.job import RunView
from fcpts_core.engine.keepsake import Facts, measure
from fcpts_core.engine.snapshot import State
from fcpts_core.errors import InputError
from fcpts_core.lesson.facts import measured, recorded
from fcpts_core.models.cards import MODELS
from pages._ui import runs
from pages._ui.demo.slides import Deck, deck

PASSES = 5
TASKS = {"digits": "handwritten digits"}


def live_run(key: str | None) -> RunView | None:
    """The run that was started here, unless it was stopped, failed or forgotten."""
    run = runs.registry().view(key) if key else None
    return run if run is not None and run.state not in (State.CANCELLED, State.FAILED) else None


def shown(run: RunView | None) -> Deck:
    """The slides of that run, else of the recorded one."""
    if run is None:
        return deck(recorded(), RunConfig(), measured(), recorded=True, task=TASKS["digits"])
    with st.spinner("Measuring the file and the speed of the sparse model", show_time=True):
        facts = _facts(run.id, run.config) if run.state is State.DONE else None
    task = TASKS.get(MODELS[run.config.model].data or "", "test images")
    return deck(run.snapshot, run.config, facts, recorded=False, task=task)


@st.cache_resource(max_entries=8, show_spinner=False)
def _facts(run: str, config: RunConfig) -> Facts | None:
    """What the weights of a finished run are worth, measured once."""
    from safetensors.torch import load

    content = runs.registry().artifacts(run).get("model.safetensors")
    try:
        return measure(config, load(content), PASSES) if content else None
    except InputError:  # its checkpoint is not there any more: the slides of its file and speed are left out
        return None
