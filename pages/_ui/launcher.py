"""The Run button and the words below it: how long it will take, or why it cannot be pressed."""

from __future__ import annotations

import streamlit as st

from fcpts_core.data import synthetic
from fcpts_core.data.sources.registry import SOURCES
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.snapshot import Snapshot
from fcpts_core.models.cards import MODELS
from pages._ui import estimates, runs
from pages._ui import numbers as fmt
from pages._ui.status.words import goal_of


def launcher(config: RunConfig, picture: Snapshot | str, key: str) -> None:
    """The one primary button of the page; `picture` is the preview of `config`, or why there is none."""
    run = runs.own_run()
    busy = run is not None and not run.state.final
    own = MODELS[config.model].data is not None
    lacking = config.images is None and config.data is None and not own
    absent = config.data in SOURCES and not SOURCES[config.data].on_disk
    blocked = busy or lacking or absent or isinstance(picture, str)
    st.button("Run", key=key, type="primary", width="stretch", disabled=blocked, on_click=runs.start, args=(config,))
    if busy:
        st.caption("A run is under way. Stop it to start another.")
    elif isinstance(picture, str):
        st.caption("Not ready yet.")
    else:
        missing = "Add calibration images to run." if lacking else "Download the data to run." if absent else ""
        tried = estimates.known(config)
        st.caption(missing or tried or _estimate(config, picture))
        if not missing and tried is None and _seconds(config, 1) is None and (not own or _steps(picture)):
            estimates.button(config, key)


def target_words(picture: Snapshot | str) -> str:
    """What the target means, in weights or in multiply-adds."""
    if isinstance(picture, str) or picture.started is None:
        return ""
    return goal_of(picture.started)


def _estimate(config: RunConfig, picture: Snapshot) -> str:
    steps = _steps(picture)
    if not steps:
        known = MODELS[config.model].data is not None
        return "Nothing is learned: done in seconds." if known else "Nothing is learned: measuring takes the time."
    seconds = _seconds(config, steps)
    many = fmt.several(steps, "step")
    return f"{many}, {fmt.about(seconds)} in all." if seconds else f"{many}."


def _steps(picture: Snapshot) -> int:
    return picture.started.steps if picture.started else 0


def _seconds(config: RunConfig, steps: int) -> float | None:
    """What a run of so many steps takes by the last finished one of this model and method, the recorded one at worst.

    Allocation, least squares and measuring took what the steps did not, and will again. Another size of image has
    another pace, and images that are made first take longer than all steps.
    """
    if config.crop is not None or config.data == synthetic.NAME:
        return None
    run, recorded = runs.own_run(), runs.recording()
    for result in (run.snapshot.result if run else None, recorded.result if recorded else None):
        same = result is not None and (result.model, result.method) == (config.model, config.method)
        if same and result is not None and (pace := result.seconds_per_step):
            return max(result.seconds - result.steps * pace, 0.0) + steps * pace
    return None
