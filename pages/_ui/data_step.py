"""The images of a run: which ones, whether they are there, and how the model wants them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from fcpts_core.data import synthetic
from fcpts_core.data.sources.registry import SOURCES
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError, RunError
from fcpts_core.models.cards import MODELS
from pages._ui.files import stored
from pages._ui.settings import OWN, OWN_FILES, Files, data_choices
from pages._ui.uploads import contents

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from fcpts_core.data.sources.source import Source
    from fcpts_core.models.card import ModelCard

KINDS = ["npz", "zip"]
TESTS = {"segmentation": "Test images, with masks", "detection": "Test images, with boxes"}


def choose_data(model: str, key: str, before: Files) -> tuple[str, Files]:
    """The name of the data and the images that were uploaded for it; `key` is that of a widget with a value already."""
    card, choices = MODELS[model], data_choices(model)
    if st.session_state[key] not in choices:
        st.session_state[key] = OWN
    name: str = st.selectbox("Data", choices, key=key, format_func=lambda choice: _title(choice, card))
    if name in SOURCES:
        _source(SOURCES[name])
    elif name == synthetic.NAME:
        st.caption("Made from the model's own norm statistics: no data is used, and the sparse model is worse for it.")
    if name == OWN_FILES or (name == OWN and card.data is None):
        return name, _uploads(before, card.task)
    return name, Files()


def preparation(place: DeltaGenerator, card: ModelCard, shown: Transform) -> None:
    """What happens to a picture before the network sees it; not for images that come with it."""
    if card.data is not None and shown == card.transform:
        return
    place.caption(words_of(shown) + ("" if shown == card.transform else " Changed from what the model wants."))


def words_of(transform: Transform) -> str:
    """The transform in a sentence or two."""
    size, side = transform.size, "longer" if transform.fit == "longer" else "shorter"
    scaled = f"{side} side scaled to {transform.resize}" if transform.resize else "not scaled"
    cut = "" if size is None else f", {size[0]}\N{MULTIPLICATION SIGN}{size[1]} cut from the middle"
    if size is not None and transform.fit == "longer":
        cut = f", filled up to {size[0]}\N{MULTIPLICATION SIGN}{size[1]}"
    mean, std = (" ".join(f"{value:.3g}" for value in values) for values in (transform.mean, transform.std))
    return f"Pictures: {scaled}{cut}; mean {mean}, std {std}."


def _title(choice: str, card: ModelCard) -> str:
    if choice == OWN:
        return "Your files" if card.data is None else f"The model's own {card.data}"
    names = {OWN_FILES: "Your files", synthetic.NAME: "Synthetic, no data"}
    if choice in names:
        return names[choice]
    return choice if SOURCES[choice].on_disk else f"{choice}, not downloaded"


def _source(chosen: Source) -> None:
    title = re.sub(r"(\d)x(\d)", "\\1\N{MULTIPLICATION SIGN}\\2", chosen.title)
    st.caption(f"{title}; {chosen.licence}.")
    if chosen.on_disk:
        return
    if st.button(f"Download {chosen.size}", key="data-download", icon=":material/download:", width="stretch"):
        from fcpts_core.data.sources.fetching import fetch

        try:
            with st.spinner(f"From {chosen.host}"):
                fetch(chosen)
        except (InputError, RunError) as error:
            st.caption(str(error))
        else:
            st.rerun()


def _uploads(before: Files, task: str) -> Files:
    """Images that the reader brings; where nothing is uploaded, those of the last run."""
    return Files(
        images=_asked("Calibration images", "file-images", before.images, task),
        test=_asked(TESTS.get(task, "Test images, with labels"), "file-test", before.test, task),
    )


def _asked(label: str, key: str, last: str | None, task: str) -> str | None:
    upload = st.file_uploader(label, type=KINDS, key=key, help="An .npz with `images`, or a .zip of pictures.")
    path = stored(upload) or last
    if path is None:
        return None
    try:
        st.caption(f"{'' if upload else f'Now {Path(path).name}: '}{contents(path, task)}")
    except InputError as error:
        st.caption(str(error).replace(path, Path(path).name))
        return None
    return path
