"""The peak of resident memory, forgotten at the beginning of each run where the system can do so."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fcpts_core.measure import memory


def use(megabytes: int) -> None:
    block = np.ones(megabytes * 2**17)
    assert block.sum() == megabytes * 2**17


def test_the_peak_holds_what_was_used() -> None:
    memory.begin()
    before = memory.peak_rss_mb()
    use(200)
    assert memory.peak_rss_mb() > before + 150


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep one peak a process")
def test_a_new_beginning_forgets_the_peak() -> None:
    use(200)
    high = memory.peak_rss_mb()
    memory.begin()
    assert memory.peak_rss_mb() < high - 150


def test_without_that_service_the_process_tells_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "PROC", tmp_path / "nowhere")
    memory.begin()
    assert memory.peak_rss_mb() > 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other C libraries give back by themselves, or never")
def test_holes_between_blocks_in_use_go_back_to_the_system() -> None:
    blocks = [np.ones(2**13) for _ in range(4000)]  # 64 KiB each: too small to be mapped one by one
    del blocks[::2]
    memory.begin()
    before = memory.peak_rss_mb()
    memory.give_back()
    memory.begin()
    assert memory.peak_rss_mb() < before - 50
    assert all(block.all() for block in blocks)
