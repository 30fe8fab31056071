"""How much memory is left: the smaller of the machine's and the group's, and a sentence for what would not fit."""

from pathlib import Path

import pytest

from fcpts_core.data import room
from fcpts_core.errors import InputError


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(room, "GROUP", tmp_path)
    monkeypatch.setattr(room, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    return tmp_path


def limits(group: Path, limit: str) -> None:
    (group / "memory.max").write_text(limit)
    (group / "memory.current").write_text("1000000\n")
    (group / "memory.stat").write_text("anon 5\ninactive_file 50000\n")


def test_without_a_group_the_machine_s_memory_counts(group: Path) -> None:
    assert room.available_bytes() == 4000 * 1024


def test_a_group_without_a_limit_changes_nothing(group: Path) -> None:
    limits(group, "max\n")
    assert room.available_bytes() == 4000 * 1024


def test_a_group_s_limit_counts_where_it_is_closer(group: Path) -> None:
    limits(group, "3000000\n")
    assert room.available_bytes() == 2_050_000


def test_what_fits_is_let_through_and_what_does_not_is_refused(group: Path) -> None:
    room.require_room(3_000_000, "It", "use less")
    with pytest.raises(InputError, match=r"It would need 4 MB of memory, 4 MB are free: use less\."):
        room.require_room(4_000_000, "It", "use less")


@pytest.mark.parametrize(("count", "words"), [(270_123_456, "270 MB"), (1_400_000_000, "1.4 GB")])
def test_sizes_in_words(count: int, words: str) -> None:
    assert room.size_words(count) == words
