"""Every page is run by `app.py`, which gives it its name, its brand and the menu."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def enter_by_app() -> None:
    """Call this first on a page.

    Until `app.py` has run once on a fresh server, Streamlit takes every script in `pages/` for a page of its own and
    runs a deep link alone. Then this turns that off and runs the script again, through `app.py`.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
