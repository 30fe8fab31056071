"""A whole network through second-order pruning: each layer's support and its least squares, in order."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fcpts_core.engine.events import Allocated, Phase
from fcpts_core.masks.patterns import pattern
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.norms import rebase
from fcpts_core.reconstruction.training import zero_out
from fcpts_core.second_order.observed import Observed
from fcpts_core.second_order.problem import solve_on
from fcpts_core.second_order.sequential import Solve, solve_in_order
from fcpts_core.second_order.supports import SUPPORTS
from fcpts_core.within import Tell, told_within

MOST_NUMBERS = 2**29
"""Numbers in the largest tensor of all doubled batches, 2 GiB: it decides how many images are looked at."""

AT_ONCE = 2**26
"""Numbers in the largest tensor of one doubled batch, 256 MiB: its pass needs several of them."""


After = Callable[[int, Observed], None]
"""Index of a layer that has been solved, and what is known of it now."""


def second_order_start(problem: Problem, shares: tuple[float, ...], after: After | None = None) -> Telling[None]:
    """Prunes every layer to its share and gives the kept weights (and biases) their least-squares values.

    Layers that are neither Conv2d nor Linear, or that are not called, are pruned by magnitude. What is zero in the
    dense network stays zero. In the end the norms get the statistics of what they are given now: least squares leaves
    smaller deviations than they remember, and whoever lets them go by a batch's own would undo that (see
    `norms.rebase`).
    After each layer it tells what all layers have reached, and `after` is called.
    """

    def work(tell: Tell[Phase | Allocated]) -> None:
        solve, waiting = _told(problem, shares, tell), set(range(len(shares)))

        def solve_called(index: int, known: Observed | None) -> Tensor | None:
            waiting.discard(index)
            found = solve(index, known)
            if after is not None and known is not None and found is not None:
                after(index, known.solved(found))
            return found

        solve_in_order(
            problem.student,
            problem.layers,
            affordable(problem),
            solve_called,
            positions=problem.settings.positions,
            seed=problem.seed,
        )
        for index in sorted(waiting):  # the network never calls these layers, or hands their weights to a function
            solve(index, None)

    yield from told_within(work)
    rebase(problem.student, problem.images)


def _told(problem: Problem, shares: tuple[float, ...], tell: Tell[Phase | Allocated]) -> Solve:
    """Solves one layer after the other and tells of each; layers not solved yet have the zeros that they came with."""
    inner, solved = _solver(problem, shares), 0
    weights = [layer.weight.detach() for layer in problem.layers]
    reached = [1 - int(weight.count_nonzero()) / weight.numel() for weight in weights]

    def say() -> None:
        tell(Allocated(tuple(reached)))
        if solved < len(shares):
            tell(Phase(f"solving layer {solved + 1} of {len(shares)}", solved / len(shares)))

    def solve(index: int, known: Observed | None) -> Tensor | None:
        nonlocal solved
        found, solved = inner(index, known), solved + 1
        reached[index] = shares[index]
        say()
        return found

    say()
    return solve


def _solver(problem: Problem, shares: tuple[float, ...]) -> Solve:
    """What gives one layer after the other its support and the weights on it."""
    settings, layers, counts = problem.settings, problem.layers, problem.counts(shares)
    kind, support, dense = pattern(settings.pattern), SUPPORTS[settings.start], problem.dense

    def solve(index: int, known: Observed | None) -> Tensor | None:
        layer, zeros = layers[index], counts[index]
        if known is None:
            weight = layer.weight.detach()
            zero_out([weight], [kind.choose(weight.abs(), zeros)])
            return None

        # A weight that the model came without stays away, whatever least squares would make of it.
        absent = dense[index] == 0

        def choose(scores: Tensor) -> Tensor:
            return kind.choose(scores.reshape(layer.shape).masked_fill(absent, -1), zeros).reshape(scores.shape)

        task = known.problem(settings.damping or known.damping(choose, problem.seed + index))
        return solve_on(task, support(task, choose))

    return solve


@torch.no_grad()
def affordable(problem: Problem) -> tuple[Tensor, ...]:
    """The first images, in batches that may pass at once, by the largest tensor of the network for one of them."""
    largest = problem.images.inputs(torch.arange(1)).numel()

    def look(module: nn.Module, args: object, output: object) -> None:
        nonlocal largest
        if isinstance(output, Tensor):
            largest = max(largest, output.numel())

    handles = [part.register_forward_hook(look) for part in problem.teacher.modules()]
    try:
        problem.teacher(problem.images.inputs(torch.arange(1)).to(problem.device))
    finally:
        for handle in handles:
            handle.remove()
    images = torch.arange(max(1, min(len(problem.images), MOST_NUMBERS // (2 * largest))))
    together = max(1, AT_ONCE // (2 * largest))
    return tuple(problem.images.inputs(part).to(problem.device) for part in images.split(together))
