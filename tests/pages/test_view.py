"""Which of run, recording and preview is shown, and what the strip says about it."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.job import RunView
from fcpts_core.engine.snapshot import Snapshot, State, tell
from pages._ui import charts
from pages._ui import numbers as fmt
from pages._ui.status.words import Status, status_of
from pages._ui.view import Kind, View, choose
from tests.pages.synthetic import events

CONFIG = RunConfig()
OTHER = RunConfig(sparsity=0.5)
TOLD = tell(events(6, steps=20))
PREVIEW = replace(tell(list(events(6, steps=20))[:3]), state=State.QUEUED)


def run(state: State, config: RunConfig = CONFIG, snapshot: Snapshot = TOLD, **more: object) -> RunView:
    view = RunView(
        id="abc",
        config=config,
        snapshot=replace(snapshot, state=state),
        asked=None,
        queue_position=None,
        submitted_at=time.time(),
        started_at=time.time(),
        finished_at=None,
        elapsed=1.0,
        eta=12.0,
    )
    return replace(view, **more)  # type: ignore[arg-type]


def words(view: View) -> Status:
    return status_of(view, charts.moment_at(view.snapshot))


def test_a_first_visit_shows_the_recording_and_says_so() -> None:
    view = choose(CONFIG, None, TOLD, PREVIEW, untouched=True)
    assert view.kind is Kind.RECORDING
    assert not view.active
    assert words(view).badge == "Recording"
    assert words(view).sentence.startswith("Recorded")


def test_any_other_setting_shows_its_preview() -> None:
    view = choose(OTHER, None, TOLD, PREVIEW, untouched=False)
    assert (view.kind, view.snapshot) == (Kind.PREVIEW, PREVIEW)
    assert "become zero" in words(view).sentence


def test_without_a_recording_a_first_visit_shows_the_preview() -> None:
    assert choose(CONFIG, None, None, PREVIEW, untouched=True).kind is Kind.PREVIEW


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.PAUSED])
def test_an_open_run_is_shown_whatever_the_settings_say(state: State) -> None:
    view = choose(OTHER, run(state), TOLD, PREVIEW, untouched=False)
    assert (view.kind, view.open, view.changed) == (Kind.RUN, True, True)
    assert view.active is (state is not State.PAUSED)


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED, State.FAILED])
def test_an_ended_run_is_shown_while_the_settings_are_its_own(state: State) -> None:
    same = choose(CONFIG, run(state), TOLD, PREVIEW, untouched=True)
    changed = choose(OTHER, run(state), TOLD, PREVIEW, untouched=False)
    assert (same.kind, same.open, same.active) == (Kind.RUN, False, False)
    assert (changed.kind, changed.changed) == (Kind.PREVIEW, True)
    assert changed.run is not None


def test_a_run_that_is_being_paused_or_stopped_is_still_watched() -> None:
    assert choose(CONFIG, run(State.PAUSED, asked=State.CANCELLED), TOLD, PREVIEW, untouched=True).active


def test_a_run_that_has_read_nothing_yet_goes_on_showing_its_preview() -> None:
    empty = Snapshot(State.RUNNING, phase="reading model and images")
    view = choose(CONFIG, run(State.RUNNING, snapshot=empty), TOLD, PREVIEW, untouched=True)
    assert view.snapshot.started == PREVIEW.started
    assert (view.state, view.snapshot.phase) == (State.RUNNING, "reading model and images")


def test_settings_that_cannot_run_say_why() -> None:
    view = choose(OTHER, None, TOLD, "No such weights: upload a file.", untouched=False)
    assert charts.moment_at(view.snapshot) is None
    assert view.problem == "No such weights: upload a file."
    assert (words(view).badge, words(view).tiles) == ("Not ready", ())


def test_every_state_has_its_own_badge_and_never_two_meanings() -> None:
    badges = {state: words(choose(CONFIG, run(state), None, PREVIEW, untouched=True)).badge for state in State}
    assert len(set(badges.values())) == len(State)


def test_a_queued_run_names_its_place() -> None:
    view = choose(CONFIG, run(State.QUEUED, queue_position=3), None, PREVIEW, untouched=True)
    assert "Number 3 in the queue" in words(view).sentence


def test_a_running_run_says_how_far_and_how_long() -> None:
    status = words(choose(CONFIG, run(State.RUNNING), None, PREVIEW, untouched=True))
    assert status.clock.startswith("step 20 of 20, about 10")
    assert "started" in status.clock
    assert status.progress == 1.0


def test_a_failed_run_gives_the_reason_and_what_to_do() -> None:
    failed = replace(TOLD, reason="The loss is not finite.")
    status = words(choose(CONFIG, run(State.FAILED, snapshot=failed), None, PREVIEW, untouched=True))
    assert status.sentence.startswith("The loss is not finite.")
    assert "press Run" in status.sentence


def test_the_result_is_exact_and_what_is_not_known_yet_is_a_dash() -> None:
    done = {tile.label: tile for tile in words(choose(CONFIG, run(State.DONE), None, PREVIEW, untouched=True)).tiles}
    assert TOLD.result is not None
    assert done["Sparsity"].note == f"exactly {TOLD.result.zeros:,} zeros"
    assert done["Accuracy"].value.startswith("98.9")
    early = choose(CONFIG, run(State.RUNNING, snapshot=replace(TOLD, result=None)), None, PREVIEW, untouched=True)
    tiles = {tile.label: tile for tile in words(early).tiles}
    assert (tiles["Accuracy"].value, tiles["Accuracy"].tone) == ("–", "missing")


def test_a_budget_of_multiply_adds_is_said_in_multiply_adds() -> None:
    assert TOLD.started is not None
    assert TOLD.result is not None
    uses = tuple(range(1, len(TOLD.started.layers) + 1))
    started = replace(TOLD.started, budget="flops", uses=uses, target_zeros=None)
    ended = replace(TOLD.result, budget="flops", flops_kept=0.0499)
    view = choose(
        CONFIG, run(State.DONE, snapshot=replace(TOLD, started=started, result=ended)), None, PREVIEW, untouched=True
    )
    tiles = {tile.label: tile for tile in words(view).tiles}
    assert "Sparsity" not in tiles
    assert tiles["Multiply-adds saved"].value.startswith("95.01")
    assert tiles["Multiply-adds saved"].note == f"target {fmt.percent(started.target_sparsity)}"
    assert "95.01" in words(view).sentence
    assert f"{ended.zeros:,} of {ended.weights:,} weights are zero." in words(view).sentence
    early = replace(view, snapshot=replace(view.snapshot, result=None, state=State.RUNNING))
    moment = charts.moment_at(early.snapshot)
    assert moment is not None
    worth = [u * layer.weights for u, layer in zip(uses, started.layers, strict=True)]
    saved = sum(r * w for r, w in zip(moment.sparsities, worth, strict=True)) / sum(worth)
    assert moment.saved == pytest.approx(saved)
    assert "multiply-adds saved" in json.dumps(charts.learning(early.snapshot, 5, "r").figure)


def test_replayed_numbers_are_those_of_the_step_that_is_looked_at() -> None:
    view = choose(CONFIG, None, TOLD, PREVIEW, untouched=True)
    early = status_of(view, charts.moment_at(view.snapshot, 5))
    assert early.clock.startswith("step 5 of 20")
    assert early.tiles != words(view).tiles


def test_a_run_without_steps_is_as_far_as_its_phase() -> None:
    assert TOLD.started is not None
    solving = replace(TOLD, started=replace(TOLD.started, steps=0), history=(), result=None, phase_share=0.4)
    status = words(choose(CONFIG, run(State.RUNNING, snapshot=solving), None, PREVIEW, untouched=True))
    assert status.progress == 0.4


def test_before_the_first_step_of_a_method_that_learns_the_phase_counts_too() -> None:
    assert TOLD.started is not None
    solving = replace(TOLD, history=(), result=None, phase_share=0.4)
    assert words(choose(CONFIG, run(State.RUNNING, snapshot=solving), None, PREVIEW, untouched=True)).progress == 0.4
    stepping = replace(TOLD, result=None, phase_share=None)
    assert words(choose(CONFIG, run(State.RUNNING, snapshot=stepping), None, PREVIEW, untouched=True)).progress == 1.0


def test_nothing_is_said_of_labels_before_the_dense_model_is_measured() -> None:
    begun = Snapshot(State.RUNNING, "measuring the dense model")
    tiles = words(choose(CONFIG, run(State.RUNNING, snapshot=begun), None, PREVIEW, untouched=True)).tiles
    assert [tile.note for tile in tiles if tile.label == "Accuracy"] == ["measured in the run"]


def test_the_agreement_is_called_by_its_name() -> None:
    assert TOLD.result is not None
    maps = replace(TOLD, result=replace(TOLD.result, agreements={"agreement mIoU": 0.5}))
    status = words(choose(CONFIG, run(State.DONE, snapshot=maps), None, PREVIEW, untouched=True))
    assert "Agreement mIoU" in [tile.label for tile in status.tiles]
