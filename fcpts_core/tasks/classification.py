"""One class for each image: top-1 and top-5 accuracy, and how often two networks name the same class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.measure.accuracy import telling_batches
from fcpts_core.silently import Shares, returned
from fcpts_core.tasks.task import Figures, main_output

MANY = 5


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of the largest logit `[N]`, and those of the five largest `[N, 5]`, or of all where there are fewer."""

    first: Tensor
    best: Tensor


@dataclass(frozen=True)
class Classification:
    name: str = "classification"
    measures: tuple[str, ...] = ("top-1", "top-5")
    agreements: tuple[str, ...] = ("agreement",)
    objectives: frozenset[str] | None = None

    def rows(self, network: nn.Module, batch: Tensor) -> Tensor:
        """The logits, `[B, classes]`."""
        return main_output(network(batch))

    def predict(self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None) -> Classes:
        return returned(self.predicting(network, images, device))

    def predicting(
        self, network: nn.Module, images: ImageSet, device: torch.device | str | None = None
    ) -> Shares[Classes]:
        def classes(batch: Tensor) -> tuple[Tensor, Tensor]:
            logits = self.rows(network, batch)
            return logits.argmax(dim=1).cpu(), logits.topk(min(MANY, logits.shape[1]), dim=1).indices.cpu()

        found = yield from telling_batches(network, images, classes, device=device)
        return Classes(torch.cat([first for first, _ in found]), torch.cat([best for _, best in found]))

    def labelled(self, images: ImageSet) -> bool:
        return images.labels is not None and images.labels.ndim == 1

    def judged(self, said: Classes, images: ImageSet) -> Figures:
        assert images.labels is not None
        among = (said.best == images.labels[:, None]).any(dim=1)
        return {"top-1": _share(said.first == images.labels), "top-5": _share(among)}

    def agreed(self, said: Classes, others: Classes) -> Figures:
        return {"agreement": _share(said.first == others.first)}


def _share(hits: Tensor) -> float:
    return int(hits.sum()) / len(hits)
