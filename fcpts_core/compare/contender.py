"""A method as a comparison names it: `METHOD`, or `METHOD:KEY=VALUE:KEY=VALUE` where settings are changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import shorten

from fcpts_core.errors import InputError
from fcpts_core.methods import settings_for

MOST = 50
"""Characters of a value that readers are shown: sparsities by hand may name every layer."""


@dataclass(frozen=True)
class Contender:
    """A method, perhaps with some settings changed."""

    text: str
    method: str
    overrides: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> Contender:
        """From the text; one that cannot be read is an InputError."""
        method, *pairs = text.split(":")
        for pair in _rejoined(pairs):
            if not all(pair.partition("=")):
                raise InputError(f"{pair!r} in {text!r} is no setting: expected KEY=VALUE, such as allocation=erk.")
        return cls(text, method, {name: value for name, _, value in (pair.partition("=") for pair in _rejoined(pairs))})

    @property
    def changes(self) -> str:
        """What is changed, for readers: `steps=20, pattern=2:4`; empty for a plain method, many words cut short."""
        return ", ".join(f"{name}={shorten(value, MOST, placeholder=' …')}" for name, value in self.overrides.items())

    def checked(self) -> Contender:
        """The same; an InputError where there is no such method, or its settings cannot be these."""
        settings_for(self.method, self.overrides)
        return self

    def having(self, name: str, value: str) -> Contender:
        """With one more setting changed; what is changed already is changed anew."""
        return Contender.of(self.method, {**self.overrides, name: value})

    @classmethod
    def of(cls, method: str, overrides: Mapping[str, str]) -> Contender:
        """From its parts."""
        return cls(":".join([method, *(f"{name}={value}" for name, value in overrides.items())]), method, overrides)


def _rejoined(pairs: list[str]) -> list[str]:
    """The settings, with a colon that belongs to a value (`pattern=2:4`) put back: what follows it is no setting."""
    found: list[str] = []
    for pair in pairs:
        if found and "=" not in pair and pair:
            found[-1] = f"{found[-1]}:{pair}"
        else:
            found.append(pair)
    return found
