"""What every allocation and every reconstruction is given, and how they tell what they do.

Both are generators: they yield a `Phase` where something new begins, an `Allocated` where the allocation becomes known
or changes between steps, a `Sensed` for a table that is of use to others, and a `Measured` for every learning step, and
return what they found. So any two of them make a method, and whoever follows may stop between any two steps. What the
reader of the result must know they leave in the problem's `bookmark`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, nn

from fcpts_core.allocation.sensitivity import Sensitivity
from fcpts_core.bookmark import Bookmark
from fcpts_core.bridge.budget import worth_of
from fcpts_core.data.images import ImageSet
from fcpts_core.engine.events import Allocated, Measured, Phase, Sensed
from fcpts_core.models.layers import PrunableLayer
from fcpts_core.reconstruction.settings import Settings
from fcpts_core.silently import returned
from fcpts_core.tasks.classification import Classification
from fcpts_core.tasks.task import Task

Found = TypeVar("Found")

CLASSIFICATION = Classification()


@dataclass(frozen=True, eq=False)
class Problem:
    """Two copies of the network, the layers of the student's, the images and the goal: `zeros` of all their weights.

    With a `worth` `[L]`, the goal counts each zero of layer `l` so many times: the multiply-adds that it saves. The
    `bookmark` says where the solution stands, for a run that is to be gone on with later. `sensitivities` were measured
    before, for the allocation that needs them.
    `task` says what of the outputs is compared, and how good they are.
    """

    student: nn.Module
    teacher: nn.Module
    layers: tuple[PrunableLayer, ...]
    images: ImageSet
    sparsity: float
    zeros: int
    settings: Settings
    seed: int
    worth: tuple[int, ...] = ()
    sensitivities: Sensitivity | None = None
    bookmark: Bookmark = field(default_factory=Bookmark)
    task: Task = CLASSIFICATION

    @property
    def total(self) -> int:
        """How many weights the layers have, `N`, or what all of them are worth."""
        return worth_of([layer.weights for layer in self.layers], self.worth)

    @property
    def worths(self) -> tuple[int, ...]:
        """What a zero of each layer counts, `[L]`."""
        return self.worth or (1,) * len(self.layers)

    def share(self, counts: Sequence[int]) -> float:
        """How much of the total so many zeros `[L]` are, to be compared with the target."""
        return worth_of(counts, self.worth) / self.total

    @property
    def device(self) -> torch.device:
        return self.layers[0].weight.device

    @property
    def dense(self) -> tuple[Tensor, ...]:
        """The weights of the layers in the dense network, `[L]`."""
        return tuple(self.teacher.get_submodule(layer.name).weight.detach() for layer in self.layers)  # type: ignore[operator]

    def counts(self, shares: tuple[float, ...]) -> tuple[int, ...]:
        """How many zeros each layer gets at these sparsities, `[L]`."""
        return tuple(round(share * layer.weights) for share, layer in zip(shares, self.layers, strict=True))


Told = Phase | Allocated | Sensed | Measured
Telling = Generator[Told, None, Found]


def told_silently(telling: Telling[Found]) -> Found:
    """What the generator returns, whatever it tells on the way."""
    return returned(telling)
