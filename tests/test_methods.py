"""Methods by name, and what may be changed about them."""

from typing import Any

import pytest

from fcpts_core.errors import InputError
from fcpts_core.methods import METHODS, method, settings_for
from fcpts_core.reconstruction.settings import Settings


def test_the_named_methods() -> None:
    assert set(METHODS) >= {"fcpts", "fcpts-released", "uniform", "erk", "global-magnitude"}
    assert all(method(name) is METHODS[name] for name in METHODS)


def test_ours_differ_in_where_they_start_and_in_whether_thresholds_learn() -> None:
    fcpts, best = METHODS["fcpts"], METHODS["best"]
    assert settings_for("fcpts", {"steps": 300, "ramp": 0.5, "rate_power": 0, "precision": "float32"}) == (
        Settings().changed({"allocation": "power", "keep_floor": 0.65})
    )
    assert fcpts.settings.estimator != "none"
    start = {"reconstruction": "net-wise", "start": "admm", "stages": 3, "ramp": 0.43}
    own = {
        "allocation": "priced",
        "keep_floor": 0.5,
        "layer_norm_rate": 0.2,
        "layer_norm_stages": 1,
        "objective": "blocks+soft",
        "keep_start": True,
    }
    assert fcpts.settings.changed({**start, **own}) == best.settings


def test_as_released_no_task_gradient_reaches_the_thresholds() -> None:
    released = METHODS["fcpts-released"]
    settings = released.settings
    assert (released.allocation, settings.estimator, settings.threshold_gradient) == ("erk", "none", "plain")
    assert (settings.threshold_map, settings.density) == ("sigmoid", "histogram")
    assert (settings.objective, settings.temperature, settings.control) == ("kl", 4.0, "absolute")
    assert (settings.steps, settings.batch_size) == (1600, 64)
    assert (settings.learning_rate, settings.threshold_rate, settings.momentum) == (0.01, 0.01, 0.9)
    assert (settings.student_norms, settings.teacher_norms, settings.recalibrate) == ("train", "train", False)
    assert (settings.augment, settings.border) == ("crop-flip", "black")
    assert settings.ramp == 0


@pytest.mark.parametrize("name", ["uniform", "erk", "global-magnitude"])
def test_baselines_learn_nothing_and_start_from_the_allocation_of_their_name(name: str) -> None:
    assert not METHODS[name].learns
    assert METHODS[name].allocation == name
    assert METHODS[name].settings.recalibrate


def test_settings_are_changed_by_name() -> None:
    changed = settings_for("fcpts", {"steps": "12", "bandwidth": 0.5})
    assert (changed.steps, changed.bandwidth) == (12, "0.5")
    assert settings_for("uniform", {"layer_cap": 0.99, "steps": 0}).layer_cap == 0.99


@pytest.mark.parametrize(
    ("name", "hint"), [("fcpt", " Did you mean fcpts?"), ("ERK", ""), ("", ""), ("globalmagnitude", " Did you mean g")]
)
def test_an_unknown_method_is_refused_with_all_names(name: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        method(name)
    assert str(refused.value).startswith(f"There is no method {name!r}: expected one of {', '.join(METHODS)}.{hint}")


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("lottery", {}, "There is no method 'lottery'"),
        ("fcpts", {"steps": -1}, "steps is -1: expected a whole number of at least 0"),
        ("fcpts", {"speed": 1}, "There is no setting speed"),
        ("fcpts", {"objective": "l1"}, "objective is 'l1': expected one of kl"),
        ("fcpts", {"pattern": "2:4"}, "pattern is 2:4: learned thresholds know no patterns, expected unstructured; or"),
        ("erk", {"steps": 5}, "erk learns nothing, so it takes 0 steps, not 5: .*that learns .fcpts, .*fcpts-r"),
    ],
)
def test_what_cannot_be_is_refused(name: str, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_for(name, overrides)


def test_parts_bring_their_usual_settings_along() -> None:
    assert settings_for("unipts", {}).search_steps == 25
    assert settings_for("best", {"allocation": "evolutionary"}).search_steps == 25
    assert settings_for("best", {"allocation": "learned"}).search_steps == Settings().search_steps
    other = settings_for("best", {"reconstruction": "unipts"})
    assert (other.objective, other.start) == ("base-decayed", Settings().start)


@pytest.mark.parametrize("part", ["allocation", "reconstruction"])
def test_parts_that_do_not_exist_are_refused(part: str) -> None:
    with pytest.raises(InputError, match=f"{part} is 'luck': expected one of "):
        settings_for("best", {part: "luck"})
