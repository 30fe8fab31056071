"""A comparison on the command line: all cells once, figures that agree with the runs, and what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fcpts_core.cli import main
from fcpts_core.compare import command
from fcpts_core.compare.cells import Cell, grid, kept
from fcpts_core.compare.contender import Contender
from fcpts_core.compare.table import rows, to_text
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError, RunError
from fcpts_core.methods import METHODS
from tests.engine.stories import finished

GRID = ["compare", "--methods", "uniform,erk", "--sparsities", "0.5,0.9", "--calibration-size", "16", "--threads", "1"]


def compare(capsys: pytest.CaptureFixture[str], out: Path, *more: str, code: int = 0) -> Any:
    assert main([*GRID, "--out", str(out), "--json", *more]) == code
    return json.loads(capsys.readouterr().out or "null")


def test_every_cell_is_there_once_and_says_what_its_run_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = compare(capsys, tmp_path)
    assert [(row["method"], row["target_sparsity"]) for row in table] == [
        (method, sparsity) for method in ("uniform", "erk") for sparsity in (0.5, 0.9)
    ]
    assert main(["run", "--method", "erk", "--sparsity", "0.9", "--calibration-size", "16", "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    row = table[-1]
    for name in ("accuracy", "agreement", "flops_kept", "sparsity", "dense_accuracy"):
        assert row[name] == pytest.approx(alone[name])
    written = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [float(line["accuracy"]) for line in written] == [row["accuracy"] for row in table]


def test_a_finished_cell_is_never_computed_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compare(capsys, tmp_path)
    ran: list[Cell] = []
    real = command._result

    def counted(cell: Cell, arguments: Any) -> Any:
        ran.append(cell)
        return real(cell, arguments)

    monkeypatch.setattr(command, "_result", counted)
    assert compare(capsys, tmp_path) == first
    assert ran == []
    damaged = sorted((tmp_path / "cells").iterdir())[0]
    damaged.write_text(damaged.read_text()[:100])
    again = compare(capsys, tmp_path)
    assert len(ran) == 1
    assert [row["accuracy"] for row in again] == [row["accuracy"] for row in first]
    compare(capsys, tmp_path, "--set", "layer_cap=0.99")
    assert len(ran) == 5


def test_a_cell_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = command._result

    def sometimes(cell: Cell, arguments: Any) -> Any:
        if cell.config.sparsity == 0.5:
            raise RunError("It broke.")
        return real(cell, arguments)

    monkeypatch.setattr(command, "_result", sometimes)
    assert main([*GRID, "--out", str(tmp_path), "--json"]) == 1
    output = capsys.readouterr()
    assert [row["target_sparsity"] for row in json.loads(output.out)] == [0.9, 0.9]
    assert "2 of 4 cells failed, the others are kept: digits-resnet20, erk, 0.5, seed 0: It broke." in output.err


def test_settings_of_one_contender_are_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = compare(capsys, tmp_path, "--methods", "uniform,uniform:allocation=erk,erk")
    accuracy = {(row["method"], row["target_sparsity"]): row["accuracy"] for row in table}
    assert accuracy["uniform:allocation=erk", 0.9] == accuracy["erk", 0.9] != accuracy["uniform", 0.9]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--methods", "lottery"], "There is no method 'lottery'"),
        (["--methods", " , "], "There are no methods to compare"),
        (["--methods", "uniform:fast"], "'fast' in 'uniform:fast' is no setting"),
        (["--models", "no-such-net"], "There is no model 'no-such-net'"),
        (["--sparsities", "0.9,most"], "'most' is not a number"),
        (["--sparsities", "1.5"], "The target sparsity is 1.5"),
        (["--seeds", "-1"], "The seed is -1"),
        (["--models", "cifar-resnet20", "--weights", "nowhere.safetensors"], "nowhere.safetensors cannot be read"),
        (["--steps", "5"], "uniform learns nothing"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], sentence: str
) -> None:
    assert main([*GRID, "--out", str(tmp_path), *given]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "cells").exists()


def test_a_contender_reads_patterns_too_and_takes_more_settings() -> None:
    found = Contender.read("best:pattern=2:4:steps=5")
    assert (found.method, dict(found.overrides)) == ("best", {"pattern": "2:4", "steps": "5"})
    more = found.having("steps", "7").having("budget", "flops")
    assert more.text == "best:pattern=2:4:steps=7:budget=flops"
    assert Contender.read(more.text) == more.checked()
    with pytest.raises(InputError, match="There is no setting speed"):
        found.having("speed", "9").checked()


def test_targets_of_multiply_adds_are_named_in_the_table() -> None:
    plain = finished(3).result
    flops = replace(plain, budget="flops", flops_kept=0.1)
    text = to_text(rows([("ours", flops), ("best:budget=flops", flops), ("theirs", plain)]))
    assert "ours (of multiply-adds)" in text
    assert "best:budget=flops  " in text
    assert "theirs  " in text


def test_names_tell_cells_apart_and_are_the_same_again() -> None:
    base = RunConfig()
    contenders = [Contender.read(text) for text in ("fcpts", "fcpts:steps=5", "uniform")]
    cells = grid([base], contenders, [0.5, 0.9], [0, 1], 1)
    assert len({cell.name for cell in cells}) == 12
    assert [cell.name for cell in grid([base], contenders, [0.5, 0.9, 0.5], [0, 1], 1)] == [c.name for c in cells]
    assert {cell.name for cell in grid([base], contenders, [0.5], [0], 2)}.isdisjoint(cell.name for cell in cells)


def test_the_table_averages_seeds_and_marks_the_best() -> None:
    result = finished(3).result
    table = rows(
        [
            ("ours", replace(result, accuracy=0.5)),
            ("ours", replace(result, accuracy=0.7)),
            ("theirs", replace(result, accuracy=0.55)),
        ]
    )
    assert [(row.method, row.runs) for row in table] == [("ours", 2), ("theirs", 1)]
    assert [row.accuracy for row in table] == pytest.approx([0.6, 0.55])
    assert table[0].spread == pytest.approx(0.1)
    text = to_text(table)
    assert "60.00 ±10.00*" in text
    assert "55.00 " in text
    assert "55.00*" not in text


def test_a_cell_without_a_file_is_not_kept(tmp_path: Path) -> None:
    assert kept(tmp_path, Cell(RunConfig(), 1, "fcpts")) is None


def test_another_default_is_another_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(RunConfig(), 1, "fcpts")
    before = cell.name
    monkeypatch.setitem(METHODS, "fcpts", replace(METHODS["fcpts"], usual={"ramp": 0.3}))
    assert cell.name != before
