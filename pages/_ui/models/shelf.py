"""The table of all models: searched, filtered, one of them chosen."""

from __future__ import annotations

import streamlit as st

from fcpts_core.models.catalogue import Entry, catalogue
from pages._ui.model_step import SOURCES

WHERE = {"bundled": "bundled", "on disk": "on disk", "download": "download", "own": "yours"}
COLUMNS = {
    "name": st.column_config.TextColumn("Model", width=240),
    "family": st.column_config.TextColumn("Family", width=130),
    "task": st.column_config.TextColumn("Task", width=105),
    "source": st.column_config.TextColumn("Source", width=125),
    "parameters": st.column_config.NumberColumn("Parameters", format="localized", width=110),
    "prunable": st.column_config.NumberColumn("Prunable", format="localized", width=110),
    "weights": st.column_config.TextColumn("Weights", width=85),
    "size": st.column_config.TextColumn("Size", width=75),
    "licence": st.column_config.TextColumn("Licence", width=200),
}


def shelf() -> Entry | None:
    """Draws the table; the chosen model, None where the search finds none."""
    with st.container(key="models-filter", horizontal=True):
        words = st.text_input("Search", placeholder="resnet, swin, segmentation, on disk ...", key="models-search")
        source = st.selectbox(
            "Source", [None, *SOURCES], key="models-source", format_func=lambda name: SOURCES.get(name, "All sources")
        )
    found = matching(words, source)
    if not found:
        st.info("No model has all of these words. Take one away, or choose another source.")
        return None
    rows = [
        {
            "name": entry.name,
            "family": entry.family,
            "task": entry.task,
            "source": SOURCES[entry.source],
            "parameters": entry.parameters,
            "prunable": entry.prunable_weights,
            "weights": WHERE[entry.availability],
            "size": "" if entry.download is None else f"{entry.download.size / 2**20:,.0f} MB",
            "licence": entry.licence,
        }
        for entry in found
    ]
    # what is searched for changes the rows, and with them what a selected row would mean
    picked = st.dataframe(
        rows,
        column_config=COLUMNS,
        hide_index=True,
        height=min(420, 37 + 35 * len(rows)),
        key=f"models-table-{words}-{source}",
        on_select="rerun",
        selection_mode="single-row",
    )
    rows_picked = picked.selection.rows
    return found[rows_picked[0]] if rows_picked else found[0]


def matching(words: str, source: str | None) -> list[Entry]:
    """The entries in which every word of the search stands somewhere."""
    wanted = words.lower().split()
    found = []
    for entry in catalogue().values():
        text = f"{entry.name} {entry.title} {entry.family} {entry.task} {entry.availability} {entry.licence}".lower()
        if all(word in text for word in wanted) and source in (None, entry.source):
            found.append(entry)
    return found
