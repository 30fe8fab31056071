"""The playground: choose a model and a target, press Run, watch thresholds being learned, take home a sparse model."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._ui import runs, session
from pages._ui.board import board
from pages._ui.controls import controls
from pages._ui.entrance import enter_by_app
from pages._ui.launcher import launcher, target_words
from pages._ui.live_chart import fetch_early
from pages._ui.preview import previewed
from pages._ui.settings import config_of, parameters
from pages._ui.settle import settle
from pages._ui.view import View, choose

enter_by_app()
st.html(Path(__file__).parent / "_ui" / "app.css")
fetch_early()
session.begin()
with st.container(key="waiting"):
    waiting = st.empty()

with st.sidebar:
    values, files, note = controls()
    session.remember(values)
    config = config_of(values, files)
    waiting.html("<p class='fcpts-waiting' role='status'>Looking at the weights</p>")
    picture = previewed(config)
    waiting.empty()
    note.caption(target_words(picture))
    launcher(config, picture, key="launch")


def look() -> View:
    """What the page shows at this moment."""
    run = runs.own_run()
    return choose(session.wanted(config, run), run, runs.recording(), picture, untouched=not parameters(values))


session.remarks()
board(look)
if not look().open:
    with st.container(key="edge-run"):
        launcher(config, picture, key="launch-edge")
session.mirror()
settle()
