"""What the zeros of a run buy: bytes, arithmetic, measured time, and the engines that make use of them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fcpts_core.errors import InputError
from fcpts_core.store.records import Kept
from pages._ui import costs, runs
from pages._ui.entrance import enter_by_app
from pages._ui.kept.listing import method_of
from pages._ui.settle import settle

FOLDER = Path(__file__).parent / "_ui"

enter_by_app()
st.html(FOLDER / "app.css")
st.html(FOLDER / "kept" / "kept.css")
st.html(
    "<div class='fcpts-kept-lead'><h1>What the zeros buy</h1><p>Zeros make a model smaller only in a format that "
    "leaves them out, and faster only on an engine that skips them. This page counts the one and measures the other, "
    "on this machine.</p></div>"
)
store = runs.keeping().store()
try:
    if store is None:
        raise InputError(runs.keeping().trouble)
    records = {record.id: record for record in store.runs() if record.state is Kept.DONE}
except InputError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
if not records:
    st.html("<p class='fcpts-kept-empty'>No run is done yet. Press Run on the Playground, then come back.</p>")
    settle()
    st.stop()

asked = st.query_params.get("run")
if asked is not None and asked not in records:
    st.info(
        "The run of this address is not kept here, or it is not done. Another one is shown.", icon=":material/info:"
    )
if "cost-run" not in st.session_state or (asked in records and st.session_state.get("cost-asked") != asked):
    st.session_state["cost-run"] = asked if asked in records else next(iter(records))
    st.session_state["cost-asked"] = asked
if st.session_state["cost-run"] not in records:
    st.session_state["cost-run"] = next(iter(records))
key = st.selectbox(
    "Run",
    list(records),
    key="cost-run",
    format_func=lambda name: f"{records[name].name} ({method_of(records[name])})",
    width=640,
)
if st.query_params.get("run") != key:
    st.query_params["run"] = st.session_state["cost-asked"] = key
try:
    with (place := st.empty()), st.spinner("Reading the model"):
        source, figures = costs.counted(store, key, lambda share: place.progress(share, "Counting the bytes"))
    place.empty()
except InputError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
st.html(costs.tiles(figures))

st.html("<h2 class='fcpts-kept-section'>Time on this machine</h2>")
with st.container(horizontal=True, vertical_alignment="bottom"):
    batch = st.selectbox("Images at a time", (1, 8, 32), key="cost-batch", width=160)
    measure = st.button("Measure", key="cost-measure", type="primary", icon=":material/timer:")
if measure:
    with st.spinner("Measuring, every runtime in turn", show_time=True):
        costs.measured(source, batch)
if (timed := costs.last_measured(key, batch)) is not None:
    st.html(costs.times(timed))
    st.caption(costs.how(timed))
else:
    st.caption("Nothing is measured yet: it takes some seconds, best while no run is going on.")

st.html("<h2 class='fcpts-kept-section'>Engines that make use of zeros</h2>")
st.html(costs.engines(figures))
st.html("<h2 class='fcpts-kept-section'>Bytes</h2>")
st.html(costs.formats(figures))
st.html("<h2 class='fcpts-kept-section'>Layer by layer</h2>")
st.html(costs.layers(figures))
settle()
