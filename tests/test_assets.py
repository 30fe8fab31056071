from __future__ import annotations

import re
from pathlib import Path

import pytest

from fcpts_core import assets
from fcpts_core.errors import InputError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with nothing in it or beside it."""
    folder = tmp_path / "fcpts_core"
    folder.mkdir()
    monkeypatch.setattr(assets, "PACKAGE", folder)
    return folder


def put(folder: Path) -> Path:
    file = folder / "models" / "one.txt"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_a_checkout_has_its_assets_beside_the_package(package: Path) -> None:
    file = put(package.parent / "assets")
    assert assets.asset("models", "one.txt") == file


def test_an_installed_package_has_them_inside(package: Path) -> None:
    put(package.parent / "assets")
    file = put(package / "_assets")
    assert assets.asset("models", "one.txt") == file


def test_a_folder_is_found_too(package: Path) -> None:
    file = put(package.parent / "assets")
    assert assets.asset("models") == file.parent


def test_a_missing_one_is_named_with_the_place_it_should_be_at(package: Path) -> None:
    place = re.escape(str(package.parent / "assets" / "models" / "two.txt"))
    with pytest.raises(InputError, match=rf"assets/models/two\.txt is missing: expected it at {place}\."):
        assets.asset("models", "two.txt")
