"""What the layer inspector looks at: a run, the model's weights before it, and after it where it has ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fcpts_core.allocation.measuring import alone
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.keepsake import weights_beside
from fcpts_core.engine.prepare import prepare
from fcpts_core.engine.snapshot import Snapshot, State
from fcpts_core.errors import InputError
from fcpts_core.lesson.facts import recorded, recording_path
from fcpts_core.masks.portrait import LayerPortrait
from fcpts_core.models.cards import MODELS, load_model
from fcpts_core.store.records import Kept, RunRecord
from pages._ui import runs
from pages._ui.charts import Moment

RECORDING = "recording"
KEPT_MODELS = 4
MOST = 50
"""Kept runs that are offered."""


@dataclass(frozen=True, eq=False)
class Inspected:
    """A run under the glass; `key` is its id, or `RECORDING`."""

    key: str
    title: str
    config: RunConfig
    snapshot: Snapshot


def choices() -> dict[str, str]:
    """Runs that can be chosen, by key: the recording, the run of this browser, and the kept ones, newest first."""
    found = {RECORDING: "the recording"}
    for name in ("run", "layers-run"):
        key = st.session_state.get(name)
        view = runs.registry().view(key) if key else None
        if view is not None and view.snapshot.started is not None:
            found[view.id] = f"your run: {view.config.model}, {view.config.method}, {view.config.sparsity:.1%}"
    for record in _kept():
        found.setdefault(record.id, _name(record))
    return found


def _name(record: RunRecord) -> str:
    about = f"{record.model}, {record.method}, {record.target_sparsity:.1%}"
    return f"{record.title or time.strftime('%d %b %H:%M', time.localtime(record.started))}: {about}"


def _kept() -> tuple[RunRecord, ...]:
    """Runs that are kept here and done; none where nothing can be kept."""
    store = runs.keeping().store()
    try:
        records = store.runs() if store is not None else ()
    except InputError:
        return ()
    done = [record for record in records if record.state is Kept.DONE]
    return tuple(sorted(done, key=lambda record: -record.started)[:MOST])


def inspected(key: str) -> Inspected:
    """That run, the recording where it is not here any more."""
    view = runs.registry().view(key) if key != RECORDING else None
    if view is None or view.snapshot.started is None:
        return Inspected(RECORDING, "the recording", RunConfig(), recorded())
    return Inspected(key, "your run", view.config, view.snapshot)


@st.cache_resource(max_entries=KEPT_MODELS, show_spinner=False)
def _before(config: RunConfig) -> Mapping[str, Any]:
    seed = config.seed if config.random_weights else None
    return load_model(config.model, config.weights, random=seed).module.state_dict()


@st.cache_resource(max_entries=KEPT_MODELS, show_spinner=False)
def _after(key: str) -> Mapping[str, Any]:
    if key == RECORDING:
        return weights_beside(recording_path())
    from safetensors.torch import load

    content = runs.registry().artifacts(key).get("model.safetensors")
    return load(content) if content else {}


def portrait_of(run: Inspected, moment: Moment, chosen: int) -> LayerPortrait | None:
    """The layer at this moment: at the end of a finished run as it really is, before as its threshold cuts it."""
    name = f"{moment.layers[chosen].name}.weight"
    before = _before(run.config).get(name)
    if before is None or tuple(before.shape) != tuple(moment.layers[chosen].shape):
        return None
    if moment.final and run.snapshot.state is State.DONE:
        after = _after(run.key).get(name)
        if after is not None and after.shape == before.shape:
            return LayerPortrait.between(before, after)
    return LayerPortrait.at(before, moment.thresholds[chosen]) if moment.thresholds else None


@st.cache_data(max_entries=64, show_spinner=False)
def _sensitivity(config: RunConfig, layer: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    problem = prepare(config).problem
    if layer >= len(problem.layers):
        raise InputError("The model has fewer layers now than it had in this run: its checkpoint is another one.")
    return alone(problem, layer)


def quick(run: Inspected) -> bool:
    """Whether a sensitivity is measured without being asked for: with models and images that come with the project."""
    known = MODELS.get(run.config.model)
    return known is not None and known.bundled and run.config.images is None and run.config.data is None


def sensitivity_of(run: Inspected, chosen: int) -> tuple[tuple[int, ...], tuple[float, ...]] | str:
    """Zeros and errors of the layer alone, or the sentence that says why there are none."""
    try:
        return _sensitivity(run.config, chosen)
    except InputError as error:
        return str(error)
