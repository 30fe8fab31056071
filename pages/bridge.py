"""The bridge: one layer's density and sparsity, one threshold to drag, and gradient descent on two thresholds."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fcpts_core.errors import InputError
from fcpts_core.lesson.text import words
from pages._ui import preview, toy
from pages._ui.bridge import board
from pages._ui.choice import models_at_hand, widest
from pages._ui.entrance import enter_by_app
from pages._ui.settle import settle

FOLDER = Path(__file__).parent / "_ui"

enter_by_app()
st.html(FOLDER / "app.css")
st.html(FOLDER / "bridge" / "bridge.css")
memory = board.remembered()
text = words(memory["lang"])

models = models_at_hand()
left, right = st.columns([2, 1], vertical_alignment="bottom")
left.html(f"<div class='fcpts-lead'><h1>{text['page']['bridge_title']}</h1><p>{text['page']['bridge_lead']}</p></div>")
with right.container(horizontal=True):
    model = board.select(text["page"]["model"], list(models), "model", memory)
    try:
        seen = preview.portrait(model, models[model], (), "silverman")
    except InputError as error:
        st.error(str(error))
        st.stop()
    names = tuple(facts.name for facts in seen.layers)
    usual = widest(names, tuple(facts.weights for facts in seen.layers))
    layer = board.select(text["page"]["layer"], names, "layer", memory, usual)
memory.say()
board.board(model, models[model], layer, memory, text)
st.html(f"<h2 class='fcpts-section'>{text['toy']['title']}</h2>")
toy.toy(memory, text["toy"], "bridge-toy", memory["seed"])
memory.mirror()
settle()
