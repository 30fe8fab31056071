"""The layer inspector: one layer of one run, from its dense weights to its mask."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit as st

from pages._ui.choice import widest
from pages._ui.entrance import enter_by_app
from pages._ui.layers import board, source
from pages._ui.live_chart import fetch_early
from pages._ui.memory import memory
from pages._ui.settle import settle
from pages._ui.url import whole, word

FOLDER = Path(__file__).parent / "_ui"
FIELDS = (word("run", "The run"), word("layer", "The layer"), whole("step", "The step", 0, 1_000_000))

enter_by_app()
st.html(FOLDER / "app.css")
st.html(FOLDER / "bridge" / "bridge.css")
st.html(FOLDER / "layers" / "layers.css")
fetch_early()
state = memory("layers", FIELDS, {"run": source.RECORDING})
if "run" not in state.values and st.session_state.get("run") in source.choices():
    state.keep(run=st.session_state["run"])
st.session_state["layers-run"] = state["run"]
options = source.choices()

left, right = st.columns([3, 2], vertical_alignment="bottom")
with right.container(horizontal=True):
    key = f"layers-run-{len(options)}"
    st.session_state.setdefault(key, state["run"] if state["run"] in options else source.RECORDING)
    run = source.inspected(st.selectbox("Run", list(options), key=key, format_func=options.__getitem__))
    layers = run.snapshot.started.layers if run.snapshot.started else ()
    names = tuple(layer.name for layer in layers)
    usual = widest(names, tuple(layer.weights for layer in layers))
    key = f"layers-layer-{run.key}"
    st.session_state.setdefault(key, state["layer"] if state["layer"] in names else usual)
    chosen = names.index(st.selectbox("Layer", names, key=key))
left.html(
    "<div class='fcpts-lead'><h1>One layer under the glass</h1>"
    f"<p>{html.escape(board.words(run, chosen))} Move the scrubber to any step of the run.</p></div>"
)
if run.key != state["run"]:
    state.keep(step=None)
state.keep(run=run.key, layer=names[chosen] if names[chosen] != usual else None)
state.say()
board.board(run, chosen, state)
state.mirror()
settle()
