from __future__ import annotations

import math

import pytest

from pages._ui import numbers


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [
        (0.9512, 1, "95.1 %"),
        (0.95, 2, "95.00 %"),
        (0.0, 1, "0.0 %"),
        (1.0, 0, "100 %"),
        (None, 1, "–"),
        (math.nan, 1, "–"),
    ],
)
def test_percentages_have_a_fixed_number_of_decimals(share: float | None, decimals: int, text: str) -> None:
    assert numbers.percent(share, decimals) == text.replace(" ", numbers.NARROW_SPACE)


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (1, ("step",), "1 step"),
        (0, ("step",), "0 steps"),
        (1700, ("step",), "1,700 steps"),
        (2, ("sparsity", "sparsities"), "2 sparsities"),
    ],
)
def test_a_number_of_things_is_in_the_singular_for_one_alone(number: int, words: tuple[str, ...], text: str) -> None:
    assert numbers.several(number, *words) == text


def test_weights_have_thousands_separators() -> None:
    assert numbers.count(254919) == "254,919"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123456, "0.0123"), (12.3456, "12.3"), (1.5e-7, "1.50e-07"), (None, "–")]
)
def test_losses_have_three_significant_digits(value: float | None, text: str) -> None:
    assert numbers.loss(value) == text


@pytest.mark.parametrize(("value", "text"), [(math.inf, "–"), (math.nan, "–"), (0.0213, "0.0213")])
def test_a_threshold_that_is_no_number_is_a_dash(value: float, text: str) -> None:
    assert numbers.threshold(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (75.2, "1 min 15 s"), (3725.0, "1 h 2 min"), (None, "–")],
)
def test_durations_name_their_units(seconds: float | None, text: str) -> None:
    assert numbers.duration(seconds) == text.replace(" s", f"{numbers.NARROW_SPACE}s").replace(
        " min", f"{numbers.NARROW_SPACE}min"
    ).replace(" h", f"{numbers.NARROW_SPACE}h")


def test_a_guess_does_not_pretend_to_be_exact() -> None:
    assert numbers.about(41.7).startswith("about 40")
    assert numbers.about(2.0).startswith("a few")
    assert numbers.about(400.0) == f"about 7{numbers.NARROW_SPACE}min"


def test_shapes_use_the_multiplication_sign() -> None:
    assert numbers.shape((64, 32, 3, 3)) == "64×32×3×3"
