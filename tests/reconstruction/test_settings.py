"""Settings: every value that makes no sense is refused by name, texts are read as what they mean."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest

from fcpts_core.errors import InputError
from fcpts_core.reconstruction.settings import CHOICES, RANGES, Settings

BOUNDS: dict[str, tuple[list[float], list[float]]] = {
    "steps": ([0, 1, 10**6], [-1]),
    "batch_size": ([1, 512], [0, -3]),
    "learning_rate": ([0, 0.1], [-0.1]),
    "rate_power": ([0, 1, 4], [-0.1, 4.1]),
    "layer_norm_stages": ([0, 1, 5], [-1]),
    "layer_norm_rate": ([0.01, 1, 10], [0, 10.1]),
    "threshold_rate": ([0, 0.1], [-0.1]),
    "momentum": ([0, 0.99], [1, -0.1]),
    "weight_decay": ([0, 0.1], [-1e-9]),
    "warmup": ([0, 1], [1.01, -0.01]),
    "ramp": ([0, 1], [1.01, -0.01]),
    "ramp_start": ([0, 1], [1.01, -0.01]),
    "stages": ([1, 3], [0, -1]),
    "stage_start": ([0.1, 1], [0, -0.1, 1.1]),
    "step_bound": ([1e-3, 1e9], [0, -1]),
    "clip": ([1e-3, 1e9], [0, -1]),
    "temperature": ([0.1, 100], [0, -1]),
    "block_weight": ([0, 50], [-1]),
    "soft_weight": ([0, 20], [-1]),
    "softness": ([0.1, 3.3, 1000], [0, 1000.1]),
    "control_weight": ([0, 50], [-1]),
    "layer_cap": ([0.01, 1], [0, 1.01]),
    "keep_floor": ([0, 0.4, 1], [-0.1, 1.1]),
    "pruned_decay": ([0, 5e-5], [-1e-9]),
    "damping": ([0, 1e-6, 1], [-1e-9]),
    "positions": ([1, 64], [0]),
    "search_steps": ([0, 25], [-1]),
    "keep_power": ([-2, 0.35, 2], [-2.1, 2.1]),
}


def test_the_defaults_are_sound() -> None:
    assert Settings() == replace(Settings())


def test_every_number_has_its_range_here() -> None:
    assert BOUNDS.keys() == RANGES.keys()
    numbers = {field.name for field in fields(Settings) if type(getattr(Settings(), field.name)) in (int, float)}
    assert numbers == RANGES.keys()


@pytest.mark.parametrize("name", BOUNDS)
def test_ranges(name: str) -> None:
    good, bad = BOUNDS[name]
    for value in good:
        assert getattr(Settings().changed({name: value}), name) == value
    for value in [*bad, math.nan, math.inf, -math.inf]:
        with pytest.raises(InputError, match=f"^{name} is .*: expected a"):
            Settings().changed({name: value})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_ranges_hold_without_reading_too(value: float) -> None:
    with pytest.raises(InputError, match=r"learning_rate is .*: expected a number of at least 0"):
        Settings(learning_rate=value)


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name: str) -> None:
    for value in CHOICES[name]:
        assert getattr(Settings().changed({name: value}), name) == value
    for other in ("something", "", None, 3):
        with pytest.raises(InputError, match=f"^{name} is .*: expected one of {CHOICES[name][0]}"):
            Settings().changed({name: other})


def test_every_text_is_a_choice_or_checked_where_it_is_used() -> None:
    texts = {field.name for field in fields(Settings) if isinstance(getattr(Settings(), field.name), str)}
    assert texts == CHOICES.keys() | {"bandwidth", "pattern", "given", "allocation", "reconstruction"}


@pytest.mark.parametrize("value", ["scott", "isj", "0.01", 0.01, 2])
def test_bandwidths(value: Any) -> None:
    assert Settings().changed({"bandwidth": value}).bandwidth == str(value)


@pytest.mark.parametrize("value", ["wide", "", "0", "-1", "nan", "inf", "1e-300", 0, None])
def test_bandwidths_that_are_none(value: Any) -> None:
    with pytest.raises(InputError, match=r"bandwidth is .*expected silverman, scott"):
        Settings().changed({"bandwidth": value})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "12", 12),
        ("steps", 12.0, 12),
        ("learning_rate", "1e-3", 1e-3),
        ("learning_rate", 1, 1.0),
        ("nesterov", "false", False),
        ("nesterov", "True", True),
        ("recalibrate", False, False),
    ],
)
def test_texts_are_read_as_the_setting_s_type(name: str, text: Any, value: Any) -> None:
    read = getattr(Settings().changed({name: text}), name)
    assert read == value
    assert type(read) is type(getattr(Settings(), name))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", "many", "a whole number"),
        ("steps", 1.5, "a whole number"),
        ("steps", None, "a whole number"),
        ("steps", 10**400, "a whole number"),
        ("steps", math.nan, "a whole number"),
        ("clip", "x", "a number"),
        ("clip", None, "a number"),
        ("clip", [1], "a number"),
        ("clip", 10**400, "a number"),
        ("nesterov", "yes", "true or false"),
        ("nesterov", 1, "true or false"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is .*: expected {expected}"):
        Settings().changed({name: value})


def test_unknown_settings_are_refused_all_at_once() -> None:
    with pytest.raises(InputError, match=r"no setting learning-rate, zeal: expected one of budget, allocation, "):
        Settings().changed({"zeal": 1, "learning-rate": 2, "steps": 3})


def test_changing_changes_nothing_else() -> None:
    assert replace(Settings().changed({"steps": 7}), steps=Settings().steps) == Settings()
