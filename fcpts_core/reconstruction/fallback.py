"""What a second-order start has found is kept where learning made it worse.

Least squares solves each layer as well as the images let it. Few steps over few large images may add more noise than
they take away: of MobileNetV1, 60 steps of 32 images left answers that were further from the dense network's on the
very images they had learned from. So both are asked of the last `ASKED` calibration images, in eval mode, each with the
norm statistics it would be used with:

    D = mean over the rows of  KL(softmax z' || softmax z)        `z'` of the dense network

(rows of one number, which are no classes, by their mean square difference), and the start is kept if its `D` is the
smaller one; in stages on the way, if it is less than half. It costs two passes of these images a stage, and no image is
held back from learning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.bookmark import fill, tensors_of
from fcpts_core.engine.events import Allocated, Phase
from fcpts_core.measure.accuracy import batch_for
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.norms import norm_mode
from fcpts_core.reconstruction.settings import Settings

ASKED = 256
"""The last ones: where not all images fit into a start, it has not seen these."""

ON_THE_WAY = 2.0
"""How many times the `D` of its start a stage may come to that is not the last one. There least squares leaves next to
nothing to learn, and a little that is lost is made good later."""


def may_be_kept(settings: Settings) -> bool:
    return settings.keep_start and settings.solves and settings.steps > 0


@dataclass(frozen=True, eq=False)
class Start:
    """All `tensors` of the student at the start, the distance `D` of its answers, and what its layers had reached."""

    tensors: dict[str, Tensor]
    distance: float
    shares: tuple[float, ...]

    @classmethod
    def of(cls, problem: Problem) -> Start:
        counts = [(int(layer.weight.count_nonzero()), layer.weights) for layer in problem.layers]
        shares = tuple(1 - kept / weights for kept, weights in counts)
        return cls(tensors_of(problem.student), answers_apart(problem), shares)

    def kept_if_better(self, problem: Problem, times: float = 1.0) -> Telling[bool]:
        """Sets the student back if `D` is now more than so many `times` what it was; says whether it did."""
        yield Phase("comparing the answers with those before learning")
        learned = answers_apart(problem)
        if learned <= times * self.distance or not math.isfinite(self.distance):
            return False
        fill(problem.student, self.tensors)
        yield Allocated(self.shares)
        problem.bookmark.note(
            f"Learning at {problem.sparsity:.1%} zeros was undone: it made the answers to the calibration images worse "
            f"(distance from the dense model {learned:.2g}, {self.distance:.2g} before). A smaller learning rate or "
            "more steps may help."
        )
        return True


@torch.no_grad()
def answers_apart(problem: Problem) -> float:
    """`D`, how far the student's answers are from the dense network's on the last `ASKED` calibration images."""
    images = problem.images.without(max(0, len(problem.images) - ASKED))
    apart, rows = 0.0, 0
    for part in torch.arange(len(images)).split(batch_for(images)):
        batch = images.inputs(part).to(problem.device)
        said, meant = (_rows(problem, network, batch) for network in (problem.student, problem.teacher))
        apart, rows = apart + float(_apart(said, meant)), rows + len(said)
    return apart / max(rows, 1)


def _rows(problem: Problem, network: nn.Module, batch: Tensor) -> Tensor:
    with norm_mode(network, "eval"):
        return problem.task.rows(network, batch).float()


def _apart(said: Tensor, meant: Tensor) -> Tensor:
    """Summed over the rows `[R, C]`."""
    if said.shape[1] == 1:
        return (said - meant).square().sum()
    return F.kl_div(said.log_softmax(1), meant.log_softmax(1), reduction="sum", log_target=True)
