"""Kept runs from the command line: listed, resumed to the same bits after a kill -9, deleted, never in the way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fcpts_core.cli import main
from fcpts_core.engine.events import Event, Stepped
from fcpts_core.engine.run import Run
from fcpts_core.store import keeper
from fcpts_core.store.folder import CHECKPOINT, EVENTS, MODEL, PREVIOUS, RunFolder
from fcpts_core.store.following import kept
from fcpts_core.store.opening import open_store
from fcpts_core.store.place import VARIABLE, store_directory
from fcpts_core.store.records import Kept

KEYS = ["id", "state", "model", "method", "target_sparsity"]
KEYS += ["sparsity", "accuracy", "step", "steps", "started", "seconds"]
SHORT = ["--steps", "8", "--calibration-size", "32", "--set", "batch_size=16", "--threads", "1"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command that must go well prints as JSON."""
    code = main([*arguments, "--json"])
    output = capsys.readouterr()
    assert (code, output.err) == (0, "")
    return json.loads(output.out.splitlines()[-1])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


def test_runs_are_listed_and_deleted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ["--store", str(tmp_path)]
    assert said(capsys, "runs", *place) == []
    quick = ["--method", "uniform", "--calibration-size", "16", *place]
    assert said(capsys, "run", *quick, "--id", "one")["id"] == "one"
    made_up = said(capsys, "run", *quick)["id"]
    listed = said(capsys, "runs", *place)
    assert [row["id"] for row in listed] == [made_up, "one"]
    assert all(list(row) == KEYS for row in listed)
    assert {row["state"] for row in listed} == {"done"}
    assert "There is a run one already" in refused(capsys, "run", *quick, "--id", "one")
    assert "is done already" in refused(capsys, "resume", "one", *place)
    assert main(["delete", "one", *place]) == 0
    assert [row["id"] for row in said(capsys, "runs", *place)] == [made_up]
    assert not (tmp_path / "runs" / "one").exists()
    assert "There is no run one" in refused(capsys, "delete", "one", *place)


def test_cells_of_a_comparison_are_kept_to_their_end(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, store = str(tmp_path / "out"), str(tmp_path / "store")
    given = ["--methods", "uniform,fcpts:steps=2", "--sparsities", "0.8", "--calibration-size", "16"]
    assert main(["compare", *given, "--out", out, "--store", store]) == 0
    capsys.readouterr()
    runs = said(capsys, "runs", "--store", store)
    assert sorted((run["method"], run["state"]) for run in runs) == [("fcpts", "done"), ("uniform", "done")]
    assert all(run["accuracy"] is not None for run in runs)


def test_the_store_is_where_somebody_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert store_directory() == tmp_path
    assert store_directory("elsewhere") == Path("elsewhere")
    monkeypatch.delenv(VARIABLE)
    assert store_directory().name == "fcpts-playground"


def test_what_was_asked_wrongly_leaves_no_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    refused(capsys, "run", "--images", "nowhere.npz", "--id", "one", "--store", str(tmp_path))
    assert said(capsys, "runs", "--store", str(tmp_path)) == []


def test_a_store_that_was_named_must_be_usable_and_another_one_need_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    quick = ["run", "--method", "uniform", "--calibration-size", "16"]
    assert "cannot write to" in refused(capsys, *quick, "--store", str(tmp_path / "file" / "store"))
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert main([*quick, "--json"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith("fcpts: This run is not kept. The store cannot write to")
    assert json.loads(output.out)["id"] is None


def program(*arguments: str, store: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, keeper.VARIABLE: "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fcpts_core", *arguments, "--store", str(store), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed(store: Path, key: str, arguments: list[str], lines: int) -> None:
    """Begins or resumes a run and kills it when it has told so many events."""
    child = program(*arguments, store=store)
    events = store / "runs" / key / EVENTS
    while child.poll() is None and not (events.exists() and events.read_bytes().count(b"\n") >= lines):
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.communicate()


def timeless(told: tuple[Event, ...]) -> list[object]:
    """The learning steps without their clocks."""
    return [
        (event.step, event.total, event.thresholds, event.layer_sparsity)
        for event in told
        if isinstance(event, Stepped)
    ]


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_the_same_bits(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = ["--store", str(tmp_path)]
    said(capsys, "run", *SHORT, *place, "--id", "whole")
    begin = ["run", *SHORT, "--id", "torn"]
    killed(tmp_path, "torn", begin, random.Random(5).randint(4, 8))
    killed(tmp_path, "torn", ["resume", "torn"], 12)
    assert {row["id"]: row["state"] for row in said(capsys, "runs", *place)}["torn"] == "interrupted"
    result = said(capsys, "resume", "torn", *place, "--out", str(tmp_path / "out"))
    assert (result["id"], result["steps"]) == ("torn", 8)
    whole, torn = RunFolder(tmp_path / "runs" / "whole"), RunFolder(tmp_path / "runs" / "torn")
    assert (torn.path / MODEL).read_bytes() == (whole.path / MODEL).read_bytes()
    assert (tmp_path / "out" / MODEL).read_bytes() == (whole.path / MODEL).read_bytes()
    assert timeless(torn.events()) == timeless(whole.events())
    assert (tmp_path / "out" / EVENTS).read_bytes() == torn.text()


def test_a_damaged_checkpoint_costs_time_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = ["--store", str(tmp_path)]
    said(capsys, "run", *SHORT, *place, "--id", "whole")
    expected = (tmp_path / "runs" / "whole" / MODEL).read_bytes()
    monkeypatch.setenv(keeper.VARIABLE, "0")
    store = open_store(str(tmp_path))
    config = store.get("whole").run_config
    events = kept(store, store.begin(config, threads=1, key="torn"), Run(config))
    for event in events:
        if isinstance(event, Stepped) and event.step == 5:
            break
    events.close()
    assert store.get("torn").state is Kept.STOPPED
    folder = store.folder("torn")
    newest = folder.path / CHECKPOINT
    newest.write_bytes(newest.read_bytes()[:-100])
    after = keeper.continuation(folder)
    assert after.place is not None
    assert "is damaged" in after.remark
    (folder.path / PREVIOUS).write_bytes(b"\0" * 50)
    assert keeper.continuation(folder).place is None
    assert main(["resume", "torn", *place]) == 0
    assert "The run begins anew." in capsys.readouterr().err
    assert (folder.path / MODEL).read_bytes() == expected


def test_a_full_disk_takes_the_kept_run_away_and_not_the_result(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeper, "write_whole", fail)
    arguments = ["run", "--method", "uniform", "--calibration-size", "16", "--id", "one", "--store", str(tmp_path)]
    assert main([*arguments, "--json"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["zeros"] > 0
    assert "could not be kept" in output.err
    assert "No space left on device" in output.err
    (row,) = said(capsys, "runs", "--store", str(tmp_path))
    assert row["state"] == "failed"
