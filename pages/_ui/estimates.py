"""How long a run will take on this server, and whether it fits: tried on request, remembered by its settings."""

from __future__ import annotations

import json

import streamlit as st

from fcpts_core.data.room import size_words
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.trying import tried
from fcpts_core.errors import InputError, RunError
from pages._ui import numbers as fmt
from pages._ui import runs

KEPT = 200


@st.cache_resource
def _known() -> dict[str, str]:
    """Sentences by configuration."""
    return {}


def known(config: RunConfig) -> str | None:
    """The sentence that was found for these settings, None where nobody asked yet."""
    return _known().get(_key(config))


def button(config: RunConfig, key: str) -> None:
    """Offers to find out."""
    if st.button("How long will it take?", key=f"{key}-estimate", type="tertiary", icon=":material/timer:"):
        with st.spinner("Trying a few steps", show_time=True):
            sentence = _tried(config)
        found = _known()
        while len(found) >= KEPT:
            found.pop(next(iter(found)))
        found[_key(config)] = sentence
        st.rerun()


def _tried(config: RunConfig) -> str:
    try:
        estimate = tried(config, runs.registry().threads)
    except (InputError, RunError) as error:
        return str(error)
    steps = f"{fmt.several(estimate.steps, 'step')}, " if estimate.steps else ""
    free = "" if estimate.free_bytes is None else f" of {size_words(estimate.free_bytes)} that are free"
    return f"{steps}{fmt.about(estimate.seconds)} on this machine, {size_words(estimate.memory_bytes)}{free}."


def _key(config: RunConfig) -> str:
    return json.dumps(config.to_json(), sort_keys=True)
