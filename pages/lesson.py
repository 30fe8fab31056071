"""The lesson: eight steps from "why prune" to "what it buys", in the languages of `assets/lesson`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fcpts_core.lesson.text import steps, words
from pages._ui.entrance import enter_by_app
from pages._ui.lesson import board, state
from pages._ui.lesson.teacher import teacher
from pages._ui.live_chart import fetch_early
from pages._ui.settle import settle

FOLDER = Path(__file__).parent / "_ui"

enter_by_app()
st.html(FOLDER / "app.css")
st.html(FOLDER / "bridge" / "bridge.css")
st.html(FOLDER / "lesson" / "lesson.css")
fetch_early()
progress = state.remembered()
text = words(progress["lang"])

board.head(progress, text["lesson"])
progress.say()
if progress["print"] == "1":
    board.on_paper(progress, text["lesson"])
else:
    board.show(progress, text)
    board.feet(progress, text["lesson"])
    board.code(steps(progress["lang"])[progress["step"] - 1], text["lesson"])
with st.container(key="lesson-extras", horizontal=True):
    other = "0" if progress["print"] == "1" else "1"
    st.button(
        text["lesson"]["print" if other == "1" else "screen"],
        key="lesson-print",
        icon=":material/print:" if other == "1" else ":material/school:",
        on_click=progress.keep,
        kwargs={"print": other},
    )
    if "overview" not in progress["hide"]:
        teacher(progress, text["lesson"])
progress.mirror()
settle()
