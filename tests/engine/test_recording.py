"""A recorded run draws the same as the live one, and a thinned recording is a small part of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcpts_core.engine.events import Stepped, Surveyed, dump_lines
from fcpts_core.engine.recording import Journal, load_recording, save_recording, thin
from fcpts_core.engine.snapshot import tell
from fcpts_core.errors import InputError
from tests.engine.stories import story


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
@pytest.mark.parametrize("steps", [0, 1, 777])
def test_replay_is_live(tmp_path: Path, name: str, steps: int) -> None:
    events = tuple(story(steps))
    save_recording(events, tmp_path / name)
    replay = load_recording(tmp_path / name)
    assert replay == events
    assert tell(replay) == tell(events)


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        save_recording(story(20), tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_the_journal_can_be_read_while_it_grows() -> None:
    journal, events = Journal(), list(story(50))
    assert journal.text() == b""
    for count, event in enumerate(events, start=1):
        journal.add(event)
        assert journal.text().decode() == "".join(dump_lines(events[:count]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.jsonl", b"not json\n"),
        ("run.jsonl", b'{"event": "exploded"}\n'),
        ("run.jsonl", b'{"event": "phase"}\n'),
        ("run.jsonl", b"[1]\n"),
        ("run.jsonl", b"\xff\xfe\n"),
        ("run.jsonl.gz", b"not gzip"),
        ("run.jsonl.gz", gzip.compress(b'{"event": "phase", "text": "a"}\n', mtime=0)[:-9]),
    ],
)
def test_damaged_recordings_are_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="is damaged: expected one JSON event a line"):
        load_recording(tmp_path / name)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.jsonl cannot be read"):
        load_recording(tmp_path / "no.jsonl")


@given(steps=st.integers(0, 200), points=st.integers(2, 60), surveys=st.integers(2, 60))
def test_thinning_keeps_the_ends_and_the_order(steps: int, points: int, surveys: int) -> None:
    events = tuple(story(steps, survey_every=3))
    small = thin(events, points, surveys)
    for kind, limit in ((Stepped, points), (Surveyed, surveys)):
        before = [event.step for event in events if isinstance(event, kind)]
        after = [event.step for event in small if isinstance(event, kind)]
        assert len(after) == min(limit, len(before))
        assert after == sorted(set(after))
        assert set(after) <= set(before)
        assert after[:1] + after[-1:] == before[:1] + before[-1:]
    assert tell(small).result == tell(events).result
    assert tell(small).started == tell(events).started


def test_thinning_rounds_what_is_drawn_and_nothing_else() -> None:
    events = tuple(story(40))
    for before, after in zip(events, thin(events, points=100, digits=3), strict=True):
        if isinstance(before, Stepped):
            assert isinstance(after, Stepped)
            assert after.thresholds == pytest.approx(before.thresholds, rel=5e-3)
            assert after.seconds == pytest.approx(before.seconds, rel=5e-3)
            assert after.step == before.step
        elif isinstance(before, Surveyed):
            assert isinstance(after, Surveyed)
            assert after.curves[0].pdf == pytest.approx(before.curves[0].pdf, rel=5e-3)
        else:
            assert after == before
    assert thin(events, points=100, digits=17) == events


def test_a_thinned_recording_is_smaller(tmp_path: Path) -> None:
    events = tuple(story(1000, survey_every=10))
    save_recording(events, tmp_path / "all.jsonl.gz")
    save_recording(thin(events, points=100, surveys=20), tmp_path / "thin.jsonl.gz")
    assert (tmp_path / "thin.jsonl.gz").stat().st_size * 5 < (tmp_path / "all.jsonl.gz").stat().st_size
