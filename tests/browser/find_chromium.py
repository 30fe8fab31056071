"""Finds the Chromium that drives the browser tests, and installs one if there is none.

`python -m tests.browser.find_chromium` prints its path. In this order: a browser on PATH, one that Playwright fetched
earlier, the system's package (as root, where there is apt), one that Playwright fetches now.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoChromiumError(RuntimeError):
    """There is no Chromium and none could be installed."""


def on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def starts(browser: Path) -> bool:
    """Whether it is a browser at all: some systems put a signpost to their app shop in its place."""
    try:
        return subprocess.run([browser, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def run(*command: str) -> bool:
    """Whether the command went well; all that it prints goes to standard error."""
    print("+", *command, file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment).returncode == 0


def downloaded() -> Path:
    """Where Playwright keeps a Chromium of its own, fetched or not."""
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


@dataclass(frozen=True)
class Machine:
    """What the search asks the machine, and what it may do to it."""

    on_path: Callable[[str], Path | None] = on_path
    starts: Callable[[Path], bool] = starts
    run: Callable[..., bool] = run
    downloaded: Callable[[], Path] = downloaded
    is_root: bool = os.geteuid() == 0


def find_chromium(machine: Machine | None = None) -> Path:
    """The path of a Chromium that starts; raises NoChromiumError with a sentence if there is no way to one."""
    machine = machine or Machine()
    return installed(machine) or fetched(machine) or install(machine) or fetch(machine) or give_up()


def installed(machine: Machine) -> Path | None:
    found = filter(None, map(machine.on_path, NAMES))
    return next(filter(machine.starts, found), None)


def fetched(machine: Machine) -> Path | None:
    browser = machine.downloaded()
    return browser if machine.starts(browser) else None


def install(machine: Machine) -> Path | None:
    if not has_apt(machine):
        return None
    machine.run("apt-get", "update")
    machine.run("apt-get", "install", "--yes", "--no-install-recommends", "chromium")
    return installed(machine)


def fetch(machine: Machine) -> Path | None:
    libraries = ("--with-deps",) if has_apt(machine) else ()
    machine.run(sys.executable, "-m", "playwright", "install", "--no-shell", *libraries, "chromium")
    return fetched(machine)


def has_apt(machine: Machine) -> bool:
    return machine.is_root and machine.on_path("apt-get") is not None


def give_up() -> Path:
    raise NoChromiumError(
        f"The browser tests need Chromium: none of {', '.join(NAMES)} is on PATH and starts, and neither apt-get "
        "(as root) nor `playwright install chromium` brought one. Install your system's package and try again."
    )


if __name__ == "__main__":
    try:
        print(find_chromium())
    except NoChromiumError as error:
        sys.exit(str(error))
