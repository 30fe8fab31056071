"""Choosing a layer of a model at hand: the bundled ones, those fetched before, those whose weights the reader gave."""

from __future__ import annotations

import streamlit as st

from fcpts_core.models.cards import MODELS
from pages._ui import runs


def models_at_hand() -> dict[str, str | None]:
    """Names of the models that can be looked at, and the files of those that do not bring their own weights."""
    found: dict[str, str | None] = {
        name: None
        for name, card in MODELS.items()
        if card.bundled or (card.download is not None and card.download.path.is_file())
    }
    for name, files in st.session_state.get("files", {}).items():
        if files.weights is not None:
            found[name] = files.weights
    key = st.session_state.get("run")
    run = runs.registry().view(key) if key else None
    if run is not None and run.config.weights is not None:
        found.setdefault(run.config.model, run.config.weights)
    return found


def widest(names: tuple[str, ...], sizes: tuple[int, ...]) -> str:
    """The layer with most weights; the first of several."""
    return names[max(range(len(names)), key=lambda index: sizes[index])]
