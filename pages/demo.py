"""The demo: two minutes for people who decide, from "this model has N weights" to what is left of them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.snapshot import State
from pages._ui import runs
from pages._ui.demo import demo
from pages._ui.demo.source import live_run, shown
from pages._ui.entrance import enter_by_app
from pages._ui.memory import Memory, memory
from pages._ui.pulse import pulse
from pages._ui.settle import settle
from pages._ui.url import whole, word

FOLDER = Path(__file__).parent / "_ui"
MOST_SLIDES = 12
TICK = 0.6


@st.fragment
def slides(progress: Memory) -> None:
    run = live_run(progress["run"])
    deck = shown(run)
    with st.container(key="demo-choice", horizontal=True):
        if run is None:
            st.button("Run it now", key="demo-run", icon=":material/play_arrow:", on_click=start, args=(progress,))
        else:
            words = {"run": None, "slide": 1}
            st.button("Show the recording", key="demo-recording", on_click=progress.keep, kwargs=words)
    key = "demo-live" if run else "demo-recorded"
    progress.keep(slide=demo(deck, progress["slide"] - 1, key) + 1)
    progress.mirror()
    pulse(TICK if run is not None and run.state in (State.QUEUED, State.RUNNING) else None, "demo-pulse")


def start(progress: Memory) -> None:
    st.session_state.setdefault("remarks", [])
    runs.start(RunConfig())
    progress.keep(run=st.session_state.get("run"), slide=2)


enter_by_app()
st.html(FOLDER / "app.css")
st.html(FOLDER / "demo" / "demo.css")
state = memory("demo", (whole("slide", "The slide", 1, MOST_SLIDES), word("run", "The run")), {"slide": 1})
state.say()
slides(state)
settle()
