"""What one browser remembers of one page, and the address that mirrors it; for pages whose state is a few fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages._ui.url import Field, read, write


@dataclass
class Memory:
    """`values` are the settings as last seen; those at their default do not stand in the address."""

    fields: Sequence[Field]
    defaults: Mapping[str, Any]
    values: dict[str, Any]
    remarks: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name, self.defaults.get(name))

    def keep(self, **changed: Any) -> None:
        """Remember; None forgets."""
        self.values = {**self.values, **changed}

    def mirror(self) -> None:
        """Let the address say what the page shows; nothing is sent where it does already."""
        wanted = write(self.values, self.defaults, self.fields)
        if st.query_params.to_dict() != wanted:
            st.query_params.from_dict(wanted)

    def say(self) -> None:
        """What the reader must be told, once."""
        for remark in self.remarks:
            st.info(remark, icon=":material/info:")
        self.remarks = []


def memory(page: str, fields: Sequence[Field], defaults: Mapping[str, Any]) -> Memory:
    """That of this browser for `page`; on the first visit of a session everything is taken from the address."""
    key = f"memory-{page}"
    found = st.session_state.get(key)
    if not isinstance(found, Memory):
        values, remarks = read(st.query_params.to_dict(), fields)
        found = Memory(fields, defaults, values, remarks)
        st.session_state[key] = found
    return found
