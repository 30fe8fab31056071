"""An estimate from another process: the same facts, and a sentence where there are none."""

import subprocess

import pytest

from fcpts_core.engine import trying
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError, RunError


def test_it_tells_what_the_run_would_take() -> None:
    found = trying.tried(RunConfig(method="uniform", calibration_size=16), threads=1)
    assert found.seconds > 0
    assert found.steps == 0
    assert "measuring" in found.parts


def test_a_run_that_would_be_refused_is_refused() -> None:
    with pytest.raises(InputError, match=r"There is no nowhere\.npz"):
        trying.tried(RunConfig(images="nowhere.npz"), threads=1)


def test_a_process_that_ends_early_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "MODULE", "fcpts_core.nothing")
    with pytest.raises(RunError, match="could not be tried"):
        trying.tried(RunConfig(), threads=1)


def test_one_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*args: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("python", 180)

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(RunError, match="Trying a few steps took more than 180 seconds"):
        trying.tried(RunConfig(), threads=1)
