"""How a method comes to its allocation: by a fixed rule, a user's too, a search on images, or thresholds that learn."""

from __future__ import annotations

from enum import StrEnum

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.methods import METHODS


class Kind(StrEnum):
    FIXED = "fixed"
    SEARCHED = "searched"
    LEARNED = "learned"


LEARNS = frozenset({"fcpts", "learned"})
"""Reconstructions and allocations in which thresholds learn."""


def kind_of(label: str) -> Kind:
    """The kind of a method, by its name or by a contender's text (`METHOD:KEY=VALUE`); an unknown one is fixed.

    Where the thresholds learn, the allocation is learned, wherever it starts.
    """
    name, *pairs = label.split(":")
    changed = dict(pair.partition("=")[::2] for pair in pairs)
    method = METHODS.get(name)
    allocation = changed.get("allocation", method.allocation if method else "")
    reconstruction = changed.get("reconstruction", method.reconstruction if method else "")
    if reconstruction in LEARNS or allocation in LEARNS:
        return Kind.LEARNED
    found = ALLOCATIONS.get(allocation)
    return Kind.SEARCHED if found and found.of_network is not None and not found.by_hand else Kind.FIXED
