"""The lesson's data: complete in every language, numbers those of the recorded run, its paper version up to date."""

from __future__ import annotations

import string
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from fcpts_core.assets import asset
from fcpts_core.data.digits import digits
from fcpts_core.engine.keepsake import weights_beside
from fcpts_core.errors import InputError
from fcpts_core.lesson import static
from fcpts_core.lesson.drawing import FIGURES
from fcpts_core.lesson.facts import facts, measured, recorded, recording_path
from fcpts_core.lesson.text import LANGUAGES, steps, words
from fcpts_core.measure.accuracy import accuracy, predict
from fcpts_core.models.cards import load_model
from fcpts_core.models.layers import prunable_layers

ROOT = Path(__file__).parents[2]


def flat(texts: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_places_for_numbers(language: str) -> None:
    english, other = dict(flat(words("en"))), dict(flat(words(language)))
    assert other.keys() == english.keys()
    assert all(text.strip() for text in other.values())
    for key in english:
        assert places(other[key]) == places(english[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_its_formulas_in_every_language(language: str) -> None:
    for step, original in zip(steps(language), steps("en"), strict=True):
        assert step.text.count("$") == original.text.count("$")
        assert step.text.format(**facts())
        assert step.done.format(**facts())
        assert set(step.options) == set(original.options)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="en, zh"):
        words("tlh")


def test_what_the_steps_name_as_their_code_is_there() -> None:
    for step in steps("en"):
        assert step.code
        for name in step.code:
            module, _, part = name.partition(":")
            assert not part or hasattr(import_module(module), part)


def test_the_paper_version_is_made_of_the_same_data() -> None:
    for language in LANGUAGES:
        made = (ROOT / "docs" / static.name_of(language)).read_text()
        assert made == static.page(language), "run python -m fcpts_core.lesson.static"
    for name in FIGURES:
        assert asset("lesson", f"{name}.svg").stat().st_size < 60_000


def test_the_recorded_weights_are_those_of_the_recorded_run() -> None:
    result = recorded().result
    assert result is not None
    tensors = weights_beside(recording_path())
    for layer in result.layers:
        weight = tensors[f"{layer.name}.weight"]
        assert weight.numel() - int(weight.count_nonzero()) == layer.zeros
        assert float(weight[weight != 0].abs().min()) >= layer.threshold * 0.999999 or layer.zeros == 0
    model = load_model("digits-resnet20").module
    model.load_state_dict(tensors)
    test = digits("test")
    assert test.labels is not None
    assert accuracy(predict(model, test), test.labels) == pytest.approx(result.accuracy)


def test_every_number_of_the_lesson_can_be_computed_from_model_and_recording() -> None:
    result, found = recorded().result, facts()
    assert result is not None
    layers = prunable_layers(load_model("digits-resnet20").module)
    total = sum(layer.weights for layer in layers)
    assert found["weights"] == f"{total:,}"
    assert found["zeros"] == f"{round(0.95 * total):,}"
    assert found["layers"] == str(len(layers))
    assert measured().files["bitmask"] == asset("recordings", "digits-resnet20-fcpts-95.safetensors").stat().st_size
    assert found["ratio"] == f"{measured().seconds['sparse'] / measured().seconds['dense']:.2f}"
    assert torch.__version__.startswith(measured().versions["torch"][:2])
