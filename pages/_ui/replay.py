"""The step scrubber: any moment of a run that is not moving by itself, looked at again, or played from the start."""

from __future__ import annotations

import streamlit as st

from pages._ui import session
from pages._ui.charts import Moment
from pages._ui.view import View

FRAMES = 30
KEY = "replay-step"


def playing() -> bool:
    return bool(st.session_state.get("playing"))


def step_shown(view: View) -> int | None:
    """The step that is looked at, None for the newest; a recording that plays moves on by one frame here."""
    state = st.session_state
    last = view.snapshot.step
    if view.active or last < 1:
        state.playing = False
        state.pop(KEY, None)
        return None
    if state.get("replay-of") != view.revision:
        state["replay-of"] = view.revision
        state.pop(KEY, None)
        state.playing = False
    if playing():
        state[KEY] = min(last, state.get(KEY, 0) + max(1, last // FRAMES))
        state.playing = state[KEY] < last
    state[KEY] = min(state.get(KEY, last), last)
    return int(state[KEY])


def controls(view: View, moment: Moment) -> None:
    """Play, scrub, and choose a layer without a mouse."""
    last = view.snapshot.step
    with st.container(key="replay", horizontal=True, vertical_alignment="bottom"):
        if last >= 1:
            _scrubber(view, last)
        names = [layer.name for layer in moment.layers]
        key = f"layer-of-{len(names)}-{view.config.model}"
        st.session_state[key] = names[session.chosen_layer(moment.layers)]
        st.selectbox("Layer", names, key=key, on_change=_choose, args=(key,), width=340)


def _scrubber(view: View, last: int) -> None:
    label, icon = ("Halt", "stop") if playing() else ("Replay", "replay")
    turn = not playing()
    st.button(label, icon=f":material/{icon}:", key="replay-play", on_click=_play, args=(turn,), disabled=view.active)
    if view.active:
        st.session_state["replay-live"] = last
        st.slider(
            "Step", 0, view.snapshot.started.steps if view.snapshot.started else last, key="replay-live", disabled=True
        )
    else:
        st.slider("Step", 0, last, key=KEY, on_change=_play, args=(False,))


def _play(on: bool) -> None:
    st.session_state.playing = on
    if on:
        st.session_state[KEY] = 0


def _choose(key: str) -> None:
    session.choose_layer(st.session_state[key])
