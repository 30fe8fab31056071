"""The table of sensitivities of a run: told, kept as a file, and taken up again by another run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from fcpts_core.allocation import measuring
from fcpts_core.allocation.sensitivity import Sensitivity
from fcpts_core.compare.cells import grid
from fcpts_core.compare.contender import Contender
from fcpts_core.engine import artifacts
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Phase, Sensed, dump_lines
from fcpts_core.engine.run import Run, execute
from fcpts_core.errors import InputError
from tests.engine.toy_runs import config, result


def searched(**changes: Any) -> RunConfig:
    return config("uniform", **{"allocation": "sensitivity", **changes})


def saved(tmp_path: Path, given: RunConfig) -> str:
    """The file that a run leaves."""
    lines = "".join(dump_lines(execute(given))).encode()
    (content,) = artifacts.sensitivity_table(lines).values()
    path = tmp_path / "sensitivity.json"
    path.write_bytes(content)
    return str(path)


def test_a_run_tells_its_table_and_how_far_the_measuring_is(conv: nn.Module) -> None:
    events = list(execute(searched()))
    (told,) = [event for event in events if isinstance(event, Sensed)]
    texts = [event.text for event in events if isinstance(event, Phase)]
    count = len(told.names)
    assert [text for text in texts if "sensitivity" in text] == [
        f"measuring sensitivity: layer {layer} of {count}" for layer in range(1, count + 1)
    ]
    assert Sensitivity(**vars(told)).sizes == told.sizes


def test_another_run_takes_the_table_up_and_measures_nothing(
    conv: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, searched())
    expected = {sparsity: result(list(execute(searched(sparsity=sparsity)))).layers for sparsity in (0.5, 0.8)}
    monkeypatch.setattr(measuring, "MEASURES", {})
    for sparsity, layers in expected.items():
        events = list(execute(searched(sparsity=sparsity, sensitivities=path)))
        assert result(events).layers == layers
        assert not any(isinstance(event, Sensed) for event in events)
        assert artifacts.sensitivity_table("".join(dump_lines(events)).encode()) == {}


def test_a_table_serves_either_budget(conv: nn.Module, tmp_path: Path) -> None:
    path = saved(tmp_path, searched())
    found = result(list(execute(searched(budget="flops", sparsity=0.8, sensitivities=path))))
    assert found.budget == "flops"
    assert found.flops_kept is not None
    assert found.flops_kept <= 0.2
    assert found.layers == result(list(execute(searched(budget="flops", sparsity=0.8)))).layers


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"allocation": "erk"}, "the allocation is erk, which needs none"),
        ({"exclude": ("linear",)}, r"is of \d+ layers .*, those to be pruned are \d+ .*: measure"),
        ({"sensitivity_error": "layer"}, "holds errors of the logits, the setting sensitivity_error asks for"),
        ({"sensitivities": "nowhere.json"}, "nowhere.json cannot be read as a table of sensitivities"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    conv: nn.Module, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    path = saved(tmp_path, searched())
    with pytest.raises(InputError, match=sentence):
        list(Run(searched(**{"sensitivities": path, **changes})).events())


def test_a_comparison_gives_the_table_to_those_that_need_it_and_knows_old_cells(tmp_path: Path) -> None:
    path = tmp_path / "sensitivity.json"
    path.write_text("{}")
    contenders = [Contender.read(text) for text in ("erk", "obc")]
    without = {cell.label: cell for cell in grid([RunConfig()], contenders, [0.5], [0], 1)}
    cells = grid([RunConfig(sensitivities=str(path))], contenders, [0.5], [0], 1)
    assert [cell.config.sensitivities for cell in cells] == [None, str(path)]
    assert cells[0].name == without["erk"].name
    assert cells[1].name != without["obc"].name
