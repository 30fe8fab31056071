"""The paper's figures as pages that run: the framework (Figure 2), allocations of several models (Figure 5)."""

from __future__ import annotations

import html
import inspect
from importlib import import_module
from pathlib import Path

import streamlit as st

from fcpts_core.engine.recording import load_recording
from fcpts_core.engine.snapshot import State
from fcpts_core.errors import InputError
from fcpts_core.lesson.facts import recording_path
from pages._ui import runs
from pages._ui.choice import models_at_hand
from pages._ui.entrance import enter_by_app
from pages._ui.live_chart import fetch_early, live_chart
from pages._ui.memory import Memory, memory
from pages._ui.overview import overview
from pages._ui.overview.allocations import allocations, panel
from pages._ui.overview.data import Beat, beats, framework, now
from pages._ui.pulse import pulse
from pages._ui.settle import settle
from pages._ui.url import many, one_of, word

FOLDER = Path(__file__).parent / "_ui"
PARTS = {part.id: part for part in framework().parts}
TICK = 0.6


@st.cache_resource(show_spinner=False)
def recorded_beats() -> tuple[Beat, ...]:
    return beats(load_recording(recording_path()))


@st.fragment
def diagram(progress: Memory) -> None:
    """The framework; it follows the reader's own run while that goes on."""
    key = progress["run"] or st.session_state.get("run")
    run = runs.registry().view(key) if key else None
    live = run is not None and not run.state.final
    moments = (now(run.snapshot),) if run is not None and live else recorded_beats()
    chosen = overview(moments, live, progress["part"], f"figures-overview-{'live' if live else 'recorded'}")
    progress.keep(part=chosen if chosen in PARTS else progress["part"])
    explain(progress["part"])
    progress.mirror()
    pulse(TICK if run is not None and run.state in (State.QUEUED, State.RUNNING) else None, "figures-pulse")


def explain(name: str) -> None:
    """What a part is, where the lesson speaks of it, and its code as it runs here."""
    part = PARTS[name]
    st.html(f"<p class='fcpts-b-sentence'><b>{html.escape(part.title)}.</b> {html.escape(part.text)}</p>")
    module, _, member = part.code.partition(":")
    st.markdown(f"[Step {part.step} of the lesson](/lesson?step={part.step})")
    with st.expander(f"The code: {module.replace('.', '/')}.py", icon=":material/code:"):
        found = import_module(module)
        st.code(inspect.getsource(getattr(found, member) if member else found), language="python")


enter_by_app()
for name in ("app.css", "compare/compare.css", "bridge/bridge.css", "overview/overview.css"):
    st.html(FOLDER / name)
fetch_early()
models = models_at_hand()
FIELDS = (
    one_of("part", "The part", tuple(PARTS)),
    many(one_of("models", "The models", tuple(models)), 4),
    word("run", "The run"),
)
state = memory("figures", FIELDS, {"part": "bridge", "models": tuple(models)[:2]})

st.html(
    "<div class='fcpts-lead'><h1>The framework, at work</h1><p>Figure 2 of the paper: parts light up while a run is "
    "in them, dashed arrows carry gradients. Choose a part to read what it is.</p></div>"
)
state.say()
diagram(state)
st.html(
    "<h2 class='fcpts-section'>Where the zeros go, model by model</h2>"
    "<div class='fcpts-lead'><p>Figure 5 of the paper: the sparsity of every layer at 90 % over all weights. "
    "Figure 3 is the page Bridge.</p></div>"
)
st.session_state.setdefault("figures-models", [name for name in state["models"] if name in models])
chosen = st.multiselect("Models", list(models), key="figures-models", max_selections=4)
state.keep(models=tuple(chosen) or None)
with st.container(key="figures-allocations"):
    for model in chosen:
        try:
            live_chart(panel(allocations(model, models[model])), f"figures-{model}", "300px")
        except InputError as error:
            st.error(str(error))
state.mirror()
settle()
