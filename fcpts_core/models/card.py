"""What is known of a model before any of it is built, and what there is of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from fcpts_core.data.transform import Transform
from fcpts_core.models.catalogue import Download

Build = Callable[[Mapping[str, Tensor]], nn.Module]
Translate = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]

OWN_LICENCE = "that of your checkpoint"


@dataclass(frozen=True)
class ModelCard:
    """A model that runs can be started on.

    `build` makes the network whose shapes a state dict shows, without its values; `translate` gives the tensors of a
    checkpoint the names that the network has. `transform` is how it wants its images unless the user says otherwise;
    `note` is the dense accuracy where it is known. `task` is what it was trained for: "classification", "segmentation"
    or "detection". A bundled model has a file of `weights` and the name of its `data`, "digits"; others have a
    `download`, or nothing but their architecture.
    """

    name: str
    title: str
    family: str
    description: str
    licence: str
    build: Build
    transform: Transform
    flippable: bool
    task: str = "classification"
    source: str = "own"
    note: str = ""
    weights: str | None = None
    data: str | None = None
    download: Download | None = None
    translate: Translate = dict

    @property
    def bundled(self) -> bool:
        return self.weights is not None

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of its images."""
        assert self.transform.size is not None, "a card's images have a size"
        return self.transform.size

    @property
    def channels(self) -> int:
        return len(self.mean)

    @property
    def mean(self) -> tuple[float, ...]:
        return self.transform.mean

    @property
    def std(self) -> tuple[float, ...]:
        return self.transform.std


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network in eval mode with float32 weights; `input_shape` is `(C, H, W)`, `sha256` that of the weights file.

    `transform` is the card's, made neutral where the network takes another number of channels. `notes` are sentences
    that whoever reads a result must know.
    """

    card: ModelCard
    module: nn.Module
    input_shape: tuple[int, int, int]
    classes: int
    transform: Transform
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> tuple[float, ...]:
        return self.transform.mean

    @property
    def std(self) -> tuple[float, ...]:
        return self.transform.std
