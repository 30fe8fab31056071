"""The paper's figures without a browser: parts that exist, phases that light them, allocations that meet the target."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.engine.chosen_images import MAKING
from fcpts_core.engine.events import Phase
from fcpts_core.engine.recording import load_recording
from fcpts_core.engine.snapshot import Snapshot, State, tell
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.lesson.facts import recorded, recording_path
from fcpts_core.lesson.text import steps
from pages._ui.overview.allocations import LEARNED, METHODS, TARGET, allocations, panel
from pages._ui.overview.allocations import recorded as learned
from pages._ui.overview.data import beats, framework, now, phase_of
from tests.pages.opening import address, opened, page
from tests.pages.synthetic import events

PAGE = Path(__file__).parents[2] / "pages" / "figures.py"


@pytest.fixture
def app(registry: RunRegistry) -> AppTest:
    return page(PAGE)


def test_every_part_has_its_place_its_code_and_its_step_of_the_lesson() -> None:
    parts = framework().parts
    assert len({(part.column, part.row) for part in parts}) == len({part.id for part in parts}) == len(parts)
    for part in parts:
        module, _, member = part.code.partition(":")
        assert not member or hasattr(import_module(module), member)
        assert 1 <= part.step <= len(steps("en"))


def test_arrows_and_phases_name_parts() -> None:
    names = {part.id for part in framework().parts}
    assert {end for pair in (*framework().arrows, *framework().back) for end in pair} <= names
    assert {part for parts in framework().phases.values() for part in parts} <= names


def test_every_phase_of_the_recorded_run_lights_parts() -> None:
    told = [event.text for event in load_recording(recording_path()) if isinstance(event, Phase)]
    assert {phase_of(text) for text in told} == set(framework().phases) - {"done", MAKING}
    shown = beats(load_recording(recording_path()))
    assert [beat.phase for beat in shown][-1] == "done"
    assert 20 < sum(beat.phase == "forward" for beat in shown) <= 41
    result = recorded().result
    assert result is not None
    assert f"{result.zeros:,} of {result.weights:,}" in shown[-1].head


def test_a_live_run_lights_what_it_is_at() -> None:
    story = list(events(5, 10))
    assert now(tell(story[:6])).phase == "forward"
    assert now(tell(story[:6])).says["bridge"].startswith("R = ")
    assert now(tell(story)).phase == "done"
    assert now(Snapshot(State.QUEUED)).phase == ""


@pytest.mark.parametrize("model", ["digits-resnet20", "digits-vit"])
def test_every_allocation_meets_the_target(model: str) -> None:
    found = allocations(model, None)
    assert set(found.lines) == {LEARNED, *METHODS}
    total = sum(layer.weights for layer in found.layers)
    for name, line in found.lines.items():
        zeros = sum(round(share * layer.weights) for share, layer in zip(line, found.layers, strict=True))
        assert abs(zeros - round(TARGET * total)) <= 1, name
    assert learned()[model] == found.lines[LEARNED]
    assert len(panel(found).figure["data"]) == 4


def test_the_page_comes_up_and_models_are_in_the_address(app: AppTest) -> None:
    opened(app)
    assert address(app) == {}
    app.multiselect[0].set_value(["digits-vit"]).run()
    assert not app.exception
    assert address(app) == {"models": "digits-vit"}


def test_a_part_is_explained_with_its_code(app: AppTest) -> None:
    opened(app, part="projection")
    assert any("def project(" in code.value for code in app.code)
