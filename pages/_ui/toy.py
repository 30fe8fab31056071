"""The small example of gradient descent: two layers, one budget, a button, and every number of the step."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from fcpts_core.bridge import toy as core
from pages._ui.memory import Memory
from pages._ui.toy_table import number, table

MOST = 60


@st.fragment
def toy(memory: Memory, text: Mapping[str, str], key: str, seed: int = 0) -> None:
    """The example as a part of the page that is redrawn alone."""
    draw(memory, text, key, seed)


def draw(memory: Memory, text: Mapping[str, str], key: str, seed: int = 0) -> None:
    """Draw the step that `memory` has under `toy`, from the start that `seed` gives."""
    step = core.descend(memory["toy"], seed)[-1]
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-bar"):
        for name, icon, by in (("step", "skip_next", 1), ("ten", "fast_forward", 10), ("reset", "undo", -MOST)):
            st.button(
                text[name],
                key=f"{key}-{name}",
                icon=f":material/{icon}:",
                on_click=_move,
                args=(memory, by),
                disabled=memory["toy"] + by > MOST,
            )
        facts = f"data-step='{step.step}' data-sparsity='{step.sparsity!r}'"
        st.html(f"<div class='fcpts-toy-state' {facts}>{_state(step, text)}</div>")
    st.html(table(step, text))
    memory.mirror()


def reached(memory: Memory, seed: int = 0) -> core.ToyStep:
    """Where the reader is."""
    return core.descend(memory["toy"], seed)[-1]


def _move(memory: Memory, by: int) -> None:
    memory.keep(toy=min(max(memory["toy"] + by, 0), MOST))


def _state(step: core.ToyStep, text: Mapping[str, str]) -> str:
    return text["state"].format(
        step=step.step,
        sparsity=f"{100 * step.sparsity:.1f} %",
        target=f"{100 * core.TARGET:.0f} %",
        loss=number(step.loss),
        reconstruction=number(step.reconstruction),
        control=number(step.control),
    )
