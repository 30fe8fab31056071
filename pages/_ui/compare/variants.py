"""Methods with settings of their own: one more entry in the list of methods, built from three choices."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import streamlit as st

from fcpts_core.compare.contender import Contender
from fcpts_core.errors import InputError
from fcpts_core.methods import METHODS, settings_for
from fcpts_core.reconstruction.settings import CHOICES, RANGES, Settings
from pages._ui.compare.session import memory
from pages._ui.theme import style_of

FIRST = ("allocation", "reconstruction", "steps", "start", "budget", "pattern")
"""The settings that readers ask for first stand first."""


def settings_of_methods(methods_key: str) -> None:
    """The place to change a setting of one method, below the list whose widget has the key `methods_key`."""
    chosen = memory().values["methods"]
    with st.popover("Settings of a method", icon=":material/tune:", width="stretch", disabled=not chosen):
        st.caption("The method with this setting joins the others, so that both can be compared.")
        method = st.selectbox("Method", chosen, format_func=lambda text: style_of(text).label, key="variant-method")
        if method is None:
            return
        now = settings_for(*_parts(method))
        name = st.selectbox("Setting", _names(), key="variant-setting")
        value = _value(name, getattr(now, name))
        problem = _problem(method, name, value)
        if problem:
            st.caption(problem)
        st.button(
            "Add",
            key="variant-add",
            disabled=bool(problem),
            on_click=_add,
            args=(methods_key, method, name, value),
            width="stretch",
        )


def _parts(text: str) -> tuple[str, dict[str, str]]:
    contender = Contender.read(text)
    return contender.method, dict(contender.overrides)


def _names() -> list[str]:
    known = [item.name for item in fields(Settings)]
    return [*FIRST, *sorted(set(known) - set(FIRST))]


def _value(name: str, now: Any) -> str:
    """What the setting shall be, as text; begins with what it is."""
    key = f"variant-value-{name}"
    allowed = _allowed(name, now)
    if allowed:
        found: str = st.selectbox("Value", allowed, index=allowed.index(str(now).lower()), key=key)
        return found
    expected = RANGES[name][1] if name in RANGES else None
    return st.text_input("Value", f"{now:g}" if isinstance(now, float) else str(now), key=key, help=expected).strip()


def _allowed(name: str, now: Any) -> list[str]:
    from fcpts_core.allocation.registry import ALLOCATIONS
    from fcpts_core.reconstruction.registry import RECONSTRUCTIONS

    registries = {"allocation": list(ALLOCATIONS), "reconstruction": list(RECONSTRUCTIONS)}
    if isinstance(now, bool):
        return ["true", "false"]
    return registries.get(name, list(CHOICES.get(name, ())))


def _having(method: str, name: str, value: str) -> Contender:
    """The method with this setting; who says sparsities by hand wants the allocation by hand."""
    before = Contender.read(method)
    return (before.having("allocation", "given") if name == "given" else before).having(name, value)


def _problem(method: str, name: str, value: str) -> str:
    """Why this cannot be added; empty where it can."""
    if any(mark in value for mark in ",=") or not value:
        return f"{name} needs a value."
    try:
        made = _having(method, name, value).checked()
    except InputError as error:
        return str(error)
    if settings_for(made.method, made.overrides) == settings_for(*_parts(method)):
        return "This is what it has already."
    if made.text in memory().values["methods"]:
        return "This one is among the methods already."
    return ""


def _add(methods_key: str, method: str, name: str, value: str) -> None:
    made = _having(method, name, value).text
    chosen = [*st.session_state[methods_key], made]
    memory().variants.add(made)
    st.session_state[methods_key] = chosen


def all_methods() -> list[str]:
    """All methods, each followed by the variants of it that were ever made or named in the address."""
    mine = memory()
    mine.variants |= {text for text in mine.values["methods"] if text not in METHODS}
    return [text for name in METHODS for text in (name, *sorted(v for v in mine.variants if _parts(v)[0] == name))]
