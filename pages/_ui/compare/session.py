"""What one browser remembers of the page of comparisons, and the address that mirrors it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages._ui.compare.settings import from_address, to_address

KEY = "compare"


@dataclass
class Memory:
    """`values` are the choices, `own` the id of the reader's comparison, `remarks` what they must be told once.

    `sparsities` and `variants` (methods with settings of their own) are all that were ever chosen, to be offered again.
    """

    values: dict[str, Any]
    own: str | None = None
    remarks: list[str] = field(default_factory=list)
    settled: bool = False
    sparsities: set[float] = field(default_factory=set)
    variants: set[str] = field(default_factory=set)


def memory() -> Memory:
    """That of this browser; on the first run of a session everything is taken from the address."""
    found = st.session_state.get(KEY)
    if not isinstance(found, Memory):
        values, remarks = from_address(st.query_params.to_dict())
        found = Memory(values, values.pop("comparison", None), remarks)
        st.session_state[KEY] = found
    return found


def remember(**changed: Any) -> None:
    """Keep changed choices; remarks that were made about others have had their time."""
    own = memory()
    values = {**own.values, **changed}
    if own.settled and values != own.values:
        own.remarks = []
    own.settled = True
    own.values = values


def leave_out(usable: Sequence[str]) -> None:
    """Forget models that cannot be compared here, and say so."""
    own = memory()
    for model in [name for name in own.values["models"] if name not in usable]:
        own.remarks.append(
            f"{model} comes without weights and images: give yours on the Playground, then it can be chosen here."
        )
    own.values = {**own.values, "models": tuple(name for name in own.values["models"] if name in usable)}


def mirror() -> None:
    """Let the address say what the page shows; nothing is sent where it does already."""
    own = memory()
    wanted = to_address({**own.values, "comparison": own.own})
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def remarks() -> None:
    """Say what the reader must be told."""
    for remark in memory().remarks:
        st.info(remark, icon=":material/info:")
