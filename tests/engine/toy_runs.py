"""Runs of few steps on toy networks, in place of the bundled models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.data.sources import arrays
from fcpts_core.data.transform import Transform
from fcpts_core.engine import prepare
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Finished, Result
from fcpts_core.engine.run import Run
from fcpts_core.methods import METHODS
from fcpts_core.models.cards import MODELS, LoadedModel
from tests.cases import CLASSES, LOOP, images

STEPS = 5


def config(method: str = "fcpts", **changes: Any) -> RunConfig:
    """A run of few steps on a toy; `changes` of settings go to the method."""
    own = {key: changes.pop(key) for key in list(changes) if key not in RunConfig.__dataclass_fields__}
    usual: dict[str, Any] = {"steps": STEPS, "batch_size": 8, "search_steps": 2} if METHODS[method].learns else {}
    if method == "fcpts":
        usual |= LOOP
    return RunConfig(**{"method": method, "sparsity": 0.6, "overrides": {**usual, **own}, **changes})


def put_on_stage(monkeypatch: pytest.MonkeyPatch, build: Callable[[], nn.Module]) -> nn.Module:
    """Runs of the bundled model get this network and toy images; returns another such network."""

    def load(name: str, weights: str | None = None, random: int | None = None) -> LoadedModel:
        data = images(1)
        return LoadedModel(MODELS[name], build(), (3, 8, 8), CLASSES, Transform(8, 8, data.mean, data.std), "0" * 64)

    def part(name: str) -> ImageSet:
        return images(9, labelled=True, seed=5) if name == "test" else images(20, labelled=True)

    monkeypatch.setattr(prepare, "load_model", load)
    monkeypatch.setattr(arrays, "digits", part)
    return build()


def result(events: list[Event]) -> Result:
    assert isinstance(events[-1], Finished)
    return events[-1].result


def finished(given: RunConfig) -> tuple[Result, dict[str, Tensor]]:
    run = Run(given)
    last = result(list(run.events()))
    assert run.state_dict is not None
    return last, run.state_dict


def npz(path: Path, count: int, size: int = 32, **more: Any) -> str:
    pixels = np.random.default_rng(3).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    np.savez(path, images=pixels, **more)
    return str(path)
