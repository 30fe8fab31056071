"""Sparsities by hand: the user says those of some layers or of all.

They are said as `conv1@0.5 layer3.*@0.97`, rules apart by spaces, each a pattern of layers and a sparsity; the first
rule that fits a layer, by its name or its class, counts for it. Named layers get what is said, as far as their bounds
allow, and all others share the rest, `r_l = r`. Where every layer is named and the budget is not met, the target
prevails: each keeps `k_l = min(1, C (1 - r_l))`, `C` such that it is met.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fcpts_core.allocation.counts import Budget, fill, keep_in_proportion
from fcpts_core.bridge.budget import fewest
from fcpts_core.errors import InputError
from fcpts_core.models.layers import PrunableLayer

LEAST = 1e-6
"""The share of a layer that counts as kept where all of it shall go: if the target asks for less, it gets some back."""
EXAMPLE = "such as 'conv1@0.5 layer3.*@0.97'"


@dataclass(frozen=True)
class Rule:
    """Layers that match the pattern (see `PrunableLayer.matches`) get this sparsity."""

    pattern: str
    sparsity: float

    def __str__(self) -> str:
        return f"{self.pattern}@{self.sparsity:.10g}"  # enough to tell apart the zeros of a billion weights


def rules(text: str) -> tuple[Rule, ...]:
    """The rules in `text`; what is none is an InputError."""
    return tuple(map(_rule, text.split()))


def _rule(text: str) -> Rule:
    pattern, _, number = text.rpartition("@")
    try:
        sparsity = float(number)
    except ValueError:
        sparsity = -1.0
    if not pattern or not 0 <= sparsity <= 1:
        raise InputError(f"given holds {text!r}: expected LAYER@SPARSITY with a share from 0 to 1, {EXAMPLE}.")
    return Rule(pattern, sparsity)


def written(layers: Iterable[tuple[str, float]]) -> str:
    """The text that gives each of these layers, by name, its sparsity, to ten digits; inverse of `rules`."""
    return " ".join(str(Rule(name, sparsity)) for name, sparsity in layers)


def from_table(path: str | Path) -> str:
    """The text for all layers of an `allocation.csv`, as a run writes it; a file that is none is an InputError."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = [(row["name"], int(row["zeros"]) / int(row["weights"])) for row in csv.DictReader(file)]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): name a file that is there.") from None
    except (KeyError, TypeError, ValueError, ZeroDivisionError, csv.Error):
        rows = []
    if not rows:
        raise InputError(f"{path} is no table of layers: expected the allocation.csv of a run.")
    return written(rows)


def given(layers: Sequence[PrunableLayer], budget: Budget, said: Sequence[Rule]) -> tuple[float, ...]:
    """The sparsities `[L]` of these layers; rules that fit none of them or leave no way are an InputError."""
    for rule in said:
        if not any(layer.matches(rule.pattern) for layer in layers):
            raise InputError(
                f"given names {rule.pattern!r}, and no layer that is to be pruned fits that: expected a layer's name "
                f"such as {layers[0].name!r}, a wildcard such as '{layers[-1].name.split('.')[0]}*', or a class such "
                f"as {layers[0].kind!r}."
            )
    asked = [next((rule.sparsity for rule in said if layer.matches(rule.pattern)), None) for layer in layers]
    every = [share for share in asked if share is not None]
    return _all_named(every, budget) if len(every) == len(asked) else _others_share(asked, budget)


def _all_named(asked: Sequence[float], budget: Budget) -> tuple[float, ...]:
    counts = [round(share * size) for share, size in zip(asked, budget.sizes, strict=True)]
    if budget.met_by(counts):
        return budget.sparsities(counts)
    parts = [max(1 - share, LEAST) * size for share, size in zip(asked, budget.sizes, strict=True)]
    return keep_in_proportion(budget, parts)


def _others_share(asked: Sequence[float | None], budget: Budget) -> tuple[float, ...]:
    """Named layers are held where they are said to be, by bounds that leave them no room."""
    bounds = zip(asked, budget.sizes, budget.floors, budget.ceilings, strict=True)
    held = [None if share is None else min(max(round(share * size), low), high) for share, size, low, high in bounds]
    floors, ceilings = (
        tuple(bound if count is None else count for bound, count in zip(side, held, strict=True))
        for side in (budget.floors, budget.ceilings)
    )
    least, most = budget.worth_of(floors), budget.worth_of(ceilings)
    if not least <= budget.zeros <= most:
        whole = budget.worth_of(budget.sizes)
        raise InputError(
            f"With the sparsities given the whole network can have {least / whole:.2%} to {most / whole:.2%}, and the "
            f"target is {budget.zeros / whole:.2%}: give other ones, name fewer layers, or choose another target."
        )
    shared = fill(
        replace(budget, floors=floors, ceilings=ceilings), lambda scale: [scale * size for size in budget.sizes]
    )
    counts = [round(share * size) for share, size in zip(shared, budget.sizes, strict=True)]
    return budget.sparsities(fewest(counts, budget.floors, budget.zeros, budget.worths))
