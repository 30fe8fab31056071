"""What is installed is what is in the repository: the pins, and a wheel with its assets inside."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "tests")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_to_what_the_tests_run_with(file: str) -> None:
    for line in (ROOT / file).read_text().splitlines():
        pin = re.fullmatch(r"([\w-]+)==([\w.]+)", line)
        assert pin, f"{line} in {file} is not an exact pin"
        assert version(pin[1]).split("+")[0] == pin[2]


def test_a_wheel_carries_the_assets(tmp_path: Path) -> None:
    source, wheels, target = (tmp_path / name for name in ("source", "wheels", "target"))
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    (source / "assets" / "deep").mkdir(parents=True)
    (source / "assets" / "deep" / "er.txt").write_text("here")
    pip(source, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), ".")
    pip(source, "install", "--no-deps", "--no-index", "--target", str(target), *map(str, wheels.iterdir()))

    read = "from fcpts_core.assets import asset; print(asset('deep', 'er.txt').read_text(), asset())"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", read], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["here", str(target / "fcpts_core" / "_assets")]
    modules = {path.relative_to(ROOT) for path in (ROOT / "fcpts_core").rglob("*.py")}
    assert all((target / module).is_file() for module in modules)


def pip(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
