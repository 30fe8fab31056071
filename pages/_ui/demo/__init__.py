"""The demo for a projector: slides in large type, next and back by keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.assets import component_js
from pages._ui.demo.slides import Deck


@cache
def _component() -> Any:
    js = component_js(Path(__file__).parent, "demo.js", {})
    return st.components.v2.component("fcpts_demo", js=js, isolate_styles=False)


def demo(deck: Deck, first: int, key: str) -> int:
    """Draw the slides, beginning with number `first`; returns the one that is shown, from 0 on."""
    data = {**deck.to_json(), "first": first}
    shown = _component()(key=key, data=data, default={"slide": first}, on_slide_change=_ignore).slide
    return min(max(int(shown), 0), len(deck.slides) - 1) if isinstance(shown, int | float) else first


def _ignore() -> None:
    return None
