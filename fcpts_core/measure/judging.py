"""How good networks are at their task on the test images: by labels where there are some, and by their agreement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from fcpts_core.data.images import ImageSet
from fcpts_core.silently import Shares, by_percent, returned
from fcpts_core.tasks.task import Figures, Task


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a network `said` of the test images, and its `measures`, empty without labels."""

    said: Any
    measures: Figures = field(default_factory=dict)

    @property
    def main(self) -> float | None:
        return main(self.measures)


@dataclass(frozen=True, eq=False)
class Judge:
    """`test` None is no test at all: then nothing is said and nothing measured."""

    task: Task
    test: ImageSet | None
    device: torch.device

    def judgement(self, network: nn.Module) -> Judgement:
        return returned(self.judging(network))

    def judging(self, network: nn.Module) -> Shares[Judgement]:
        """The same, telling how much is behind."""
        if self.test is None:
            return Judgement(None)
        said = yield from by_percent(self.task.predicting(network, self.test, self.device))
        return Judgement(said, self.task.judged(said, self.test) if self.task.labelled(self.test) else {})

    def agreements(self, judgement: Judgement, dense: Judgement) -> Figures:
        """How far two networks agree, empty without test images."""
        return {} if self.test is None else self.task.agreed(judgement.said, dense.said)


def main(figures: Figures) -> float | None:
    """The first figure, which is the main one; None where there is none."""
    return next(iter(figures.values()), None)
