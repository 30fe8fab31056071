"""The demo without a browser: every number on a slide is that of a run or was measured of its weights."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.snapshot import Snapshot, tell
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.lesson.facts import measured, recorded, recording_path
from pages._ui.demo.slides import deck
from pages._ui.demo.source import shown
from tests.pages.opening import address, opened, page
from tests.pages.synthetic import events

PAGE = Path(__file__).parents[2] / "pages" / "demo.py"


@pytest.fixture
def app(registry: RunRegistry) -> AppTest:
    return page(PAGE)


def test_the_recorded_slides_say_what_the_recorded_run_gave() -> None:
    result, facts = recorded().result, measured()
    assert result is not None
    slides = {slide.name: slide for slide in shown(None).slides}
    assert list(slides) == ["model", "run", "gone", "accuracy", "file", "speed"]
    assert slides["model"].big == f"{result.weights:,}"
    assert slides["gone"].big.startswith(f"{100 * result.zeros / result.weights:.1f}")
    assert f"{100 * (result.accuracy or 0):.1f}" in slides["accuracy"].big
    packed = recording_path().with_name("digits-resnet20-fcpts-95.safetensors").stat().st_size
    assert slides["file"].bars[1].value.startswith(f"{packed / 1000:,.0f}")
    assert slides["file"].big == f"{facts.files['dense'] / packed:.1f} times"
    assert slides["speed"].big.startswith(f"{facts.seconds['sparse'] / facts.seconds['dense']:.2f}")
    for word in (facts.date, facts.machine, "seed 0", "digits-resnet20"):
        assert word in shown(None).source


def test_the_columns_end_with_the_result() -> None:
    result, run = recorded().result, shown(None).run
    assert result is not None
    shares = np.frombuffer(base64.b64decode(run["shares"]), np.uint8).reshape(run["frames"], run["layers"]) / 255
    assert np.abs(shares[-1] - [layer.sparsity for layer in result.layers]).max() < 0.5 / 255 + 1e-9
    assert run["kept"][-1] == result.weights - result.zeros
    assert not run["live"]


def test_before_a_run_has_said_anything_there_are_two_slides() -> None:
    found = deck(Snapshot(), RunConfig(), None, recorded=False, task="test images")
    assert [slide.name for slide in found.slides] == ["model", "run"]
    going = tell(list(events(20, 30))[:20])
    assert deck(going, RunConfig(), None, recorded=False, task="test images").run["live"]


def test_a_first_visit_shows_the_recording_and_a_press_runs_it(app: AppTest) -> None:
    opened(app)
    assert address(app) == {}
    app.button(key="demo-run").click().run()
    assert not app.exception
    assert "run" in address(app)
    app.button(key="demo-recording").click().run()
    assert address(app) == {}


def test_a_run_that_is_gone_gives_way_to_the_recording(app: AppTest) -> None:
    opened(app, run="never-was", slide="4")
    assert [button.key for button in app.button] == ["demo-run"]


@pytest.mark.parametrize(("accuracy", "words"), [(0.97, "And it still works"), (0.14, "What it can do now")])
def test_a_model_that_was_ruined_is_not_said_to_work(accuracy: float, words: str) -> None:
    told = tell(events(5, steps=3))
    assert told.result is not None
    ended = replace(told, result=replace(told.result, dense_accuracy=0.99, accuracy=accuracy))
    slides = {slide.name: slide for slide in deck(ended, RunConfig(), None, recorded=False, task="digits").slides}
    assert slides["accuracy"].over == words
