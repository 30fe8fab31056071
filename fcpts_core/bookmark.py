"""Where a run stands, so that it can be put down between any two steps and gone on with later, to the same bits.

A run is a chain of stages (allocation, start, reconstruction). What a finished stage has found is remembered; a loop
inside a stage says how it is saved and how it is set back. All else on the way to the loop is done again, which gives
the same as before, since every stage depends on the problem, its seed and the number of threads alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Told = TypeVar("Told")
Tensors = dict[str, Tensor]
SEPARATOR = "|"


@dataclass
class Saved:
    """Numbers, texts and lists that JSON can hold (`values`), and `tensors` by name."""

    values: dict[str, Any] = field(default_factory=dict)
    tensors: Tensors = field(default_factory=dict)


Save = Callable[[], Saved]
Load = Callable[[Saved], None]


class Bookmark:
    """The place of one run; `stored` is where it goes on from, `start` the weights that a settled start left behind.

    These are held only where they are `wanted`, for who saves them.
    """

    def __init__(self, stored: Saved | None = None, start: Tensors | None = None) -> None:
        values = stored.values if stored else {}
        self.settled: dict[str, Any] = dict(values.get("settled", {}))
        self.start, self.wanted = start, False
        self._loops: dict[str, Saved] = {}
        for path, own in values.get("loops", {}).items():
            prefix = path + SEPARATOR
            tensors = {name.removeprefix(prefix): t for name, t in _tensors(stored).items() if name.startswith(prefix)}
            self._loops[path] = Saved(own, tensors)
        self._open: list[tuple[str, Save | None]] = []

    def state(self) -> Saved | None:
        """All that is needed to go on from here; None outside of loops, where there is nothing to go on with."""
        loops = [("/".join(name for name, _ in self._open[: n + 1]), save) for n, (_, save) in enumerate(self._open)]
        found = {path: save() for path, save in loops if save is not None}
        if not found:
            return None
        tensors = {f"{path}{SEPARATOR}{name}": t for path, saved in found.items() for name, t in saved.tensors.items()}
        loops_of = {path: saved.values for path, saved in found.items()}
        return Saved({"settled": dict(self.settled), "loops": loops_of}, tensors)

    @contextmanager
    def loop(self, name: str, save: Save, load: Load) -> Iterator[None]:
        """A loop that can be saved whenever it tells something; it is set back first, where it was saved before."""
        self._open.append((name, save))
        try:
            if (found := self._loops.pop("/".join(part for part, _ in self._open), None)) is not None:
                load(found)
            yield
        finally:
            self._open.pop()

    @contextmanager
    def values(self, name: str, **begin: Any) -> Iterator[dict[str, Any]]:
        """Values that JSON can hold, kept as a loop is: they begin with `begin`, or as they were saved."""
        now = dict(begin)
        with self.loop(name, lambda: Saved(dict(now)), lambda saved: now.update(saved.values)):
            yield now

    def stage(
        self, name: str, telling: Callable[[], Generator[Told, None, tuple[float, ...]]]
    ) -> Generator[Told, None, tuple[float, ...]]:
        """What the stage finds, or has found before."""
        if name not in self.settled:
            self._open.append((name, None))
            try:
                found = yield from telling()
            finally:
                self._open.pop()
            self.settled[name] = list(found)
        return tuple(self.settled[name])

    @property
    def stage_begun(self) -> int:
        """The stage of the reconstruction in whose loop the run goes on; 0 for the first one there is."""
        return int(self.settled.get("start", 0)) if self.start is not None else 0

    def note(self, text: str) -> None:
        """A sentence that whoever reads the result must know."""
        self.settled["notes"] = [*self.notes, text]

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self.settled.get("notes", ()))

    def begun(
        self, stage: int, network: nn.Module, telling: Callable[[], Generator[Told, None, None]]
    ) -> Generator[Told, None, None]:
        """What gives the network the weights with which a stage's loop begins, or those that it began with before."""
        if self.stage_begun == stage and self.start is not None:
            fill(network, self.start)
            return
        yield from telling()
        if self.wanted:
            self.settled["start"], self.start = stage, tensors_of(network)


def tensors_of(network: nn.Module) -> Tensors:
    """Copies of all parameters and buffers, those too that a state dict leaves out; on the CPU."""
    found = dict(network.named_parameters()) | dict(network.named_buffers())
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in found.items()}


@torch.no_grad()
def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Inverse of `tensors_of`: the same tensors get other values, so optimizers and hooks keep their hold on them."""
    for name, tensor in (dict(network.named_parameters()) | dict(network.named_buffers())).items():
        tensor.copy_(tensors[name])


def _tensors(stored: Saved | None) -> Tensors:
    return stored.tensors if stored else {}
