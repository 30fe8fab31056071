"""The figure of each step: draws it, and says whether the reader has done what the step asks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from fcpts_core.bridge import threshold_for
from fcpts_core.bridge import toy as core
from fcpts_core.density import BANDWIDTHS
from fcpts_core.lesson.drawing import LAYER, waffle_figure
from fcpts_core.lesson.facts import NARROW, measured, recorded
from fcpts_core.lesson.text import Step
from pages._ui import charts, toy
from pages._ui import numbers as fmt
from pages._ui.bridge import bridge
from pages._ui.bridge.data import Checked, Portrait, Seen, checked, first_look, portrait
from pages._ui.charts.panel import Panel
from pages._ui.live_chart import live_chart
from pages._ui.memory import Memory

Draw = Callable[[Step, Memory, Mapping[str, Any]], bool]
NEAR = 0.005
"""How near to 90 % is near enough."""


def picture(svg: str, summary: str) -> None:
    """A figure that does not move."""
    data = base64.b64encode(svg.encode()).decode()
    st.html(f"<img class='fcpts-l-picture' alt='{summary}' src='data:image/svg+xml;base64,{data}'>")


def _layer() -> Portrait:
    return portrait("digits-resnet20", None, LAYER)


def _bridge(
    step: Step, progress: Memory, text: Mapping[str, Any], start: Seen, hidden: set[str]
) -> tuple[Seen, Checked]:
    seen = _layer()
    hidden |= {name for name in progress["hide"] if name in ("view", "bandwidth", "zoom", "inverse")}
    now = bridge(seen, start, text["bridge"], f"lesson-{step.id}-{progress['lang']}", hidden)
    return now, checked(seen, now)


def waffle(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    answer = _question(step, progress)
    picture(waffle_figure(told=bool(answer)), step.title)
    return bool(answer)


def threshold(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    seen = _layer()
    start = replace(first_look(seen), t=threshold_for(seen.weights, 0.5))
    _, shown = _bridge(step, progress, text, start, {"view", "bandwidth", "zoom", "inverse"})
    return abs(shown.share - 0.9) <= NEAR


def staircase(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    start = replace(first_look(_layer()), view="exact")
    now, _ = _bridge(step, progress, text, start, {"view", "bandwidth", "inverse", "density"})
    return now.zoom >= 0.9


def density(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    seen = _layer()
    now, _ = _bridge(step, progress, text, replace(first_look(seen), stop=0), {"view", "zoom", "inverse"})
    fitting = [BANDWIDTHS[rule](seen.weights) for rule in BANDWIDTHS]
    return min(fitting) / 2 <= seen.curves.smoothed[now.stop].bandwidth <= 2 * max(fitting)


def small_example(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    toy.draw(progress, text["toy"], "lesson-toy", progress["seed"])
    return abs(toy.reached(progress, progress["seed"]).sparsity - core.TARGET) <= 0.01 and progress["toy"] > 0


def replay(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    snapshot = recorded()
    chosen = int(st.slider(text["lesson"]["scrub"], 0, snapshot.step, 0, key="lesson-replay"))
    moment = charts.moment_at(snapshot, chosen)
    if moment is not None:
        widest = max(range(len(moment.layers)), key=lambda index: moment.layers[index].weights)
        live_chart(
            _translated(charts.allocation(moment, widest, "lesson"), text["bridge"]), "lesson-allocation", "340px"
        )
    return chosen == snapshot.step


def _translated(panel: Panel, words: Mapping[str, str]) -> Panel:
    """The allocation as the Playground draws it, in the words of the lesson; methods keep their names."""
    labels = {"pruned": words["pruned"], "kept": words["kept"]}
    legend = tuple(replace(entry, label=labels.get(entry.label, entry.label)) for entry in panel.legend)
    layout = panel.figure["layout"]
    axis = {**layout["yaxis"], "title": {"text": words["share_axis"]}}
    figure = {**panel.figure, "layout": {**layout, "yaxis": axis}}
    return replace(panel, clickable=False, note="", title="", aside="", legend=legend, figure=figure)


def exact(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    snapshot, words = recorded(), text["lesson"]
    started, result, last = snapshot.started, snapshot.result, snapshot.last
    if started is None or started.target_zeros is None or result is None or last is None:
        return False
    given = st.number_input(words["count"], 0, started.weights, None, key="lesson-exact", placeholder="0")
    right = given == started.target_zeros
    rows = [(words["dense_row"], 0), (words["before_row"], round(last.sparsity * started.weights))]
    rows += [(words["after_row"], result.zeros)] if right else []
    head = "".join(f"<th scope='col'>{words[name]}</th>" for name in ("row_zeros", "row_share", "off"))
    body = "".join(
        f"<tr><th scope='row'>{name}</th><td>{fmt.count(zeros)}</td><td>{fmt.percent(zeros / started.weights, 3)}</td>"
        f"<td>{fmt.count(abs(zeros - started.target_zeros)) if right or not zeros else fmt.MISSING}</td></tr>"
        for name, zeros in rows
    )
    st.html(f"<table class='fcpts-toy'><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>")
    return bool(right)


def sizes(step: Step, progress: Memory, text: Mapping[str, Any]) -> bool:
    words, files = text["lesson"], measured().files
    rows = "".join(
        f"<div class='fcpts-l-size'><span>{words[f'size_{kind}']}</span>"
        f"<span class='fcpts-l-bar' data-kind='{kind}' style='--share:{files[name] / files['zeros']:.4f}'></span>"
        f"<b>{words['bytes'].format(kilobytes=f'{files[name] / 1000:,.0f}').replace(' ', NARROW)}</b></div>"
        for kind, name in (("dense", "zeros"), ("zip", "zip"), ("bitmask", "bitmask"))
    )
    st.html(
        f"<div class='fcpts-panel fcpts-l-sizes'><h2 class='fcpts-panel-title'>{words['sizes_title']}</h2>{rows}</div>"
    )
    answer = _question(step, progress)
    if answer and answer != step.answer:
        st.caption(step.wrong)
    return answer == step.answer


def _question(step: Step, progress: Memory) -> str | None:
    """The reader's answer, by its key."""
    key = f"lesson-{step.id}-{progress['lang']}"
    return st.radio(step.task, list(step.options), None, step.options.__getitem__, key, label_visibility="collapsed")


FIGURES: dict[str, Draw] = {
    "waffle": waffle,
    "threshold": threshold,
    "staircase": staircase,
    "density": density,
    "toy": small_example,
    "replay": replay,
    "exact": exact,
    "sizes": sizes,
}
