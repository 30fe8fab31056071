"""The page's logic without a browser: settings, address, and a run from the button to its result."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from pages._ui import runs
from tests.pages.opening import PATIENCE, address, labels, opened, page

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture
def app(registry: RunRegistry) -> AppTest:
    return page(APP)


def until(app: AppTest, registry: RunRegistry, *states: State) -> None:
    registry.wait(app.session_state.run, *states, timeout=PATIENCE)
    app.run()
    assert not app.exception


def test_a_first_visit_leaves_the_address_alone(app: AppTest) -> None:
    opened(app)
    assert address(app) == {}
    assert not app.info
    assert "Replay" in labels(app)


def test_a_setting_goes_into_the_address_and_back_out(app: AppTest) -> None:
    opened(app)
    app.slider(key="set-sparsity").set_value(0.9).run()
    assert address(app) == {"sparsity": "0.9"}
    app.slider(key="set-sparsity").set_value(0.95).run()
    assert address(app) == {}


def test_the_address_sets_the_widgets(app: AppTest) -> None:
    opened(app, model="digits-vit", method="fcpts-released", sparsity="0.8", steps="70", temperature="2", seed="5")
    assert app.selectbox(key="set-model").value == "digits-vit"
    assert app.selectbox(key="set-method").value == "fcpts-released"
    assert app.slider(key="set-sparsity").value == pytest.approx(0.8)
    assert app.number_input(key="set-steps-fcpts-released").value == 70
    assert app.number_input(key="set-temperature-fcpts-released").value == pytest.approx(2.0)
    assert app.number_input(key="set-seed").value == 5
    assert not app.info


def test_garbage_in_the_address_is_said_once_and_does_no_harm(app: AppTest) -> None:
    opened(app, sparsity="9", steps="many", model="<b>", colour="red", layer="nowhere")
    assert len(app.info) == 4
    assert app.slider(key="set-sparsity").value == pytest.approx(0.995)
    app.number_input(key="set-seed").set_value(1).run()
    assert not app.info
    assert "colour" not in address(app)


def test_a_method_that_learns_nothing_has_no_settings_of_the_loop(app: AppTest) -> None:
    opened(app)
    app.selectbox(key="set-method").set_value("uniform").run()
    assert not [field for field in app.number_input if field.label in ("Steps", "Lambda")]
    assert address(app) == {"method": "uniform"}


def test_values_of_one_method_do_not_leak_into_another(app: AppTest) -> None:
    opened(app, steps="70")
    app.selectbox(key="set-method").set_value("fcpts-released").run()
    assert app.number_input(key="set-steps-fcpts-released").value == 1600
    assert address(app) == {"method": "fcpts-released"}


def test_a_run_goes_from_the_button_to_its_result(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="20")
    app.button(key="launch").click().run()
    assert set(address(app)) == {"steps", "run"}
    assert {"Pause", "Step", "Stop"} <= labels(app)
    assert app.button(key="launch").disabled
    until(app, registry)
    assert not app.button(key="launch").disabled
    assert {"Weights", "Allocation", "Report", "Recipe"} <= {button.label for button in app.get("download_button")}  # type: ignore[union-attr]
    assert app.code[0].value.startswith("fcpts run --model digits-resnet20")


def test_pause_step_and_resume(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="400")
    app.button(key="launch").click().run()
    app.button(key="strip-go").click().run()
    until(app, registry, State.PAUSED)
    assert "Resume" in labels(app)
    before = runs.registry().view(app.session_state.run)
    app.button(key="strip-step").click().run()
    until(app, registry, State.PAUSED)
    after = runs.registry().view(app.session_state.run)
    assert before is not None
    assert after is not None
    assert after.snapshot.step == before.snapshot.step + 1
    app.button(key="strip-go").click().run()
    assert "Pause" in labels(app)
    app.button(key="strip-stop").click().run()
    until(app, registry)
    assert "Pause" not in labels(app)
    assert not app.button(key="launch").disabled


def test_other_settings_show_a_preview_and_the_way_back(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="15")
    app.button(key="launch").click().run()
    until(app, registry)
    app.slider(key="set-sparsity").set_value(0.5).run()
    assert "Back to the result" in labels(app)
    app.button(key="strip-back").click().run()
    assert app.slider(key="set-sparsity").value == pytest.approx(0.95)
    assert app.number_input(key="set-steps-fcpts").value == 15
    assert "Back to the result" not in labels(app)


def test_a_reload_finds_its_run_and_another_browser_does_not_see_it(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="400")
    app.button(key="launch").click().run()
    link = address(app)
    reloaded = opened(page(APP), **link)
    assert "Pause" in labels(reloaded)
    stranger = opened(page(APP))
    assert "Pause" not in labels(stranger)
    assert not stranger.button(key="launch").disabled


def test_a_link_that_names_only_a_run_shows_it_with_its_settings(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="15", sparsity="0.8")
    app.button(key="launch").click().run()
    until(app, registry)
    linked = opened(page(APP), run=app.session_state.run)
    assert linked.slider(key="set-sparsity").value == pytest.approx(0.8)
    assert "Back to the result" not in labels(linked)
    assert address(linked) == address(app)


def test_a_run_that_the_server_does_not_know_is_forgotten_with_a_sentence(app: AppTest) -> None:
    opened(app, run="never-was", steps="50")
    assert len(app.info) == 1
    assert "is not kept here" in app.info[0].value
    assert address(app) == {"steps": "50"}


def test_a_second_user_waits_in_the_queue_and_may_leave_it(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="400")
    app.button(key="launch").click().run()
    second = opened(page(APP), steps="30")
    second.button(key="launch").click().run()
    waiting = registry.view(second.session_state.run)
    assert waiting is not None
    assert (waiting.state, waiting.queue_position) == (State.QUEUED, 1)
    second.button(key="strip-stop").click().run()
    until(second, registry)
    assert "Cancel" not in labels(second)


def test_a_failed_run_gives_the_button_back(app: AppTest, registry: RunRegistry) -> None:
    opened(app, seed="13", steps="30")
    app.button(key="launch").click().run()
    until(app, registry)
    view = registry.view(app.session_state.run)
    assert view is not None
    assert view.state is State.FAILED
    assert not app.button(key="launch").disabled


def test_a_model_without_weights_cannot_be_started_before_they_are_there(app: AppTest) -> None:
    opened(app, model="cifar-resnet20")
    assert app.button(key="launch").disabled


def test_a_replay_shows_an_older_step(app: AppTest, registry: RunRegistry) -> None:
    opened(app, steps="20")
    app.button(key="launch").click().run()
    until(app, registry)
    app.slider(key="replay-step").set_value(7).run()
    assert app.slider(key="replay-step").value == 7
    app.button(key="replay-play").click().run()
    assert app.session_state.playing
    for _ in range(60):
        if not app.session_state.playing:
            break
        app.run()
        time.sleep(0.01)
    assert app.slider(key="replay-step").value == 20


def test_choosing_a_layer_goes_into_the_address(app: AppTest) -> None:
    opened(app)
    box = next(box for box in app.selectbox if box.label == "Layer")
    box.set_value("conv1").run()
    assert address(app) == {"layer": "conv1"}
