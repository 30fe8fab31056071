"""Pruning in stages: a few sparsities on the way to the target, at each of them supports are found and weights learn.

A support that is found at once for a high sparsity is found on a network that will look different afterwards. So the
way there is cut into `S` stages. With `k_l` the keep ratio of layer `l` in the end, stage `s = 1..S` prunes to

    k_l(s) = k_l^e(s),        e(s) = e_1 + (1 - e_1) (s - 1) / (S - 1),        e_1 = `stage_start`

so every stage removes about the same share of what is left (`stages = 1` goes to the target at once; networks with
layer norms alone have `layer_norm_stages`, see `count_of`). The weights that learned in one stage are what the next
one's second-order start prunes. Of the steps, the share `ramp` is split evenly among all stages but the last. All
learn at the rate of the target (`rate_of`). Gradual second-order pruning is known from language models (Kurtic et al.,
oBERT, EMNLP 2022); here it needs no labels and no more images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fcpts_core.allocation.counts import Budget
from fcpts_core.allocation.respect import respect
from fcpts_core.masks.patterns import UNSTRUCTURED
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.norms import norm_layers
from fcpts_core.reconstruction.schedule import rate_at
from fcpts_core.reconstruction.unfolding import has_norms

SEED_STRIDE = 10_007  # every stage shuffles its images anew


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage: `problem` and `shares` `[L]` are those of its own sparsity; `before` steps were taken earlier."""

    number: int
    of: int
    problem: Problem
    shares: tuple[float, ...]
    before: int

    @property
    def last(self) -> bool:
        return self.number == self.of


def stages(problem: Problem, shares: tuple[float, ...]) -> Iterator[Stage]:
    """The stages on the way to `shares` `[L]`; the last one is the target, met exactly.

    Patterns ask for many zeros at once, so only the last stage has to follow them.
    """
    count, problem = count_of(problem), _paced(problem)
    settings = problem.settings
    if count == 1:
        # The ramp was the other stages' share of the steps, not a way to the target that learning has to go.
        alone = problem if settings.stages == 1 else replace(problem, settings=settings.changed({"ramp": 0.0}))
        yield Stage(1, 1, alone, shares, 0)
        return
    steps = round(settings.ramp * settings.steps / (count - 1))
    own = settings.changed({"steps": steps, "ramp": 0.0, "pattern": UNSTRUCTURED.text})
    for early in range(count - 1):
        exponent = settings.stage_start + (1 - settings.stage_start) * early / (count - 1)
        budget, wishes = _on_the_way(problem, shares, exponent)
        task = replace(
            problem,
            sparsity=budget.zeros / problem.total,
            zeros=budget.zeros,
            settings=own,
            seed=problem.seed + early * SEED_STRIDE,
        )
        yield Stage(early + 1, count, task, wishes, early * steps)
    taken = (count - 1) * steps
    own = settings.changed({"steps": settings.steps - taken, "ramp": 0.0})
    task = replace(problem, settings=own, seed=problem.seed + (count - 1) * SEED_STRIDE)
    yield Stage(count, count, task, shares, taken)


def rate_of(problem: Problem) -> float:
    """The peak rate of the weights: that of the target, and `layer_norm_rate` times it without batch norms.

    A batch norm right behind a layer makes the network indifferent to the scale of the layer's weights, so any rate
    settles. The norms of a transformer stand before its layers; steps that are right for a convolutional network
    throw away there what a second-order start has found. A network without any norm has its own bound (`bounding`).
    """
    settings = problem.settings
    rate = rate_at(settings, problem.sparsity)
    return rate * settings.layer_norm_rate if _layer_norms_alone(problem) else rate


def count_of(problem: Problem) -> int:
    """How many stages: `stages`, and `layer_norm_stages` without batch norms unless that is 0.

    What learning changes on the way is what the next start has to imitate. Batch norms take up most of it; between
    layer norms it adds up, and a support found at once on the dense weights is the better one.
    """
    settings = problem.settings
    own = settings.layer_norm_stages if _layer_norms_alone(problem) else 0
    return own or settings.stages


def _layer_norms_alone(problem: Problem) -> bool:
    return has_norms(problem.student) and not norm_layers(problem.student)


def _paced(problem: Problem) -> Problem:
    """The problem with its learning rate, the same in all stages."""
    if problem.settings.rate_power == 0 and problem.settings.layer_norm_rate == 1:
        return problem
    settings = {"learning_rate": rate_of(problem), "rate_power": 0.0, "layer_norm_rate": 1.0}
    return replace(problem, settings=problem.settings.changed(settings))


def _on_the_way(problem: Problem, shares: tuple[float, ...], exponent: float) -> tuple[Budget, tuple[float, ...]]:
    """The sparsities `[L]` where every keep ratio is raised to `exponent`, in whole zeros, and their budget."""
    wishes = tuple(1 - (1 - share) ** exponent for share in shares)
    floors = [weight.numel() - int(weight.count_nonzero()) for weight in problem.dense]
    zeros = [max(count, floor) for count, floor in zip(problem.counts(wishes), floors, strict=True)]
    budget = Budget.of(problem.dense, problem.share(zeros), worth=problem.worth)
    return budget, respect(wishes, budget)
