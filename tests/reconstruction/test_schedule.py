"""Rates and targets at the ends of the schedule and in between."""

from itertools import pairwise

import pytest

from fcpts_core.reconstruction.schedule import MOST_LONGER, rate, rate_at, scheduled_target, threshold_rate
from fcpts_core.reconstruction.settings import Settings

SETTINGS = Settings(steps=200, warmup=0.05, ramp=0.5, ramp_start=0.25)


def test_the_rate_warms_up_in_a_line_then_falls_as_half_a_cosine() -> None:
    rates = [rate(SETTINGS, step) for step in range(201)]
    assert rates[:11] == pytest.approx([(step + 1) / 11 for step in range(11)])
    assert rates[10] == 1 == max(rates)
    assert rates[105] == pytest.approx(0.5)
    assert rates[200] == pytest.approx(0)
    assert all(now > after > 0 for now, after in pairwise(rates[10:200]))


def test_the_rate_grows_with_the_target_up_to_ninety_percent() -> None:
    for power in (0.5, 1, 2):
        settings = SETTINGS.changed({"rate_power": power})
        rates = [rate_at(settings, sparsity) for sparsity in (0.0, 0.3, 0.684, 0.9, 0.99, 1.0)]
        assert rates[0] == 0
        assert rates[2] == pytest.approx(0.5**power * settings.learning_rate, rel=1e-2)
        assert rates[3:] == pytest.approx([settings.learning_rate] * 3)
        assert all(now < after for now, after in pairwise(rates[:4]))
    assert {rate_at(SETTINGS, sparsity) for sparsity in (0.0, 0.7, 1.0)} == {SETTINGS.learning_rate}


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.0), (1, 1.0), (5, 1.0), (3, 0.02)])
def test_short_and_odd_schedules_stay_between_0_and_1(steps: int, warmup: float) -> None:
    rates = [rate(Settings(steps=steps, warmup=warmup), step) for step in range(steps)]
    assert all(0 < value <= 1 for value in rates)


def test_priced_thresholds_follow_to_the_end_plain_ones_stop_with_the_weights() -> None:
    long = SETTINGS.changed({"steps": 800})
    assert threshold_rate(long, 800) == 0.01
    assert [threshold_rate(long, step) for step in range(700)] == [rate(long, step) for step in range(700)]
    plain = SETTINGS.changed({"threshold_gradient": "plain"})
    assert [threshold_rate(plain, step) for step in range(201)] == [rate(plain, step) for step in range(201)]


def test_thresholds_get_as_far_in_few_steps_as_in_many() -> None:
    far = [
        sum(threshold_rate(SETTINGS.changed({"steps": steps}), step) for step in range(steps))
        for steps in (40, 100, 400)
    ]
    assert far == pytest.approx([far[-1]] * 3, rel=0.05)
    assert max(threshold_rate(SETTINGS.changed({"steps": 2}), step) for step in range(2)) == MOST_LONGER
    plain = SETTINGS.changed({"threshold_gradient": "plain", "steps": 20})
    assert sum(threshold_rate(plain, step) for step in range(20)) < 20


def test_the_target_rises_from_its_start_to_the_target_and_stays() -> None:
    targets = [scheduled_target(SETTINGS, 0.9, step) for step in range(201)]
    assert targets[0] == pytest.approx(0.25 * 0.9)
    assert targets[50] == pytest.approx(0.9 * (1 - 0.75 / 8))
    assert targets[100:] == [0.9] * 101
    assert all(now < after for now, after in pairwise(targets[:101]))
    rises = [after - now for now, after in pairwise(targets[:101])]
    assert all(now > after for now, after in pairwise(rises))


def test_no_ramp_is_the_target_from_the_first_step() -> None:
    for settings in (SETTINGS.changed({"ramp": 0}), SETTINGS.changed({"ramp_start": 1})):
        assert [scheduled_target(settings, 0.9, step) for step in range(200)] == pytest.approx([0.9] * 200)


def test_a_ramp_over_all_steps_comes_close() -> None:
    settings = SETTINGS.changed({"ramp": 1})
    assert scheduled_target(settings, 0.9, 199) == pytest.approx(0.9, abs=1e-6)
    assert scheduled_target(settings, 0.9, 200) == 0.9
