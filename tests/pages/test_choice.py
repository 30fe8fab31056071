"""Which models the explaining pages can look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.models.cards import MODELS
from pages._ui import choice, runs
from pages._ui.settings import Files
from tests.pages.pretended import Pretended


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunRegistry]:
    registry = RunRegistry(make_run=Pretended)
    monkeypatch.setattr(runs, "registry", lambda: registry)
    monkeypatch.setattr(st, "session_state", {})
    yield registry
    registry.close()


def test_bundled_models_are_always_at_hand(registry: RunRegistry) -> None:
    assert {name for name, card in MODELS.items() if card.bundled} <= set(choice.models_at_hand())


def test_a_model_is_at_hand_once_its_weights_were_fetched(
    registry: RunRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    card = next(card for card in MODELS.values() if card.download is not None)
    assert card.download is not None
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert card.name not in choice.models_at_hand()
    card.download.path.parent.mkdir(parents=True, exist_ok=True)
    card.download.path.touch()
    assert choice.models_at_hand()[card.name] is None


def test_uploaded_weights_bring_their_model(registry: RunRegistry) -> None:
    st.session_state["files"] = {"cifar-resnet20": Files(weights="mine.safetensors"), "cifar-vit": Files()}
    found = choice.models_at_hand()
    assert found["cifar-resnet20"] == "mine.safetensors"
    assert "cifar-vit" not in found


def test_so_does_the_readers_own_run(registry: RunRegistry) -> None:
    config = replace(RunConfig(), model="cifar-resnet56", weights="mine.safetensors", seed=13)
    st.session_state["run"] = registry.submit(config)
    assert choice.models_at_hand()["cifar-resnet56"] == "mine.safetensors"


def test_the_widest_layer_is_the_first_of_several() -> None:
    assert choice.widest(("a", "b", "c"), (1, 5, 5)) == "b"
