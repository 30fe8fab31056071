"""Taking a kept run home in any format: it is made and read back first, then it is offered."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from fcpts_core.errors import InputError, RunError
from fcpts_core.store.options import FORMATS
from pages._ui import numbers as fmt
from pages._ui import runs

if TYPE_CHECKING:
    from fcpts_core.store.store import Store


def take_home(key: str, place: str) -> None:
    """A choice of formats, a button that makes the file, and the download once it was read back."""
    name = st.selectbox("Format", FORMATS, key=f"{place}-format", format_func=_title)
    chosen = f"{place}-made"
    st.button(
        "Prepare", key=f"{place}-prepare", icon=":material/inventory_2:", on_click=_choose, args=(chosen, key, name)
    )
    if st.session_state.get(chosen) != (key, name):
        return
    store = runs.keeping().store()
    try:
        if store is None:
            raise InputError(runs.keeping().trouble)
        content, file, mime = _made(store, key, name)
    except (InputError, RunError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.download_button(
        f"Download {file}",
        data=content,
        file_name=file,
        mime=mime,
        key=f"{place}-download",
        icon=":material/download:",
        on_click="ignore",
        help=f"{fmt.count(len(content))} bytes, read back and compared",
    )
    st.caption(f"{fmt.size(len(content))}, read back and compared.")


@lru_cache(maxsize=4)
def _made(store: Store, key: str, name: str) -> tuple[bytes, str, str]:
    from fcpts_core.export.formats import FORMATS as ALL
    from fcpts_core.export.formats import export
    from fcpts_core.export.source import source_of

    return export(source_of(store, key), name), ALL[name].file, ALL[name].mime


def _title(name: str) -> str:
    from fcpts_core.export.formats import FORMATS as ALL

    return ALL[name].title


def _choose(place: str, key: str, name: str) -> None:
    st.session_state[place] = (key, name)
