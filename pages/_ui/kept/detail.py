"""One kept run up close: its figures, its name, tags and note, and what can be done with it."""

from __future__ import annotations

import html
import time
from typing import Literal

import streamlit as st

from fcpts_core.errors import InputError
from fcpts_core.store.records import Kept, RunRecord
from fcpts_core.store.store import Store
from pages._ui import numbers as fmt
from pages._ui import runs, session
from pages._ui.kept.bin import discard
from pages._ui.kept.listing import STATES, method_of, tags_of
from pages._ui.kept.take_home import take_home


def detail(store: Store, record: RunRecord) -> None:
    """The card of a run."""
    st.html(_head(record))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _words(store, record)
    with right, st.container(key="kept-actions"):
        _actions(store, record)


def _head(record: RunRecord) -> str:
    state = html.escape(record.state.value)
    figures = [
        ("Sparsity", fmt.percent(record.sparsity, 2), f"target {fmt.percent(record.target_sparsity)}"),
        ("Accuracy", fmt.percent(record.accuracy, 2), f"dense {fmt.percent(record.dense_accuracy, 2)}"),
        ("Steps", fmt.count(record.step), f"of {fmt.count(record.steps)}"),
        ("Time", fmt.duration(record.seconds), time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started))),
        ("On the disk", fmt.size(record.bytes) if record.bytes else fmt.MISSING, record.origin.value),
    ]
    tiles = "".join(
        f"<div class='fcpts-tile'><p class='fcpts-tile-label'>{name}</p><p class='fcpts-tile-value'>{value}</p>"
        f"<p class='fcpts-tile-note'>{html.escape(note)}</p></div>"
        for name, value, note in figures
    )
    reason = f"<p class='fcpts-kept-reason'>{html.escape(record.reason)}</p>" if record.reason else ""
    return (
        f"<section class='fcpts-kept-head' data-state='{state}'><div class='fcpts-kept-title'>"
        f"<span class='fcpts-badge'>{STATES[record.state]}</span><h2>{html.escape(record.name)}</h2></div>"
        f"<p class='fcpts-kept-about'>{html.escape(f'{record.model}, {method_of(record)}, seed {_seed(record)}')}</p>"
        f"{reason}<div class='fcpts-tiles'>{tiles}</div></section>"
    )


def _seed(record: RunRecord) -> object:
    return record.config.get("seed", 0)


def _words(store: Store, record: RunRecord) -> None:
    """The reader's own words; each is kept as soon as its field is left."""
    keys = {name: f"kept-{name}-{record.id}" for name in ("title", "tags", "note")}
    before = {"title": record.title, "tags": ", ".join(record.tags), "note": record.note}
    for name, key in keys.items():
        st.session_state.setdefault(key, before[name])

    def keep() -> None:
        try:
            store.describe(
                record.id,
                title=st.session_state[keys["title"]].strip(),
                tags=tags_of(st.session_state[keys["tags"]]),
                note=st.session_state[keys["note"]].strip(),
            )
        except InputError as error:
            st.session_state["kept-remark"] = str(error)

    st.text_input("Name", key=keys["title"], placeholder=record.id, max_chars=120, on_change=keep)
    st.text_input("Tags", key=keys["tags"], placeholder="words between commas", max_chars=200, on_change=keep)
    st.text_area("Note", key=keys["note"], max_chars=4000, height=90, on_change=keep)


def _actions(store: Store, record: RunRecord) -> None:
    opened = resumed = False
    with st.container(horizontal=True):
        if not record.state.live:
            label = "Replay" if record.state is Kept.DONE else "Look at it"
            if record.state.resumable:
                resumed = st.button("Go on", key="kept-go-on", icon=":material/resume:", type="primary")
            kind: Literal["primary", "secondary"] = "secondary" if record.state.resumable else "primary"
            opened = st.button(label, key="kept-open", icon=":material/replay:", type=kind)
            st.button(
                "Delete", key="kept-delete", icon=":material/delete:", on_click=discard, args=(store, [record.id])
            )
    if record.state.live:
        st.caption("It is under way. What it has learned is shown here when it has ended.")
    if opened or resumed:
        session.open_run(record.id, record.run_config)
        if resumed:
            runs.go_on(record.id)
        st.switch_page("pages/playground.py")
    if record.state is Kept.DONE:
        take_home(record.id, "kept-export")
        given = {"run": record.id}
        st.page_link("pages/cost.py", label="What its zeros buy", icon=":material/savings:", query_params=given)
    elif record.state.resumable:
        st.caption("Go on from the command line:")
        st.code(f"fcpts resume {record.id}", language="bash", wrap_lines=True)
