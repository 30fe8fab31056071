"""All models as a table to search in, and the chosen one layer by layer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._ui.entrance import enter_by_app
from pages._ui.models.layers import layers_of
from pages._ui.models.shelf import shelf

enter_by_app()
st.html(Path(__file__).parent / "_ui" / "app.css")
st.html(Path(__file__).parent / "_ui" / "models" / "models.css")

chosen = shelf()
if chosen is not None:
    layers_of(chosen)
