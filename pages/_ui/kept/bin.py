"""Deleting runs, and taking that back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fcpts_core.errors import InputError
from fcpts_core.store.store import Store

DELETED, REMARK, TURN = "kept-deleted", "kept-remark", "kept-turn"


def discard(store: Store, keys: Sequence[str]) -> None:
    """Puts runs into the bin; a table with other rows has nothing chosen."""
    try:
        store.discard(keys)
        st.session_state[DELETED] = list(keys)
        turn()
    except InputError as error:
        st.session_state[REMARK] = str(error)


def offer_undo(store: Store) -> None:
    """A line that says what was deleted, with a button that brings it back."""
    keys = st.session_state.get(DELETED, [])
    if not keys:
        return
    with st.container(key="kept-undo", horizontal=True, vertical_alignment="center"):
        what = f"The run {keys[0]} was" if len(keys) == 1 else f"{len(keys)} runs were"
        st.markdown(f"{what} deleted, for good in a day.")
        st.button("Undo", key="kept-undo-button", icon=":material/undo:", on_click=_restore, args=(store, keys))


def limit(store: Store) -> None:
    """Keeps at most as many runs as the field says."""
    try:
        store.keep_runs = st.session_state["kept-limit"] or None
    except InputError as error:
        st.session_state[REMARK] = str(error)


def turn() -> None:
    """Lets the table begin anew, with nothing chosen."""
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def _restore(store: Store, keys: Sequence[str]) -> None:
    try:
        store.restore(keys)
        st.session_state[DELETED] = []
        turn()
    except InputError as error:
        st.session_state[REMARK] = str(error)
