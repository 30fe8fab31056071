"""How long the words beside the Run button say that it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.snapshot import Snapshot, tell
from pages._ui import launcher, runs
from tests.pages.synthetic import events


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """100 steps of a tenth of a second in a run of 40 seconds, the only one known."""
    config = RunConfig()
    snapshot = tell(events(3, steps=4, config=config))
    assert snapshot.result is not None
    result = replace(snapshot.result, model=config.model, method=config.method)
    result = replace(result, steps=100, seconds_per_step=0.1, seconds=40.0)

    def recorded() -> Snapshot:
        return replace(snapshot, result=result)

    monkeypatch.setattr(runs, "own_run", lambda: None)
    monkeypatch.setattr(runs, "recording", recorded)
    return config


@pytest.mark.parametrize(("steps", "expected"), [(100, 40.0), (60, 36.0), (700, 100.0)])
def test_what_is_no_step_takes_as_long_as_it_did(ended: RunConfig, steps: int, expected: float) -> None:
    assert launcher._seconds(ended, steps) == pytest.approx(expected)


def test_another_method_or_another_size_says_nothing(ended: RunConfig) -> None:
    assert launcher._seconds(replace(ended, method="best"), 60) is None
    assert launcher._seconds(replace(ended, crop=16), 60) is None
