"""All runs that are kept, whatever started them: find one, replay it, compare two, take it home, throw it away."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fcpts_core.errors import InputError
from fcpts_core.store.records import Kept
from pages._ui import numbers as fmt
from pages._ui import runs
from pages._ui.entrance import enter_by_app
from pages._ui.kept import pair
from pages._ui.kept.bin import REMARK, TURN, discard, limit, offer_undo
from pages._ui.kept.detail import detail
from pages._ui.kept.listing import STATES, filtered, rows
from pages._ui.live_chart import fetch_early, live_chart
from pages._ui.settle import settle
from pages._ui.tables import table

FOLDER = Path(__file__).parent / "_ui"
COLUMNS = {
    "Run": st.column_config.TextColumn(width=220),
    **{name: st.column_config.NumberColumn(format="%.2f %%") for name in ("Target", "Sparsity", "Accuracy")},
}

enter_by_app()
st.html(FOLDER / "app.css")
st.html(FOLDER / "kept" / "kept.css")
st.html(
    "<div class='fcpts-kept-lead'><h1>Runs</h1><p>Every run is kept: those of this page, of comparisons and of the "
    "command line. Choose one to look at it, two to compare them.</p></div>"
)
store = runs.keeping().store()
if store is None:
    st.error(runs.keeping().trouble, icon=":material/error:")
    st.stop()
try:
    records = store.runs()
except InputError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()

if len(records) > 1:
    fetch_early()
if remark := st.session_state.pop(REMARK, ""):
    st.error(remark, icon=":material/error:")
offer_undo(store)
with st.container(horizontal=True, vertical_alignment="bottom"):
    text = st.text_input("Filter", key="kept-filter", placeholder="model, method, tag, note", width=360)
    states = st.multiselect(
        "State", list(Kept), key="kept-states", format_func=lambda state: STATES[state], placeholder="All", width=320
    )
shown = filtered(records, text, states)
if shown:
    key = f"kept-table-{st.session_state.get(TURN, 0)}-{hash((text, tuple(states)))}"
    chosen = st.dataframe(
        rows(shown),
        key=key,
        column_config=COLUMNS,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(38 + 35 * len(shown), 388),
        placeholder=fmt.MISSING,
    )
    picked = [shown[index] for index in chosen.selection.rows if index < len(shown)]
else:
    words = "No run matches the filter." if records else "No runs are kept yet. Press Run on the Playground to begin."
    st.html(f"<p class='fcpts-kept-empty'>{words}</p>")
    picked = []

if len(picked) == 1:
    detail(store, picked[0])
elif len(picked) == 2:
    names = pair.names(*picked)
    st.html("<h2 class='fcpts-kept-section'>Two runs side by side</h2>")
    pictures = [view.snapshot for record in picked if (view := runs.keeping().view(record.id)) is not None]
    if len(pictures) == 2:
        with st.container(key="kept-pair"):
            for panel in (pair.differences(pictures, names), pair.curves(pictures, names)):
                live_chart(panel, key=f"kept-{panel.name}", height="320px")
    else:
        st.caption("Curves and layers are compared once both runs have ended.")
    st.html(table(("", *names), [*pair.figures(*picked), *pair.settings_diff(*picked)], words=True))
if len(picked) > 1:
    ids = [record.id for record in picked]
    st.button(
        f"Delete {len(ids)} runs", key="kept-delete-many", icon=":material/delete:", on_click=discard, args=(store, ids)
    )

with st.expander("Room on the disk"):
    takers = f"{fmt.several(len(records), 'run')} {'takes' if len(records) == 1 else 'take'}"
    st.markdown(f"{takers} **{fmt.size(store.used_bytes())}** in `{store.directory}`.")

    st.session_state.setdefault("kept-limit", store.keep_runs or 0)
    st.number_input(
        "Keep at most this many runs, 0 for all",
        0,
        1_000_000,
        key="kept-limit",
        on_change=limit,
        args=(store,),
        width=320,
    )
    st.caption(
        "The oldest go first, but never one with a name, a tag or a note. What goes can be brought back for a day."
    )
settle()
