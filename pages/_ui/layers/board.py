"""The moving part of the layer inspector: scrubber and panels."""

from __future__ import annotations

import html

import streamlit as st

from fcpts_core.density import Histogram, histogram
from fcpts_core.masks.portrait import LayerPortrait
from pages._ui import charts
from pages._ui import numbers as fmt
from pages._ui.charts.panel import Panel
from pages._ui.layers import charts as own
from pages._ui.layers.picture import mask_html
from pages._ui.layers.source import Inspected, portrait_of, quick, sensitivity_of
from pages._ui.live_chart import live_chart
from pages._ui.memory import Memory

HEIGHT = "var(--fcpts-plot-height)"


@st.fragment
def board(run: Inspected, chosen: int, memory: Memory) -> None:
    """All that is known of the layer at the step of the scrubber."""
    last = run.snapshot.step
    step = _scrubber(last, memory, run.key)
    moment = charts.moment_at(run.snapshot, step)
    if moment is None:
        return
    portrait = portrait_of(run, moment, chosen)
    facts, first = moment.layers[chosen], run.snapshot.surveys[0].curves if run.snapshot.surveys else ()
    revision = f"{run.key} {facts.name}"
    bars = None if portrait is None else _bars(portrait)
    with st.container(key="layers-board"):
        _chart(own.weights(moment, first, chosen, bars, revision))
        _chart(own.way(run.snapshot, moment, chosen, revision))
        if portrait is not None:
            st.html(mask_html(portrait, html.escape(facts.name)))
            _chart(own.moves(portrait, moment.final))
        _chart(own.budget(moment, chosen))
        if quick(run) or _asked(run, chosen):
            _sensitivity(run, moment, chosen)
    memory.keep(step=step if step != last else None)
    memory.mirror()


def _sensitivity(run: Inspected, moment: charts.Moment, chosen: int) -> None:
    with st.spinner("Measuring what it costs to prune this layer", show_time=True):
        found = sensitivity_of(run, chosen)
    if isinstance(found, str):
        st.html(f"<section class='fcpts-panel'><p class='fcpts-panel-note'>{html.escape(found)}</p></section>")
    else:
        _chart(own.sensitivity(moment, chosen, *found))


def _asked(run: Inspected, chosen: int) -> bool:
    """Whether the reader wants the sensitivity of this layer, which takes a large model some time; else the button."""
    key = f"layers-asked-{run.key}-{chosen}"

    def ask() -> None:
        st.session_state[key] = True

    if st.session_state.get(key):
        return True
    with st.container(key="layers-ask"):
        st.markdown("What does it cost to prune this layer alone? Some passes over the calibration images tell.")
        st.button("Measure it", key="layers-measure", icon=":material/query_stats:", on_click=ask)
    return False


def _chart(panel: Panel) -> None:
    live_chart(panel, f"layers-{panel.name}", HEIGHT)


def _bars(portrait: LayerPortrait) -> Histogram:
    return histogram(portrait.before)


def _scrubber(last: int, memory: Memory, run: str) -> int:
    if last < 1:
        return last
    key = f"layers-step-{run}-{last}"
    st.session_state.setdefault(key, min(memory["step"] if memory["step"] is not None else last, last))
    return int(st.slider("Step", 0, last, key=key))


def words(run: Inspected, chosen: int) -> str:
    """What is under the glass, in a line."""
    started = run.snapshot.started
    if started is None:
        return ""
    layer = started.layers[chosen]
    parts = [
        run.config.model,
        run.config.method,
        f"target {fmt.percent(run.config.sparsity)}",
        f"seed {run.config.seed}",
    ]
    shape = f"{layer.name}: {layer.kind}, {fmt.shape(layer.shape)} = {fmt.count(layer.weights)} weights"
    return f"{shape}. {', '.join(parts)}."
