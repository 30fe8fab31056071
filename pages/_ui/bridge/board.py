"""The moving part of the Bridge page: the component, and what Python makes of the same threshold."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fcpts_core.lesson.text import LANGUAGES
from pages._ui import numbers as fmt
from pages._ui.bridge import bridge
from pages._ui.bridge.data import VIEWS, Checked, Portrait, Seen, checked, first_look, portrait
from pages._ui.memory import Memory, memory
from pages._ui.toy import MOST
from pages._ui.url import one_of, real, whole, word

FIELDS = (
    word("model", "The model"),
    word("layer", "The layer"),
    real("t", "The threshold", 0.0, 1e6),
    whole("bandwidth", "The bandwidth", 0, 60),
    one_of("view", "The view", VIEWS),
    real("zoom", "The zoom", 0.0, 1.0),
    whole("toy", "The steps of the small example", 0, MOST),
    whole("seed", "The seed", 0, 2**31 - 1),
    one_of("lang", "The language", tuple(LANGUAGES)),
)
DEFAULTS = {"view": "kde", "zoom": 0.0, "toy": 0, "seed": 0, "lang": "en"}


def remembered() -> Memory:
    return memory("bridge", FIELDS, DEFAULTS)


def select(label: str, options: Sequence[str], name: str, memory: Memory, usual: str | None = None) -> str:
    """A choice that begins with what is remembered; a new one forgets the threshold that belonged to the old."""
    first = usual or options[0]
    chosen = memory[name] if memory[name] in options else first
    key = f"bridge-{name}-{len(options)}"
    st.session_state.setdefault(key, chosen)
    value = st.selectbox(label, options, key=key)
    if value != chosen:
        memory.keep(t=None, bandwidth=None)
        st.session_state.pop("bridge-start", None)
    memory.keep(**{name: value if value != first else None})
    return str(value)


def start_of(seen: Portrait, memory: Memory) -> Seen:
    """Where the bridge of this layer begins: what the address says, else the usual first look."""
    kept = st.session_state.get("bridge-start")
    if kept is None or kept[0] != (seen.model, seen.name):
        given = {"t": memory["t"], "stop": memory["bandwidth"], "view": memory["view"], "zoom": memory["zoom"]}
        first = first_look(seen)
        known = {name: value for name, value in given.items() if value is not None}
        kept = (seen.model, seen.name), Seen.of(known, seen, first)
        st.session_state["bridge-start"] = kept
    start: Seen = kept[1]
    return start


@st.fragment
def board(model: str, weights: str | None, layer: str, memory: Memory, text: Mapping[str, Any]) -> None:
    seen = portrait(model, weights, layer)
    start = start_of(seen, memory)
    key = f"bridge-{memory['lang']}-{model}-{layer}"
    with st.container(key="bridge-place"):
        now = bridge(seen, start, text["bridge"], key=key)
    shown = checked(seen, now)
    st.html(_in_python(shown, text["page"]))
    usual = first_look(seen)
    memory.keep(
        t=float(f"{now.t:.6g}") if now.t != usual.t else None,
        bandwidth=now.stop if now.stop != usual.stop else None,
        view=now.view,
        zoom=now.zoom,
    )
    memory.mirror()


def _in_python(shown: Checked, text: Mapping[str, str]) -> str:
    sentence = text["in_python"].format(
        count=fmt.count(shown.count), share=fmt.percent(shown.share, 2), slope=f"{shown.slope:.4g}"
    )
    facts = f"data-count='{shown.count}' data-share='{shown.share!r}' data-slope='{shown.slope!r}'"
    return f"<div class='fcpts-checked' {facts} data-smooth='{shown.smooth!r}'>{html.escape(sentence)}</div>"
