"""The moving half of the page: status, what is looked at, three charts and the table, redrawn by one fragment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import streamlit as st

from fcpts_core.compare.table import to_csv
from pages._ui.compare import charts, comparisons
from pages._ui.compare.goal import brief
from pages._ui.compare.picture import Picture
from pages._ui.compare.session import memory, mirror, remember
from pages._ui.compare.settings import command_of
from pages._ui.compare.standings import standings, table_of
from pages._ui.compare.words import status_of
from pages._ui.live_chart import live_chart
from pages._ui.pulse import pulse
from pages._ui.status import status

TICK = 0.8
SENDING = 0.05
PANELS = {"accuracy": charts.accuracy, "groups": charts.groups, "allocations": charts.allocations}


def board(look: Callable[[], Picture]) -> None:
    """Draw what `look` finds, again and again for as long as a comparison goes on."""
    _draw(look, look().open)
    time.sleep(SENDING)  # see `pages._ui.board`


@st.fragment
def _draw(look: Callable[[], Picture], was_open: bool) -> None:
    """One picture. The rest of the page depends on whether one is open, so a change of that runs the whole script."""
    picture = look()
    if picture.open != was_open:
        st.rerun()
    with st.container(key="strip", horizontal=True, vertical_alignment="top"):
        status(status_of(picture, comparisons.recording()), key="compare-status")
        with st.container(key="actions-open" if picture.open else "actions", horizontal=True, width="content"):
            _actions(picture, "strip")
    if picture.cells:
        _lens(picture)
        _panels(picture)
    else:
        with st.container(key="empty"):
            st.markdown(picture.problem)
    if picture.open:
        with st.container(key="edge-actions", horizontal=True):
            _actions(picture, "edge")
    pulse(TICK if picture.open else None, key="pulse")


def _panels(picture: Picture) -> None:
    with st.container(key="compare-board"):
        for name, build in PANELS.items():
            with st.container(key=f"area-{name}"):
                live_chart(
                    build(picture), f"compare-{name}", "var(--fcpts-plot-height)", partial(_clicked, f"compare-{name}")
                )
        with st.container(key="area-standings"):
            standings(table_of(picture))


def _actions(picture: Picture, place: str) -> None:
    if picture.open:
        rests = picture.own is not None and picture.own.paused
        label, icon, act = (
            ("Resume", "play_arrow", comparisons.resume) if rests else ("Pause", "pause", comparisons.pause)
        )
        st.button(label, key=f"{place}-compare-go", icon=f":material/{icon}:", on_click=act)
        st.button("Stop", key=f"{place}-compare-stop", icon=":material/stop:", on_click=comparisons.stop)
    elif picture.table:
        st.download_button(
            "Table",
            data=to_csv(picture.table),
            file_name="table.csv",
            mime="text/csv",
            key=f"{place}-compare-table",
            icon=":material/download:",
            on_click="ignore",
            help="Download table.csv",
        )
        with st.popover("Command", icon=":material/terminal:", key=f"{place}-compare-command"):
            st.markdown("The same comparison from the command line:")
            words = command_of(memory().values, comparisons.comparisons().threads)
            st.code(words, language="bash", wrap_lines=True)


def _lens(picture: Picture) -> None:
    """Which sparsity, and which of several models, the charts look at."""
    models = list(dict.fromkeys(view.cell.config.model for view in picture.cells))
    with st.container(key="compare-lens", horizontal=True, vertical_alignment="bottom"):
        if len(picture.targets) > 1:
            _choice(picture.goal.lens, "target", picture.targets, picture.target, brief)
        if len(models) > 1:
            _choice("Model looked at", "show", models, picture.model, str)


def _choice(label: str, name: str, options: Iterable[Any], now: Any, write: Callable[..., str]) -> None:
    key = f"compare-lens-{name}"
    st.session_state[key] = now
    st.segmented_control(
        label, list(options), key=key, format_func=write, required=True, on_change=_chosen, args=(name, key)
    )


def _chosen(name: str, key: str) -> None:
    if st.session_state[key] is not None:
        remember(**{name: st.session_state[key]})
        mirror()


def _clicked(key: str) -> None:
    target = st.session_state[key].click
    if isinstance(target, float) and 0 < target < 1:
        remember(target=target)
        mirror()
