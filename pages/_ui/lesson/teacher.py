"""The link that a teacher hands out: the same lesson without chosen controls, with a fixed seed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from pages._ui.lesson.state import DEFAULTS, FIELDS, HIDEABLE
from pages._ui.memory import Memory
from pages._ui.url import write


def link(language: str, hidden: tuple[str, ...], seed: int) -> str:
    """The address from the root of the server on, progress left out."""
    query = urlencode(write({"lang": language, "hide": hidden, "seed": seed}, DEFAULTS, FIELDS), safe=",")
    return f"/lesson?{query}" if query else "/lesson"


def teacher(progress: Memory, text: Mapping[str, str]) -> None:
    """A popover with the choices and the link."""
    with st.popover(text["teacher"], icon=":material/link:", key="lesson-teacher"):
        st.markdown(text["teacher_lead"])
        hidden = st.multiselect(
            text["teacher_hide"], HIDEABLE, key="lesson-hide", format_func=lambda name: text[f"hide_{name}"]
        )
        seed = st.number_input(text["teacher_seed"], 0, 2**31 - 1, progress["seed"], key="lesson-seed")
        root = str(getattr(st.context, "url", None) or "").partition("/lesson")[0]
        st.code(f"{root}{link(progress['lang'], tuple(hidden), int(seed))}", language=None, wrap_lines=True)
