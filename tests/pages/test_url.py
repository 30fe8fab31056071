from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcpts_core import cli
from fcpts_core.engine.config import RunConfig
from fcpts_core.methods import settings_for
from fcpts_core.options import build_parser
from pages._ui import settings, url
from pages._ui.settings import FIELDS, checked, config_of, defaults, field, parameters, values_of

SOMETHING_ELSE: dict[str, Any] = {
    "model": "digits-vit",
    "sparsity": 0.905,
    "steps": 77,
    "batch": 8,
    "objective": "kl",
    "rate": 0.0125,
    "threshold-rate": 0.2,
    "temperature": 2.5,
    "lambda": 3.0,
    "bandwidth": "scott",
    "calibration": 256,
    "seed": 7,
    "exclude": "linear, Conv2d",
    "layer": "layer3.1.conv2",
    "run": "Xy-_09abc",
}


def test_defaults_stay_out_of_the_address() -> None:
    assert parameters(defaults()) == {}


def test_every_setting_survives_the_address() -> None:
    address = parameters(SOMETHING_ELSE)
    assert set(address) == set(SOMETHING_ELSE)
    assert url.read(address, FIELDS) == (SOMETHING_ELSE, [])


def test_every_setting_of_a_run_survives_the_config() -> None:
    config = config_of(SOMETHING_ELSE)
    assert config_of(values_of(config)) == config
    assert config.overrides["temperature"] == 2.5


def test_no_settings_are_the_default_run() -> None:
    assert config_of({}) == RunConfig()


def test_a_method_that_learns_nothing_takes_no_settings_of_the_loop() -> None:
    assert config_of({"method": "uniform", "steps": 100, "rate": 0.3}).overrides == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model", "resnet-999"),
        ("method", ""),
        ("sparsity", "much"),
        ("sparsity", "nan"),
        ("steps", "12.5"),
        ("steps", "9" * 40),
        ("seed", "0x10"),
        ("bandwidth", "__import__('os')"),
        ("layer", "<script>"),
        ("run", "../../etc"),
    ],
)
def test_garbage_is_left_out_with_a_sentence(name: str, text: str) -> None:
    values, remarks = url.read({name: text}, FIELDS)
    assert values == {}
    assert len(remarks) == 1
    assert remarks[0].startswith(field(name).label)
    assert "expected" in remarks[0]
    assert remarks[0].endswith(".")


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("sparsity", "1.5", 0.995),
        ("sparsity", "-3", 0.1),
        ("sparsity", "inf", 0.995),
        ("steps", "1000000", 5000),
        ("steps", "0", 1),
        ("seed", "-1", 0),
        ("temperature", "0", 0.1),
    ],
)
def test_numbers_out_of_range_come_back_into_it_with_a_sentence(name: str, text: str, kept: float) -> None:
    values, remarks = url.read({name: text}, FIELDS)
    assert values == {name: kept}
    assert "nearest allowed" in remarks[0]


def test_unknown_parameters_are_named() -> None:
    values, remarks = url.read({"colour": "red", "seed": "3"}, FIELDS)
    assert values == {"seed": 3}
    assert "colour" in remarks[0]


@given(st.dictionaries(st.sampled_from([item.name for item in FIELDS]), st.text(max_size=40)))
def test_no_address_is_ever_a_crash_and_what_is_read_is_within_limits(address: dict[str, str]) -> None:
    values, _ = url.read(address, FIELDS)
    assert checked(values) == values
    config_of(values)


def test_limits_are_checked_again_behind_the_widgets() -> None:
    assert checked({"sparsity": 7.0, "steps": -5, "model": "other"}) == {"sparsity": 0.995, "steps": 1}


@pytest.mark.parametrize("values", [{}, SOMETHING_ELSE, {"exclude": "layer1.*, Linear", "steps": 50}])
def test_the_command_does_the_same_run(values: dict[str, Any]) -> None:
    config = config_of(values)
    program, *words = shlex.split(settings.command_of(config, threads=3))
    arguments = build_parser().parse_args(words)
    told = cli.config_from(arguments)
    assert (program, arguments.threads) == ("fcpts", 3)
    assert settings_for(told.method, told.overrides) == settings_for(config.method, config.overrides)
    assert replace(told, overrides={}) == replace(config, overrides={})
