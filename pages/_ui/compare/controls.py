"""The column of choices: models, methods, sparsities, seeds, and the button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from fcpts_core.compare.cells import Cell
from fcpts_core.compare.contender import Contender
from fcpts_core.methods import METHODS
from pages._ui import numbers as fmt
from pages._ui.compare import comparisons
from pages._ui.compare.goal import Goal, brief, goal_of
from pages._ui.compare.pace import seconds_for
from pages._ui.compare.picture import Kind, Picture
from pages._ui.compare.session import memory
from pages._ui.compare.settings import MOST_SEEDS, SPARSITIES, ordered
from pages._ui.compare.variants import all_methods, settings_of_methods


def controls(models: Sequence[str]) -> dict[str, Any]:
    """The choices as they stand now; `models` are those that can be chosen."""
    values = memory().values
    chosen: dict[str, Any] = {}
    chosen["models"] = st.multiselect(
        "Models",
        models,
        key=_seeded("models", [name for name in values["models"] if name in models]),
        help="A model of your own appears here once its weights and images are given on the Playground.",
    )
    chosen["methods"] = st.multiselect(
        "Methods",
        all_methods(),
        key=_seeded("methods", list(values["methods"])),
        format_func=title_of,
        help="\n\n".join(f"**{method.title}**: {method.description}" for method in METHODS.values()),
    )
    settings_of_methods("compare-set-methods")
    goal = goal_of((each.method, each.overrides) for each in map(Contender.read, chosen["methods"]))
    label = "Target sparsities" if goal is Goal.SPARSITY else "Targets"
    memory().sparsities |= {*SPARSITIES, *values["sparsities"]}
    offered = sorted(memory().sparsities)
    chosen["sparsities"] = st.multiselect(
        label,
        offered,
        key=_seeded("sparsities", list(values["sparsities"])),
        format_func=brief,
    )
    chosen["seeds"] = st.number_input(
        "Seeds",
        1,
        MOST_SEEDS,
        key=_seeded("seeds", values["seeds"]),
        help="Each run is repeated with as many seeds; the charts then show the mean and its standard deviation.",
    )
    return ordered({**values, **chosen})


def title_of(text: str) -> str:
    """A method by its title, with the settings that are changed behind it."""
    contender = Contender.read(text)
    return ", ".join(filter(None, [METHODS[contender.method].title, contender.changes]))


def launcher(cells: Sequence[Cell], picture: Picture, key: str) -> None:
    """The one primary button of the page and the words below it."""
    going = picture.own is not None and not picture.own.over
    done = picture.kind is Kind.RUN and all(view.result is not None for view in picture.cells)
    blocked = going or done or bool(picture.problem)
    st.button(
        "Compare",
        key=key,
        type="primary",
        width="stretch",
        disabled=blocked,
        on_click=comparisons.start,
        args=(tuple(cells),),
    )
    st.caption("A comparison is under way. Stop it to start another." if going else _estimate(picture))


def _estimate(picture: Picture) -> str:
    """How many runs there are, and how long those take that are still to be done, as far as that is known."""
    if picture.problem:
        return "Not ready yet."
    left = [view for view in picture.cells if view.result is None or view.cell.name in picture.recorded]
    if not left:
        return "All of these runs are done."
    total, complete = seconds_for(left, (*picture.cells, *comparisons.recording()))
    runs = f"{len(left)} run{'s' if len(left) > 1 else ''}"
    if not total:
        return f"{runs}."
    return f"{runs}, {fmt.about(total)}{'' if complete else ' or more'}."


def _seeded(name: str, value: Any) -> str:
    """The key of a widget whose value begins with the remembered choice."""
    key = f"compare-set-{name}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key
