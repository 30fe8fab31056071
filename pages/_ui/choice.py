"""Choosing a layer of a model at hand: the bundled ones, and those whose weights the reader gave on the Playground."""

from __future__ import annotations

from fcpts_core.models.cards import MODELS
from pages._ui import runs


def models_at_hand() -> dict[str, str | None]:
    """Names of the models that can be looked at, and the files of those that do not bring their own weights."""
    found: dict[str, str | None] = {}
    for name, card in MODELS.items():
        if card.bundled:
            found[name] = None
        elif weights := runs.own_files(name).weights:
            found[name] = weights
    return found


def widest(names: tuple[str, ...], sizes: tuple[int, ...]) -> str:
    """The layer with most weights; the first of several."""
    return names[max(range(len(names)), key=lambda index: sizes[index])]
