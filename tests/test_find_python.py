"""Which interpreter `make` builds its environment from, tried on interpreters that are not there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "find_python.sh"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The only folder on PATH."""
    return tmp_path


def interpreter(path: Path, name: str, version: str, *, venv: bool = True) -> None:
    """A stand-in that answers as a Python of this version does, with or without its venv module."""
    new_enough = tuple(map(int, version.split("."))) >= (3, 11)
    answers = {"*version_info*": new_enough, "*venv*": venv}
    cases = "\n".join(f"{pattern}) exit {int(not good)};;" for pattern, good in answers.items())
    script = path / name
    script.write_text(f'#!/bin/sh\ncase "$*" in\n--version) echo Python {version};;\n{cases}\nesac\n')
    script.chmod(0o755)


def find(path: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.fspath(path), "PYTHON": python}
    return subprocess.run(["/bin/sh", SCRIPT], env=environment, capture_output=True, text=True)


def test_python3_comes_first(path: Path) -> None:
    interpreter(path, "python3", "3.11")
    interpreter(path, "python3.13", "3.13")
    assert find(path).stdout == "python3\n"


def test_a_newer_one_stands_in_for_an_old_python3(path: Path) -> None:
    interpreter(path, "python3", "3.10")
    interpreter(path, "python3.12", "3.12")
    assert find(path).stdout == "python3.12\n"


def test_one_with_venv_stands_in_for_one_without(path: Path) -> None:
    interpreter(path, "python3", "3.12", venv=False)
    interpreter(path, "python3.11", "3.11")
    assert find(path).stdout == "python3.11\n"


def test_a_named_one_is_taken(path: Path) -> None:
    interpreter(path, "python3", "3.11")
    interpreter(path, "mine", "3.13")
    assert find(path, "mine").stdout == "mine\n"


def test_a_named_one_is_not_replaced(path: Path) -> None:
    interpreter(path, "python3", "3.11")
    interpreter(path, "mine", "3.9")
    assert find(path, "mine").returncode == 1


@pytest.mark.parametrize(
    ("version", "venv", "words"),
    [
        ("3.10", True, "needs Python 3.11 or newer, but python3 is Python 3.10"),
        ("3.12", False, "python3 cannot make virtual environments: install its venv module"),
        (None, True, "needs Python 3.11 or newer, but python3 is not to be found"),
    ],
)
def test_without_a_fit_one_there_is_one_sentence(path: Path, version: str | None, venv: bool, words: str) -> None:
    if version is not None:
        interpreter(path, "python3", version, venv=venv)
    done = find(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
