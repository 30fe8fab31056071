"""What the targets of a comparison are shares of, in words: zero weights, or multiply-adds that fall away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from fcpts_core.compare.table import Row
from fcpts_core.methods import settings_for
from pages._ui import numbers as fmt

FLOPS = "flops"


class Goal(Enum):
    """The words for one target `R`, for several, for an axis and for a button."""

    SPARSITY = ("at {} sparsity", "sparsities", "target sparsity", "Sparsity looked at")
    FLOPS = ("with {} of the multiply-adds removed", "targets", "share of multiply-adds removed", "Share looked at")
    BOTH = ("at a target of {}", "targets", "target, of weights or of multiply-adds", "Target looked at")

    @property
    def one(self) -> str:
        """The word for one target."""
        return "sparsity" if self is Goal.SPARSITY else "target"

    @property
    def several(self) -> str:
        return self.value[1]

    @property
    def axis(self) -> str:
        return self.value[2]

    @property
    def lens(self) -> str:
        return self.value[3]

    def at(self, target: float) -> str:
        """A target in words, as `at 95 % sparsity`."""
        return self.value[0].format(brief(target))


def goal_of(methods: Iterable[tuple[str, Mapping[str, Any]]]) -> Goal:
    """What the targets of all methods, given with their own settings, mean; or that they mean different things."""
    budgets = {settings_for(method, overrides).budget for method, overrides in methods}
    return Goal.SPARSITY if FLOPS not in budgets else Goal.FLOPS if len(budgets) == 1 else Goal.BOTH


def row_words(row: Row) -> str:
    """The target that one figure is for; beside a share of multiply-adds the sparsity that it came to."""
    if row.budget != FLOPS:
        return Goal.SPARSITY.at(row.target_sparsity)
    return f"{Goal.FLOPS.at(row.target_sparsity)}<br>sparsity {fmt.percent(row.sparsity, 2)}"


def brief(target: float) -> str:
    """A target without a decimal that says nothing: `95 %`, `99.5 %`."""
    return fmt.percent(target, 0 if round(100 * target, 6).is_integer() else 1)
