"""The beat of a fragment that shows something moving: no beat, no traffic."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.assets import component_js


@cache
def _component() -> Any:
    js = component_js(Path(__file__).parent, "pulse.js", {})
    return st.components.v2.component("fcpts_pulse", js=js, isolate_styles=False)


def pulse(seconds: float | None, key: str) -> None:
    """Run the fragment around this call again `seconds` after its picture has arrived, or not at all.

    Call it last in the fragment.
    """
    after = None if seconds is None else round(1000 * seconds)
    _component()(key=key, data={"after": after, "now": time.monotonic_ns()}, on_beat_change=_ignore)


def _ignore() -> None:
    return None
