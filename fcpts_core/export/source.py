"""What is exported: one finished run with its settings, its figures, its tensors and all that it told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Finished, Result
from fcpts_core.errors import InputError
from fcpts_core.models.cards import card
from fcpts_core.models.layers import PrunableLayer, all_layers
from fcpts_core.store.folder import MODEL

if TYPE_CHECKING:
    from fcpts_core.store.store import Store


@dataclass(frozen=True, eq=False)
class Source:
    """`tensors` are the state dict with its exact zeros; `threads` the torch threads of the run."""

    key: str
    config: RunConfig
    result: Result
    tensors: Mapping[str, Tensor]
    events: tuple[Event, ...]
    threads: int

    @cached_property
    def network(self) -> nn.Module:
        """The sparse network in eval mode, built from its tensors alone: the file it came from is not needed."""
        network: nn.Module = card(self.config.model).build(self.tensors)
        network.load_state_dict(dict(self.tensors), strict=False)
        return network.eval()

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of one image."""
        chosen = card(self.config.model)
        channels = int(getattr(self.network, "channels", chosen.channels))
        return (channels, *chosen.input_size)

    def images(self, count: int) -> Tensor:
        """Made-up images `[count, C, H, W]`, as numbers of the size that normalised pixels have; always the same."""
        generator = torch.Generator().manual_seed(0)
        return torch.randn(count, *self.input_shape, generator=generator)

    @property
    def layers(self) -> tuple[PrunableLayer, ...]:
        """The layers of the result, in its order."""
        found = {layer.name: layer for layer in all_layers(self.network)}
        return tuple(found[row.name] for row in self.result.layers)


def source_of(store: Store, key: str) -> Source:
    """The finished run of that id; an InputError where there is none, or where its files cannot be read."""
    from safetensors.torch import load_file

    record, folder = store.get(key), store.folder(key)
    if record.state.value != "done":
        raise InputError(
            f"The run {key} is {record.state.value}: only a run that is done can be exported; `fcpts resume {key}` "
            "goes on with one that was cut off."
        )
    events = folder.events()
    last = events[-1] if events else None
    try:
        tensors = load_file(folder.path / MODEL)
    except Exception as error:  # the reader of safetensors raises its own errors
        raise InputError(f"The model of the run {key} cannot be read ({error}): run it again.") from None
    if not isinstance(last, Finished):
        raise InputError(f"The record of the run {key} has no end: run it again.")
    return Source(key, record.run_config, last.result, tensors, events, record.threads)
