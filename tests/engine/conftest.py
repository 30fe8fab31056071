"""Registries that are closed at the end, whatever happened; toys in place of the bundled model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from torch import nn

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Phase
from fcpts_core.engine.job import RunLike
from fcpts_core.engine.prepare import Prepared, preparing
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from tests.cases import NETWORKS, conv_net
from tests.engine.stories import CONFIG, PATIENCE, Build, Puppet, Stage, until
from tests.engine.toy_runs import put_on_stage


@pytest.fixture
def open_registry() -> Iterator[Build]:
    """Builds registries."""
    built: list[tuple[RunRegistry, Callable[[RunConfig], RunLike]]] = []

    def build(make_run: Callable[[RunConfig], RunLike], **limits: Any) -> RunRegistry:
        built.append((RunRegistry(make_run=make_run, **limits), make_run))
        return built[-1][0]

    yield build
    for registry, make_run in built:
        registry.close(timeout=0.0)
        if isinstance(make_run, Stage):
            make_run.dismiss()
        registry.close(timeout=PATIENCE)


@pytest.fixture
def staged(open_registry: Build) -> tuple[RunRegistry, str, Puppet]:
    """One registry with one run of five steps, begun and waiting in its first step."""
    stage = Stage(5)
    registry = open_registry(stage)
    key = registry.submit(CONFIG)
    until(registry, key, State.RUNNING)
    stage.await_step(0)
    return registry, key, stage.puppets[0]


@pytest.fixture(params=NETWORKS)
def toy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """In place of the bundled model and its images, for as long as the test lasts: a toy network and toys."""
    return put_on_stage(monkeypatch, NETWORKS[request.param])


@pytest.fixture
def conv(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    return put_on_stage(monkeypatch, conv_net)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[Prepared]:
    """What the runs of the test have prepared, so that it can look at their networks."""
    found: list[Prepared] = []

    def keep(given: RunConfig) -> Generator[Phase, None, Prepared]:
        found.append((yield from preparing(given)))
        return found[-1]

    monkeypatch.setattr("fcpts_core.engine.run.preparing", keep)
    return found
