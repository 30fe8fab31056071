"""What every named set owes: it is fetched only when asked, and says what to do where it is not there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fcpts_core.cli import main
from fcpts_core.data.sources.fetching import fetch
from fcpts_core.data.sources.registry import SOURCES, source
from fcpts_core.data.sources.source import VARIABLE, Source, data_directory
from fcpts_core.errors import InputError, RunError
from fcpts_core.tasks.registry import TASKS


@pytest.fixture(autouse=True)
def nothing_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("entry", SOURCES.values(), ids=SOURCES)
def test_a_set_that_is_not_there_says_what_to_do(entry: Source) -> None:
    assert source(entry.name) is entry
    assert entry.task in TASKS
    if entry.download is None:
        entry.require()
        return
    assert not entry.on_disk
    with pytest.raises(InputError, match=f"{entry.name} is not on this disk: expected in .* Add --download to fetch"):
        entry.require()
    assert not data_directory().exists()


def test_the_list_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [*SOURCES, "synthetic"]
    assert (rows["digits"]["data"], rows["cifar10"]["data"], rows["synthetic"]["data"]) == (
        "bundled",
        "download",
        "made",
    )
    assert main(["data"]) == 0
    assert "download, 170 MB" in capsys.readouterr().out


def test_an_unknown_name_has_its_sentence() -> None:
    with pytest.raises(InputError, match=r"no data 'cifar': expected a path or one of digits.* Did you mean cifar10"):
        source("cifar")


def test_a_server_that_cannot_be_reached_is_told_in_a_sentence() -> None:
    def unreachable(directory: Path) -> None:
        raise OSError("timed out")

    with pytest.raises(RunError, match=r"could not be fetched from .*OSError: timed out.*connect to the network"):
        fetch(replace(SOURCES["cifar10"], download=unreachable))


def test_what_is_there_is_not_fetched_again(nothing_yet: Path) -> None:
    asked: list[Path] = []
    there = replace(SOURCES["cifar10"], download=asked.append, is_there=lambda directory: True)
    fetch(there)
    fetch(SOURCES["digits"])
    assert asked == []
    fetch(replace(there, is_there=lambda directory: False))
    assert asked == [nothing_yet / "cifar10"]
