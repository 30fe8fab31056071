"""The recorded comparison of a first visit: it is there, whole, and packed the same again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fcpts_core.assets import asset
from fcpts_core.compare.cells import Cell, keep
from fcpts_core.compare.kinds import Kind, kind_of
from fcpts_core.compare.recording import load, pack
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.snapshot import State
from fcpts_core.errors import InputError
from fcpts_core.methods import METHODS
from tests.engine.stories import finished


def test_the_shipped_comparison_is_a_whole_grid_of_named_methods() -> None:
    cells = load(asset("recordings", "digits-resnet20-comparison.json.gz"))
    labels, targets = {view.cell.label for view in cells}, {view.cell.config.sparsity for view in cells}
    assert labels <= METHODS.keys()
    assert len(cells) == len(labels) * len(targets)
    assert all(view.result is not None and view.state is State.DONE for view in cells)
    assert {kind_of(label) for label in labels} == set(Kind)


def test_what_is_packed_is_what_was_kept(tmp_path: Path) -> None:
    result = finished(3).result
    cells = [Cell(RunConfig(sparsity=r, method=m), 1, m) for m in ("erk", "fcpts") for r in (0.8, 0.9)]
    for cell in reversed(cells):
        keep(tmp_path, cell, result)
    (tmp_path / "file").write_bytes(pack(tmp_path))
    found = load(tmp_path / "file")
    assert {view.cell.name for view in found} == {cell.name for cell in cells}
    assert [view.cell.config.sparsity for view in found] == [0.8, 0.9, 0.8, 0.9]
    assert all(view.result == result for view in found)
    assert pack(tmp_path) == pack(tmp_path)


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no cells"):
        pack(tmp_path)
    (tmp_path / "file").write_text("{}")
    with pytest.raises(InputError, match="record it again"):
        load(tmp_path / "file")


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("uniform", Kind.FIXED),
        ("uniform:allocation=sensitivity", Kind.SEARCHED),
        ("uniform:allocation=learned", Kind.LEARNED),
        ("uniform:allocation=power", Kind.FIXED),
        ("uniform:allocation=given:given=conv1@0.5 *@0.9", Kind.FIXED),
        ("obc", Kind.SEARCHED),
        ("obc:reconstruction=fcpts", Kind.LEARNED),
        ("fcpts-released", Kind.LEARNED),
        ("lottery", Kind.FIXED),
    ],
)
def test_a_method_is_of_the_kind_of_its_parts(label: str, kind: Kind) -> None:
    assert kind_of(label) is kind
