"""The column of settings: widgets in, plain values out. Widgets begin with what the address says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from fcpts_core.density import BANDWIDTHS
from fcpts_core.engine.chosen_images import transform_of
from fcpts_core.engine.config import MOST_PIXELS
from fcpts_core.methods import METHODS
from fcpts_core.models.cards import MODELS
from fcpts_core.reconstruction.settings import CHOICES
from pages._ui import runs
from pages._ui.data_step import choose_data, preparation
from pages._ui.files import stored
from pages._ui.model_step import model_step
from pages._ui.settings import Files, checked, config_of, defaults

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from fcpts_core.models.card import ModelCard

OBJECTIVES = {
    "kl": "KL of the logits",
    "logits": "squared error of the logits",
    "blocks": "features of every block",
    "blocks-mse": "features of every block, not normalised",
    "blocks+logits": "block features and logits",
    "blocks+soft": "features and soft classes",
    "base-decayed": "KL with a decaying base (UniPTS)",
}

RANDOM_HELP = (
    "The network is drawn by the seed instead of trained. Good for learning how long a run takes and how much memory; "
    "its accuracy means nothing."
)
BUDGETS = {"weights": "weights", "flops": "multiply-adds"}


def controls() -> tuple[dict[str, Any], Files, DeltaGenerator]:
    """All settings as they stand now, within their limits, the reader's own files, and the place below the target."""
    values: dict[str, Any] = {}
    values["model"] = model_step(_seeded("model", defaults()["model"]))
    card = MODELS[values["model"]]
    before = runs.own_files(card.name)
    weights = None if card.bundled else _own_weights(before.weights)
    if not card.bundled and weights is None:
        values["random"] = st.checkbox("Random weights, for a trial", key=_seeded("random", False), help=RANDOM_HELP)
    values["data"], images = choose_data(card.name, _seeded("data", defaults()["data"]), before)
    files = Files(weights, images.images, images.test)
    st.session_state.setdefault("files", {})[card.name] = files
    prepared = st.empty()
    values["method"] = st.selectbox(
        "Method",
        list(METHODS),
        key=_seeded("method", defaults()["method"]),
        format_func=lambda name: METHODS[name].title,
        help=_methods_help(),
    )
    values["sparsity"] = _target()
    note = st.empty()
    usual = defaults(values["method"])
    if METHODS[values["method"]].learns:
        values["steps"] = _number("Steps", "steps", usual, 1, 5000, values["method"], step=50)
    with st.expander("Advanced"):
        values["budget"] = st.selectbox(
            "The target is a share of the",
            CHOICES["budget"],
            key=_seeded("budget", usual["budget"]),
            format_func=lambda name: BUDGETS[name],
        )
        if METHODS[values["method"]].learns:
            values |= _loop(usual, values["method"])
        values |= _preparation(card, usual)
        values["calibration"] = _number("Calibration images", "calibration", usual, 16, 100_000, step=64)
        values["seed"] = _number("Seed", "seed", usual, 0, 2**31 - 1)
        values["exclude"] = st.text_input(
            "Layers kept dense",
            key=_seeded("exclude", usual["exclude"]),
            placeholder="names or types, such as linear, Conv2d",
        )
    found = checked(values)
    preparation(prepared, card, transform_of(config_of(found, files), card.transform))
    return found, files, note


def _methods_help() -> str:
    return "\n\n".join(f"**{method.title}**: {method.description}" for method in METHODS.values())


def forget_widgets() -> None:
    """Let every widget begin again with the remembered choices."""
    for key in [key for key in st.session_state if str(key).startswith("set-")]:
        del st.session_state[key]


def _own_weights(last: str | None) -> str | None:
    """A checkpoint that the reader uploads; where nothing is uploaded, that of the last run of this model."""
    path = stored(st.file_uploader("Weights", type=["safetensors", "pt", "pth"], key="file-weights")) or last
    if path is not None and path == last:
        st.caption(f"Now {Path(path).name}")
    return path


def _preparation(card: ModelCard, usual: dict[str, Any]) -> dict[str, Any]:
    """How pictures become what the network takes; what is left empty is as the model wants it."""
    values: dict[str, Any] = {}
    own = card.transform
    left, right = st.columns(2)
    with left:
        values["resize"] = st.number_input(
            "Scale to",
            0,
            MOST_PIXELS,
            key=_seeded("resize", usual["resize"]),
            placeholder=str(own.resize or "as it is"),
            help="The shorter side in pixels; 0 leaves pictures as they are.",
        )
        mean = _seeded("mean", usual["mean"])
        values["mean"] = st.text_input("Mean", key=mean, placeholder=", ".join(f"{v:g}" for v in own.mean))
    with right:
        values["crop"] = st.number_input(
            "Cut to", 8, MOST_PIXELS, key=_seeded("crop", usual["crop"]), placeholder=str(min(own.size or (0,)))
        )
        std = _seeded("std", usual["std"])
        values["std"] = st.text_input("Deviation", key=std, placeholder=", ".join(f"{v:g}" for v in own.std))
    return values


def _target() -> float:
    key = _seeded("sparsity", defaults()["sparsity"])
    st.session_state[key] = min(max(st.session_state[key], 0.1), 0.995)
    return st.slider("Target sparsity", 0.1, 0.995, key=key, step=0.005, format="percent")


def _loop(usual: dict[str, Any], method: str) -> dict[str, Any]:
    """What only a method that learns has; every value begins at the default of that method."""
    values: dict[str, Any] = {}
    values["objective"] = st.selectbox(
        "Objective",
        CHOICES["objective"],
        key=_seeded("objective", usual["objective"], method),
        format_func=lambda name: OBJECTIVES.get(name, name),
    )
    if values["objective"] == "kl":
        values["temperature"] = _number("Temperature", "temperature", usual, 0.1, 50.0, method, step=0.5)
    batch = "Images a step"
    values["batch"] = _number(batch, "batch", usual, 1, 4096, method, help="Fewer need less memory and time a step.")
    left, right = st.columns(2)
    with left:
        values["rate"] = _number("Rate of weights", "rate", usual, 1e-5, 1.0, method, step=0.01, format="%.4g")
        values["lambda"] = _number("Lambda", "lambda", usual, 0.0, 1000.0, method, step=0.5, format="%.4g")
    with right:
        values["threshold-rate"] = _number(
            "Rate of thresholds", "threshold-rate", usual, 0.0, 10.0, method, step=0.01, format="%.4g"
        )
        values["bandwidth"] = st.selectbox(
            "Bandwidth", list(BANDWIDTHS), key=_seeded("bandwidth", usual["bandwidth"], method)
        )
    return values


def _number(label: str, name: str, usual: dict[str, Any], low: float, high: float, group: str = "", **look: Any) -> Any:
    """A number field; `group` keeps values of different methods apart."""
    kind = type(usual[name])
    key = _seeded(name, usual[name], group)
    return st.number_input(label, kind(low), kind(high), key=key, **look)


def _seeded(name: str, default: Any, group: str = "") -> str:
    """The key of a widget, whose value begins with the remembered choice, else with the default."""
    key = f"set-{name}-{group}" if group else f"set-{name}"
    if key not in st.session_state:
        chosen = st.session_state.choices
        ours = not group or chosen.get("method", defaults()["method"]) == group
        st.session_state[key] = chosen.get(name, default) if ours else default
    return key
