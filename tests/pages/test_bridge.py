"""The Bridge page without a browser: what travels, what comes back, the address, every number from the weights."""

from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from fcpts_core.bridge import toy
from fcpts_core.density import estimate, histogram
from fcpts_core.lesson.text import words
from pages._ui.bridge import data
from pages._ui.bridge.data import Seen, checked, first_look, message, portrait
from pages._ui.toy_table import table
from tests.pages.opening import address, opened, page

PAGE = Path(__file__).parents[2] / "pages" / "bridge.py"
LAYER = "layer2.1.conv2"


@pytest.fixture
def app() -> AppTest:
    return page(PAGE)


def test_what_python_says_is_counted_from_the_weights() -> None:
    seen = portrait("digits-resnet20", None, LAYER)
    weights = seen.weights
    for share in (0.1, 0.5, 0.95):
        t = float(weights.abs().quantile(share))
        shown = checked(seen, Seen(t, seen.silverman))
        density = estimate(weights)
        assert shown.count == int((weights.abs() < t).sum())
        assert shown.slope == pytest.approx(float(density.slope(t)), rel=1e-6)
        assert shown.smooth == pytest.approx(float(density.rate(t)), abs=1e-9)
        bars = checked(seen, Seen(t, seen.silverman, "histogram"))
        assert bars.slope == pytest.approx(float(histogram(weights).slope(torch.tensor(t, dtype=torch.float64))))
        assert checked(seen, Seen(t, seen.silverman, "exact")).slope == 0.0


def test_what_travels_is_what_was_computed() -> None:
    seen = portrait("digits-resnet20", None, LAYER)
    sent = message(seen, first_look(seen), {}, ())
    magnitudes = np.frombuffer(base64.b64decode(sent["magnitudes"]), "<f4")
    assert np.array_equal(magnitudes, np.sort(seen.weights.abs().reshape(-1).numpy()))
    for stop, curve in zip(sent["stops"], seen.curves.smoothed, strict=True):
        rate = np.frombuffer(base64.b64decode(stop["rate"]), "<u2") / 65535
        assert np.abs(rate - curve.rate).max() < 1e-5
    assert message(seen, first_look(seen), {}, ()) == sent


def test_of_a_huge_layer_fewer_magnitudes_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = portrait("digits-resnet20", None, LAYER)
    monkeypatch.setattr(data, "SENT", 1000)
    data._packed.cache_clear()
    sent = message(seen, first_look(seen), {}, ())
    data._packed.cache_clear()
    magnitudes = np.frombuffer(base64.b64decode(sent["magnitudes"]), "<f4")
    assert magnitudes.size <= 1000
    t = first_look(seen).t
    found = sent["every"] * int(np.searchsorted(magnitudes, np.float32(t)))
    assert 0 <= checked(seen, first_look(seen)).count - found <= sent["every"]


@pytest.mark.parametrize(
    "state",
    [None, "x", {"t": "a"}, {"t": float("nan")}, {"view": "<b>"}, {"t": -1}, {"t": 1e9, "stop": 999, "zoom": 7}],
)
def test_a_browser_can_send_anything(state: object) -> None:
    seen = portrait("digits-resnet20", None, LAYER)
    found = Seen.of(state, seen, first_look(seen))
    assert 0 <= found.t <= seen.curves.reach
    assert 0 <= found.stop < len(seen.curves.smoothed)
    assert found.view in data.VIEWS
    assert 0 <= found.zoom <= 1


def test_a_first_visit_shows_nine_weights_in_ten_pruned(app: AppTest) -> None:
    opened(app)
    assert [box.value for box in app.selectbox] == ["digits-resnet20", "layer3.0.conv2"]
    assert address(app) == {}


def test_a_link_reproduces_the_page(app: AppTest) -> None:
    opened(app, model="digits-vit", layer="blocks.0.expand", t="0.01", view="exact", zoom="0.5", toy="4")
    assert address(app)["view"] == "exact"
    assert address(app)["t"] == "0.01"
    assert not app.info


def test_another_layer_begins_anew(app: AppTest) -> None:
    opened(app, t="0.01")
    app.selectbox[1].set_value("conv1").run()
    assert not app.exception
    assert address(app) == {"layer": "conv1"}


def test_the_small_example_steps_and_goes_back(app: AppTest) -> None:
    opened(app)
    step = next(button for button in app.button if button.label == "Step")
    step.click().run()
    assert address(app) == {"toy": "1"}
    next(button for button in app.button if button.label == "Reset").click().run()
    assert address(app) == {}


def test_the_numbers_of_the_small_example_are_those_of_the_step() -> None:
    step = toy.descend(3)[-1]
    shown = table(step, words("en")["toy"])
    for row in step.rows:
        for value in asdict(row).values():
            assert f"{abs(value):.3f}" in shown
        assert f"{abs(row.gradient):.3f}" in shown
