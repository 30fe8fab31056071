"""The page of kept runs and that of their cost, without a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.run import Run
from fcpts_core.engine.snapshot import Snapshot, tell
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.store.background import Background
from fcpts_core.store.following import kept
from fcpts_core.store.records import Kept, Origin, RunRecord
from fcpts_core.store.store import Store
from pages._ui import runs
from pages._ui.kept import pair
from pages._ui.kept.listing import filtered, rows, tags_of
from tests.pages.pretended import Pretended
from tests.pages.synthetic import events

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with a finished run, one that was stopped, and a server on it."""
    made = Store(tmp_path)
    config = RunConfig(method="uniform", sparsity=0.8, calibration_size=16)
    list(kept(made, made.begin(config, threads=1, key="finished"), Run(config)))
    made.begin(RunConfig(seed=3), threads=1, key="stopped")
    made.end("stopped", Kept.STOPPED)
    keeping = Background(lambda: made)
    registry = RunRegistry(make_run=Pretended, keeping=keeping)
    monkeypatch.setattr(runs, "keeping", lambda: keeping)
    monkeypatch.setattr(runs, "registry", lambda: registry)
    yield made
    registry.close()
    made.close()


@pytest.fixture
def app(store: Store) -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60)


def page(app: AppTest, name: str) -> AppTest:
    app.switch_page(f"pages/{name}.py").run()
    assert not app.exception
    return app


def record(key: str, **changes: Any) -> RunRecord:
    config = RunConfig(**changes.pop("config", {}))
    usual: dict[str, Any] = {
        "state": Kept.DONE,
        "origin": Origin.CLI,
        "model": config.model,
        "method": config.method,
        "target_sparsity": config.sparsity,
        "config": config.to_json(),
        "threads": 1,
        "started": 0.0,
    }
    return RunRecord(id=key, **{**usual, **changes})


def test_the_list_has_every_run_and_the_filter_takes_words_and_states() -> None:
    found = [
        record("one", title="First try", tags=("thesis",)),
        record("two", state=Kept.FAILED, note="odd loss"),
        record("three", method="best"),
    ]
    assert [row["Run"] for row in rows(found)] == ["First try", "two", "three"]
    assert filtered(found, "", ()) == tuple(found)
    assert filtered(found, "THESIS first", ()) == (found[0],)
    assert filtered(found, "odd", ()) == (found[1],)
    assert filtered(found, "", (Kept.FAILED,)) == (found[1],)
    assert filtered(found, "best", (Kept.FAILED,)) == ()
    assert tags_of(" a, b ,a,, c d") == ("a", "b", "c d")


def story(**changes: Any) -> Snapshot:
    return tell(events(6, 8, RunConfig(**changes)))


def test_two_runs_are_told_apart_layer_by_layer_and_setting_by_setting() -> None:
    one = record("one", config={"seed": 1, "overrides": {"steps": 8}})
    two = record("two", config={"seed": 2, "overrides": {"steps": 8, "temperature": "2"}})
    assert pair.settings_diff(one, one) == []
    assert pair.settings_diff(one, two) == [("seed", "1", "2"), ("temperature", "4", "2")]
    first = story()
    assert first.result is not None
    moved = tuple(replace(row, sparsity=row.sparsity / 2) for row in first.result.layers)
    second = replace(first, result=replace(first.result, layers=moved))
    panel = pair.differences([first, second], ["one", "two"])
    widest = max(first.result.layers, key=lambda row: row.sparsity)
    assert f"in {widest.name}, where one has" in panel.summary
    assert len(pair.curves([first, second], ["one", "two"]).figure["data"]) == 4
    other = replace(first, started=None)
    assert pair.differences([other, second], ["one", "two"]).summary == "The two runs have no layers in common."


def test_names_that_cannot_be_told_apart_get_letters() -> None:
    assert pair.names(record("one"), record("two")) == ("one", "two")
    assert pair.names(record("x" * 50), record("two"))[0].startswith("A: xxx")
    assert pair.names(record("a", title="same"), record("b", title="same")) == ("A: same", "B: same")


def test_the_page_lists_the_runs_and_says_what_they_take(app: AppTest, store: Store) -> None:
    page(app, "runs")
    assert set(app.dataframe[0].value["Run"]) == {"finished", "stopped"}
    assert any("2 runs take" in text.value for text in app.markdown)
    app.text_input(key="kept-filter").set_value("nothing like it").run()
    assert not app.dataframe
    app.number_input(key="kept-limit").set_value(1).run()
    assert store.keep_runs == 1
    assert len(store.runs()) == 1
    page(app, "runs")
    assert any("1 run takes" in text.value for text in app.markdown)


def test_a_kept_run_is_looked_at_on_the_playground(app: AppTest, store: Store) -> None:
    app.session_state["run"] = app.session_state["pinned"] = "finished"
    app.session_state["choices"], app.session_state["remarks"], app.session_state["layer"] = {}, [], None
    app.run()
    assert not app.exception
    assert {button.label for button in app.button} >= {"Prepare"}


def test_a_reload_shows_a_run_with_settings_that_the_page_has_no_field_for(app: AppTest, store: Store) -> None:
    config = RunConfig(method="uniform", sparsity=0.8, calibration_size=16, overrides={"pattern": "2:4"})
    list(kept(store, store.begin(config, threads=1, key="patterned"), Run(config)))
    address = {"run": "patterned", "method": "uniform", "sparsity": "0.8", "calibration": "16"}
    for name, text in address.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception
    assert "Prepare" in {button.label for button in app.button}


def test_a_stopped_run_can_be_gone_on_with(app: AppTest, store: Store) -> None:
    app.query_params["run"], app.query_params["seed"] = "stopped", "3"
    app.run()
    assert not app.exception
    (button,) = [button for button in app.button if button.label == "Go on"][:1]
    button.click().run()
    assert not app.exception
    assert not app.info
    end = time.monotonic() + 60
    while store.get("stopped").state is Kept.STOPPED and time.monotonic() < end:
        time.sleep(0.05)
    assert store.get("stopped").state in (Kept.RUNNING, Kept.QUEUED, Kept.DONE)


def test_a_run_that_is_not_there_is_not_passed_over_in_silence(app: AppTest) -> None:
    page(app, "cost")
    app.query_params["run"] = "never-was"
    app.run()
    assert "Another one is shown" in app.info[0].value


def test_the_cost_of_a_run_is_counted_on_its_page(app: AppTest) -> None:
    page(app, "cost")
    texts = " ".join(str(item.proto.body) for item in app.get("html"))
    assert "Multiply-adds" in texts
    assert "layer3.2.conv2" in texts
    assert "XNNPACK" in texts
