"""The bridge of one layer: density and sparsity side by side, one threshold that the reader drags in the browser.

seen = bridge(portrait, start, words, key="bridge")     # what the reader let go of last, `start` before
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.assets import component_js
from pages._ui.bridge.data import Portrait, Seen, message

FOLDER = Path(__file__).parent


@cache
def _component() -> Any:
    js = component_js(FOLDER, "bridge.js", {})
    return st.components.v2.component("fcpts_bridge", js=js, isolate_styles=False)


def bridge(portrait: Portrait, start: Seen, words: Mapping[str, str], key: str, hidden: Collection[str] = ()) -> Seen:
    """Draw the layer, beginning with `start`; what the reader does from there on stays in the browser until released.

    `start` must stay the same while the reader is at work, or the message with all curves travels again. `hidden` names
    what is not shown: view, bandwidth, zoom, inverse, density, sparsity.
    """
    data = message(portrait, start, words, hidden)
    result = _component()(key=key, data=data, default={"state": asdict(start)}, on_state_change=_ignore)
    return Seen.of(result.state, portrait, start)


def _ignore() -> None:
    return None
