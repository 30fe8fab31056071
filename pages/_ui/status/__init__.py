"""The status strip: state, settings, progress and the numbers of a run, updated in place."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.assets import component_js
from pages._ui.status.words import Status


@cache
def _component() -> Any:
    js = component_js(Path(__file__).parent, "status.js", {})
    return st.components.v2.component("fcpts_status", js=js, isolate_styles=False)


def status(words: Status, key: str = "status") -> None:
    """Show `words` where the script stands."""
    _component()(key=key, data=asdict(words))
