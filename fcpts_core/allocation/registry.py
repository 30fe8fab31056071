"""All allocations by name: every one takes the same problem and gives one sparsity a layer, the budget met exactly.

The simple ones look at the weights alone (`of_weights`, pure functions); the others search with the images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from fcpts_core.allocation import OF_WEIGHTS
from fcpts_core.allocation.evolutionary import evolutionary
from fcpts_core.allocation.given import given, rules
from fcpts_core.allocation.learned import learned
from fcpts_core.allocation.measuring import sensitivity
from fcpts_core.allocation.power import power
from fcpts_core.allocation.priced import priced
from fcpts_core.allocation.respect import budget_under
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.settings import Settings

AtOnce = Callable[[Sequence[Tensor], float, Settings, Sequence[int]], tuple[float, ...]]
"""The sparsities `[L]` from the weights `[L]`, the target sparsity, the settings and what zeros are worth `[L]`."""

OfNetwork = Callable[[Problem], Telling[tuple[float, ...]]]
"""The sparsities `[L]` from the whole problem, images included; both networks are left as they were."""


@dataclass(frozen=True)
class Allocation:
    """One way to share the zeros out: at once from the weights (`of_weights`), or by a search (`of_network`).

    `usual` are the settings that differ from `Settings()` where this allocation is chosen; `first` is what a search
    begins with, where the weights alone say that. `by_hand` is one that searches nothing: it is said in the settings.
    """

    name: str
    title: str
    description: str
    of_weights: AtOnce | None = None
    of_network: OfNetwork | None = None
    first: AtOnce | None = None
    by_hand: bool = False
    usual: Mapping[str, Any] = field(default_factory=dict)

    def allocate(self, problem: Problem) -> Telling[tuple[float, ...]]:
        """The sparsities `[L]` of the problem's layers."""
        if self.of_network is not None:
            return (yield from self.of_network(problem))
        assert self.of_weights is not None
        weights = [layer.weight.detach() for layer in problem.layers]
        return self.of_weights(weights, problem.sparsity, problem.settings, problem.worth)

    def before_a_search(
        self, weights: Sequence[Tensor], sparsity: float, settings: Settings, worth: Sequence[int] = ()
    ) -> tuple[float, ...] | None:
        """The sparsities `[L]` that are known before any image was looked at; None where a search begins anywhere."""
        known = self.of_weights or self.first
        return None if known is None else known(weights, sparsity, settings, worth)


def _simple(name: str, title: str, description: str) -> Allocation:
    allocate = OF_WEIGHTS[name]
    return Allocation(
        name,
        title,
        description,
        lambda weights, sparsity, settings, worth: allocate(weights, sparsity, settings.layer_cap, worth),
    )


def _power(weights: Sequence[Tensor], sparsity: float, settings: Settings, worth: Sequence[int]) -> tuple[float, ...]:
    return power(weights, sparsity, settings.layer_cap, settings.keep_power, worth)


def _given(problem: Problem) -> Telling[tuple[float, ...]]:
    yield from ()
    settings = problem.settings
    budget = budget_under(settings.pattern, problem.dense, problem.sparsity, settings.layer_cap, problem.worth)
    return given(problem.layers, budget, rules(settings.given))


ALLOCATIONS: dict[str, Allocation] = {
    allocation.name: allocation
    for allocation in (
        _simple("uniform", "Uniform", "The same sparsity in every layer."),
        _simple(
            "uniform-plus",
            "Uniform+",
            "The first convolution stays dense, the last layer at most 80 % sparse, the others share the rest equally.",
        ),
        _simple("erk", "ERK", "Keep ratio by the sum of a layer's dimensions over their product."),
        _simple("global-magnitude", "Global magnitude", "One threshold on the magnitude for the whole network."),
        _simple(
            "l2-global",
            "L2-normalised global magnitude",
            "One threshold on the magnitude relative to the norm of the layer.",
        ),
        _simple(
            "lamp",
            "LAMP",
            "One threshold on each weight's square over the squares of its layer that are at least as large.",
        ),
        Allocation(
            "power",
            "Power of the size",
            "Keep ratio proportional to a power of the layer's size: the larger a layer, the less of it stays.",
            _power,
        ),
        Allocation(
            "sensitivity",
            "Sensitivity and dynamic programming",
            "Measures what each layer costs alone at a row of sparsities, then finds the cheapest sum.",
            of_network=sensitivity,
        ),
        Allocation(
            "learned",
            "Learned thresholds",
            "Thresholds learn through the bridge, together with the weights, what each layer can give (FCPTS).",
            of_network=learned,
            usual={"keep_floor": 0.65},
        ),
        Allocation(
            "priced",
            "Prices of zeros",
            "Asks a copy pruned by second order what one more zero of each layer costs, and evens the prices out.",
            of_network=priced,
            first=_power,
            usual={"keep_floor": 0.5},
        ),
        Allocation(
            "evolutionary",
            "Evolutionary search",
            "Reduces all layers beyond the target and regrows some weights, where, is found by evolution (UniPTS).",
            of_network=evolutionary,
            usual={"search_steps": 25},
        ),
        Allocation(
            "given",
            "By hand",
            "What the setting given says of some layers or of all, such as conv1@0.5 layer3.*@0.97; the others share "
            "the rest equally.",
            of_network=_given,
            by_hand=True,
        ),
    )
}
