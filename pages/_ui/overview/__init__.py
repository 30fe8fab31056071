"""The overview of the framework (FCPTS, Figure 2): its parts light up while a run is in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.assets import component_js
from pages._ui.overview.data import Beat, to_json


@cache
def _component() -> Any:
    js = component_js(Path(__file__).parent, "overview.js", {})
    return st.components.v2.component("fcpts_overview", js=js, isolate_styles=False)


def overview(moments: tuple[Beat, ...], live: bool, part: str, key: str) -> str:
    """Draw it; returns the part that was chosen last, `part` before."""
    result = _component()(
        key=key, data={**to_json(moments, live), "chosen": part}, default={"part": part}, on_part_change=_ignore
    )
    return str(result.part)


def _ignore() -> None:
    return None
