"""The layer inspector without a browser: any layer at any step, every number from the weights of the run."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from fcpts_core.density import histogram
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.keepsake import weights_beside
from fcpts_core.engine.snapshot import tell
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.lesson.facts import recorded, recording_path
from fcpts_core.masks.portrait import LayerPortrait
from fcpts_core.models.cards import load_model
from fcpts_core.store.records import Kept, Origin, RunRecord
from pages._ui import runs
from pages._ui.charts import Moment, moment_at
from pages._ui.layers import charts, source
from pages._ui.layers.picture import dead_words, mask_png
from tests.pages.opening import address, opened, page
from tests.pages.synthetic import events

PAGE = Path(__file__).parents[2] / "pages" / "layers.py"


@pytest.fixture
def app(registry: RunRegistry) -> AppTest:
    return page(PAGE)


@pytest.fixture
def run(app: AppTest) -> source.Inspected:
    return source.inspected(source.RECORDING)


def now(run: source.Inspected, step: int | None = None) -> Moment:
    moment = moment_at(run.snapshot, step)
    assert moment is not None
    return moment


def test_at_the_end_the_weights_are_those_of_the_run(run: source.Inspected) -> None:
    moment, after = now(run), weights_beside(recording_path())
    before = load_model("digits-resnet20").module.state_dict()
    result = run.snapshot.result
    assert result is not None
    for index, layer in enumerate(result.layers):
        seen = source.portrait_of(run, moment, index)
        assert seen is not None
        assert seen.zeros == layer.zeros
        assert torch.equal(seen.after, after[f"{layer.name}.weight"])
        assert torch.equal(seen.before, before[f"{layer.name}.weight"])


def test_before_the_end_the_threshold_of_the_step_cuts_the_dense_weights(run: source.Inspected) -> None:
    moment = now(run, 40)
    seen = source.portrait_of(run, moment, 3)
    assert seen is not None
    assert torch.equal(seen.kept, seen.before.abs() >= moment.thresholds[3])
    assert "Until the run ends" in charts.moves(seen, moment.final).note


def test_the_share_of_the_budget_is_counted(run: source.Inspected) -> None:
    moment, result = now(run), run.snapshot.result
    assert result is not None
    layer = result.layers[5]
    kept = (layer.weights - layer.zeros) / (result.weights - result.zeros)
    note = charts.budget(moment, 5).note
    assert f"{100 * layer.weights / result.weights:.1f}" in note
    assert f"{100 * kept:.1f}" in note


def test_charts_have_data_and_words(run: source.Inspected) -> None:
    moment = now(run)
    seen = source.portrait_of(run, moment, 0)
    assert seen is not None
    first = run.snapshot.surveys[0].curves
    bars = charts.weights(moment, first, 0, histogram(seen.before), "r")
    assert bars.figure["data"][0]["type"] == "bar"
    panels = [bars, charts.way(run.snapshot, moment, 0, "r"), charts.moves(seen, True), charts.budget(moment, 0)]
    assert all(panel.figure["data"] and panel.summary and panel.note for panel in panels)


def test_a_method_that_learns_nothing_has_no_way() -> None:
    snapshot = tell([event for event in events(5, 10) if type(event).__name__ != "Stepped"])
    moment = moment_at(snapshot)
    assert moment is not None
    assert "no thresholds" in charts.way(snapshot, moment, 0, "r").note


def test_what_a_layer_costs_rises_and_is_drawn(run: source.Inspected) -> None:
    found = source.sensitivity_of(run, 0)
    assert not isinstance(found, str)
    zeros, errors = found
    assert zeros[-1] == 432
    assert errors[-1] > errors[len(errors) // 2] > errors[0] == 0.0
    assert charts.sensitivity(now(run), 0, zeros, errors).figure["data"]


def test_the_picture_has_a_pixel_a_weight_and_says_which_filters_died() -> None:
    before = torch.randn(8, 4, 3, 3)
    after = before.clone()
    after[2] = 0
    seen = LayerPortrait.between(before, after)
    content, size = mask_png(seen)
    assert size == (4 * 4, 8 * 4)
    assert Image.open(BytesIO(content)).size == size
    assert dead_words(seen).startswith("1 of 8 filters are empty (2); every input channel is used.")
    assert max(mask_png(LayerPortrait.at(torch.randn(3000, 700), 1.0))[1]) <= 1200


def test_a_first_visit_shows_the_largest_layer_of_the_recording(app: AppTest) -> None:
    opened(app)
    assert address(app) == {}
    assert [box.value for box in app.selectbox] == [source.RECORDING, "layer3.0.conv2"]


def test_layer_and_step_are_in_the_address(app: AppTest) -> None:
    opened(app, layer="linear", step="100")
    assert app.slider[0].value == 100
    assert app.selectbox[1].value == "linear"
    app.slider[0].set_value(30).run()
    assert address(app) == {"layer": "linear", "step": "30"}


def test_kept_runs_are_offered_by_what_they_were(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    common: dict[str, Any] = {"origin": Origin.CLI, "model": "digits-vit", "method": "erk", "config": {}, "threads": 1}
    done = RunRecord("one", Kept.DONE, target_sparsity=0.8, started=2.0, title="for Monday", **common)
    other = RunRecord("two", Kept.FAILED, target_sparsity=0.8, started=3.0, **common)
    store = SimpleNamespace(runs=lambda: (done, other))
    monkeypatch.setattr(runs, "keeping", lambda: SimpleNamespace(store=lambda: store))
    assert source.choices() == {source.RECORDING: "the recording", "one": "for Monday: digits-vit, erk, 80.0%"}


def test_a_run_of_ones_own_can_be_chosen_and_one_that_is_gone_gives_way(app: AppTest) -> None:
    opened(app, run="never-was")
    assert address(app) == {}


@pytest.mark.parametrize("layer", [layer.name for layer in recorded().started.layers][::6])  # type: ignore[union-attr]
def test_every_kind_of_layer_comes_up(app: AppTest, layer: str) -> None:
    opened(app, layer=layer)


def test_only_a_bundled_model_s_sensitivity_is_measured_unasked(run: source.Inspected) -> None:
    assert source.quick(run)
    for config in (RunConfig(images="set.zip"), RunConfig(model="resnet18"), RunConfig(model="mine:net")):
        assert not source.quick(replace(run, config=config))


def test_a_layer_that_the_model_does_not_have_any_more_is_told(run: source.Inspected) -> None:
    assert "fewer layers now" in str(source.sensitivity_of(run, 1000))
