"""Every way to a browser, on machines made up for the purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import find_chromium as search
from tests.browser.find_chromium import Machine, NoChromiumError, find_chromium

SYSTEM = Path("/usr/bin/chromium")
PLAYWRIGHT = Path("/cache/chrome")


class Made:
    """A machine with some browsers that start, which `apt-get` and `playwright` may add to (`brings`)."""

    def __init__(self, browsers: set[Path], apt: bool = False, brings: dict[str, Path] | None = None) -> None:
        self.browsers = set(browsers)
        self.apt = apt
        self.brings = brings or {}
        self.commands: list[str] = []

    def on_path(self, name: str) -> Path | None:
        path = Path("/usr/bin", name)
        return path if path in self.browsers or (name == "apt-get" and self.apt) else None

    def run(self, *command: str) -> bool:
        text = " ".join(command)
        self.commands.append(text)
        self.browsers |= {browser for word, browser in self.brings.items() if f"{word} install" in text}
        return True

    def machine(self, *, is_root: bool = True) -> Machine:
        return Machine(self.on_path, self.browsers.__contains__, self.run, lambda: PLAYWRIGHT, is_root)


@pytest.mark.parametrize("name", search.NAMES)
def test_a_browser_on_path_is_taken_as_it_is(name: str) -> None:
    made = Made({Path("/usr/bin", name), PLAYWRIGHT}, apt=True)
    assert find_chromium(made.machine()) == Path("/usr/bin", name)
    assert made.commands == []


def test_one_fetched_earlier_is_taken_without_a_network() -> None:
    made = Made({PLAYWRIGHT}, apt=True)
    assert find_chromium(made.machine()) == PLAYWRIGHT
    assert made.commands == []


def test_root_on_debian_installs_the_package() -> None:
    made = Made(set(), apt=True, brings={"apt-get": SYSTEM, "playwright": PLAYWRIGHT})
    assert find_chromium(made.machine()) == SYSTEM
    assert [command.split()[:2] for command in made.commands] == [["apt-get", "update"], ["apt-get", "install"]]


def test_where_apt_brings_nothing_playwright_fetches_one_with_its_libraries() -> None:
    made = Made(set(), apt=True, brings={"playwright": PLAYWRIGHT})
    assert find_chromium(made.machine()) == PLAYWRIGHT
    assert "--with-deps" in made.commands[-1]


@pytest.mark.parametrize(("apt", "is_root"), [(True, False), (False, True)], ids=["not root", "no apt"])
def test_elsewhere_playwright_fetches_one(apt: bool, is_root: bool) -> None:
    made = Made(set(), apt=apt, brings={"apt-get": SYSTEM, "playwright": PLAYWRIGHT})
    assert find_chromium(made.machine(is_root=is_root)) == PLAYWRIGHT
    assert len(made.commands) == 1
    assert "--with-deps" not in made.commands[0]


def test_when_nothing_helps_a_sentence_says_so() -> None:
    with pytest.raises(NoChromiumError, match=r"^The browser tests need Chromium: .* Install your system's package"):
        find_chromium(Made(set(), apt=True).machine())


def test_a_signpost_in_place_of_a_browser_does_not_count(tmp_path: Path) -> None:
    signpost = tmp_path / "chromium-browser"
    signpost.write_text("#!/bin/sh\necho Get it from the shop.\nexit 1\n")
    signpost.chmod(0o755)
    assert not search.starts(signpost)
    assert not search.starts(tmp_path / "nothing")
    signpost.write_text("#!/bin/sh\necho Chromium 1.0\n")
    assert search.starts(signpost)


def test_what_a_command_prints_stays_off_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    assert search.run("echo", "fetching")
    assert not search.run("false")
    assert capfd.readouterr().out == ""


def test_playwright_says_where_it_would_keep_one() -> None:
    assert search.downloaded().is_absolute()
