"""Runs that only pretend, for every page that is opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fcpts_core.engine.workers import RunRegistry
from pages._ui import runs
from tests.pages.pretended import Pretended


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunRegistry]:
    """The background runs of the pages."""
    made = RunRegistry(make_run=Pretended)
    monkeypatch.setattr(runs, "registry", lambda: made)
    yield made
    made.close()
