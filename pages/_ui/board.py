"""The moving half of the page: status, actions, four panels, replay. Everything here is redrawn by one fragment."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from pages._ui import charts, replay, session
from pages._ui.actions import actions
from pages._ui.charts import Moment
from pages._ui.live_chart import live_chart
from pages._ui.pulse import pulse
from pages._ui.status import status
from pages._ui.status.words import status_of
from pages._ui.turns import Turns
from pages._ui.view import View

TICK = 0.4
PLAY_TICK = 0.2
SENDING = 0.05
HEIGHTS = {"learning": "calc(var(--fcpts-plot-height) + 1.35rem)"}
"""Heights of the plots that have no words below, hence more room; all others have the usual one."""


def board(look: Callable[[], View]) -> None:
    """Draw what `look` finds, again and again for as long as it moves by itself."""
    _draw(look, look().open)
    # Where a fragment runs right after the whole script, Streamlit drops what the script drew in it and was not sent
    # yet, and the browser takes those panels away for a moment. So the script waits until all is sent.
    time.sleep(SENDING)


def _pace(view: View) -> float | None:
    if view.active:
        return TICK
    return PLAY_TICK if replay.playing() else None


@st.fragment
def _draw(look: Callable[[], View], was_open: bool) -> None:
    """One picture. The rest of the page depends on whether a run is open, so a change of that runs the whole script."""
    view = look()
    moment = charts.moment_at(view.snapshot, replay.step_shown(view))
    if view.open != was_open:
        st.rerun()
    with st.container(key="strip", horizontal=True, vertical_alignment="top"):
        status(status_of(view, moment))
        with st.container(key="actions-open" if view.open else "actions", horizontal=True, width="content"):
            actions(view, "strip")
    if view.snapshot.started is not None and view.snapshot.started.notes:
        st.html(f'<p class="fcpts-notes">{" ".join(map(html.escape, view.snapshot.started.notes))}</p>')
    if moment is None:
        with st.container(key="empty"):
            st.markdown(view.problem or view.snapshot.phase or "Waiting for the run before this one.")
    else:
        _panels(view, moment)
        replay.controls(view, moment)
    if view.open:
        with st.container(key="edge-actions", horizontal=True):
            actions(view, "edge")
    pulse(_pace(view), key="pulse")


def _panels(view: View, moment: Moment) -> None:
    chosen = session.chosen_layer(moment.layers)
    first = view.snapshot.surveys[0].curves if view.snapshot.surveys else ()
    revision = view.revision
    turns: Turns = st.session_state.setdefault("turns", Turns())
    turns.tick()
    density, spread = (turns.shown(panel, view, moment) for panel in ("layer", "layers"))
    panels = {
        "allocation": turns.panel(charts.allocation, moment, chosen, revision),
        "layer": turns.panel(charts.layer, density, first, chosen, revision),
        "learning": turns.panel(charts.learning, view.snapshot, moment.step, revision),
        "layers": turns.panel(charts.layers, spread, chosen, revision),
    }
    with st.container(key="board"):
        for name, panel in panels.items():
            with st.container(key=f"area-{name}"):
                live_chart(
                    panel,
                    key=f"chart-{name}",
                    height=HEIGHTS.get(name, "var(--fcpts-plot-height)"),
                    on_click=partial(_clicked, name, moment),
                )


def _clicked(chart: str, moment: Moment) -> None:
    index = st.session_state[f"chart-{chart}"].click
    if isinstance(index, int | float) and 0 <= index < len(moment.layers):
        session.choose_layer(moment.layers[int(index)].name)
