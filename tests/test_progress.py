"""The progress bar is for terminals, and changes nothing of what passes through it."""

from __future__ import annotations

import io
import sys

import pytest

from fcpts_core.engine.events import Phase
from fcpts_core.progress import followed
from tests.engine.stories import story


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_same_events_come_out(monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]) -> None:
    monkeypatch.setattr(sys, "stderr", stream())
    assert list(followed(story(20))) == list(story(20))


def test_nothing_is_drawn_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    list(followed(story(20)))
    assert stream.getvalue() == ""


def test_a_terminal_sees_how_much_of_a_phase_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    list(followed([Phase("making calibration images", 0.37)]))
    assert "making calibration images" in terminal.getvalue()
    assert "37/100" in terminal.getvalue()


def test_a_terminal_sees_phases_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    list(followed(story(20)))
    assert "measuring" in terminal.getvalue()
    assert "20/20" in terminal.getvalue()
