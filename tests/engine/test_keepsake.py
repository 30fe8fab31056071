"""What a recording keeps beside its events."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fcpts_core.engine import keepsake
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.keepsake import beside, keep, load_facts, machine, measure, weights_beside
from fcpts_core.errors import InputError
from fcpts_core.models.cards import load_model


@pytest.fixture
def half() -> dict[str, torch.Tensor]:
    """The bundled vision transformer with every second row of its matrices zero."""
    state = load_model("digits-vit").module.state_dict()
    for name, tensor in state.items():
        if tensor.ndim == 2:
            state[name] = tensor.clone()
            state[name][::2] = 0.0
    return state


def test_weights_and_facts_come_back_as_they_were(
    tmp_path: Path, half: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepsake, "PIXELS", 4 * 16 * 16)
    recording = tmp_path / "run.jsonl.gz"
    facts = keep(RunConfig(model="digits-vit"), half, recording)
    assert load_facts(recording) == facts
    assert facts.files["bitmask"] == (tmp_path / "run.safetensors").stat().st_size
    assert facts.files["bitmask"] < 0.6 * facts.files["zeros"]
    assert facts.files["zeros"] == facts.files["dense"]
    found = weights_beside(recording)
    assert all(torch.equal(found[name], tensor) for name, tensor in half.items())


def test_a_pass_is_of_many_small_images_or_of_few_large_ones(half: dict[str, torch.Tensor]) -> None:
    facts = measure(RunConfig(model="digits-vit"), half, passes=1)
    assert facts.images == 500
    assert facts.ratio == facts.seconds["sparse"] / facts.seconds["dense"] > 0
    assert facts.threads == 1
    assert "cores" in machine()


def test_names_beside_a_recording() -> None:
    assert beside(Path("a/b.jsonl.gz"), ".json") == Path("a/b.json")
    assert beside(Path("a/b.jsonl"), ".safetensors") == Path("a/b.safetensors")


def test_facts_that_are_not_there_are_missed_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="record the run again"):
        load_facts(tmp_path / "none.jsonl.gz")
