"""The first step of the settings: where the model comes from, which one it is, and its weights."""

from __future__ import annotations

import streamlit as st

from fcpts_core.models.catalogue import Download, Entry, catalogue
from fcpts_core.models.fetching import Fetching, Fetchings
from pages._ui import numbers as fmt

SOURCES = {
    "bundled": "Bundled",
    "own": "Your checkpoint",
    "torchvision": "torchvision",
    "torch.hub": "torch.hub",
    "timm": "timm",
}
TICK = 0.5


@st.cache_resource
def fetchings() -> Fetchings:
    """The downloads of this server."""
    return Fetchings()


def model_step(key: str) -> str:
    """The name of the chosen model; `key` is the widget's, whose state holds one already."""
    entry = catalogue()[st.session_state[key]]
    st.session_state["set-source"] = entry.source
    there = {other.source for other in catalogue().values()}
    st.selectbox(
        "Source",
        [source for source in SOURCES if source in there],
        key="set-source",
        format_func=SOURCES.__getitem__,
        on_change=_other_source,
        args=(key,),
    )
    names = [name for name, other in catalogue().items() if other.source == entry.source]
    name = st.selectbox("Model", names, key=key, help=f"{len(names)} to choose from: type to search.")
    entry = catalogue()[name]
    st.caption(words_of(entry))
    if entry.download is not None:
        _weights(entry)
    return name


def words_of(entry: Entry) -> str:
    """What the model is, in one line."""
    task = "" if entry.task == "classification" else f" {entry.task.capitalize()}."
    return f"{entry.title}, {fmt.short_count(entry.parameters)} parameters.{task}"


def _other_source(key: str) -> None:
    source = st.session_state["set-source"]
    st.session_state[key] = next(name for name, entry in catalogue().items() if entry.source == source)


def _fetch(download: Download) -> None:
    fetchings().start(download)


def _weights(entry: Entry) -> None:
    assert entry.download is not None
    fetching = fetchings().of(entry.download)
    if fetching is not None and fetching.active:
        _progress(fetching)
    elif entry.availability == "on disk":
        st.caption(f"Weights on disk. Licence: {entry.licence}.")
    else:
        if fetching is not None and fetching.reason:
            st.caption(f":red[{fetching.reason}]")
        size = f"{entry.download.size / 2**20:,.0f} MB"
        label = "Go on with the download" if fetching is not None and fetching.done else f"Download weights, {size}"
        st.button(label, key="fetch", width="stretch", on_click=_fetch, args=(entry.download,))
        st.caption(f"Licence: {entry.licence}. Or give a file below, or tick random weights.")


@st.fragment(run_every=TICK)
def _progress(fetching: Fetching) -> None:
    if not fetching.active:
        st.rerun()
    done, total = fetching.done / 2**20, fetching.total / 2**20
    st.progress(fetching.share, f"{done:,.1f} of {total:,.0f} MB")
    st.button("Cancel the download", key="fetch-cancel", width="stretch", on_click=fetching.cancel)
