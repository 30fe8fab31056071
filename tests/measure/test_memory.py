"""The peak of resident memory, forgotten at the beginning of each run where the system can do so."""

import ctypes
import platform
import subprocess
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
    memory.begin()
    blocks = [np.ones(2**13) for _ in range(4000)]  # 64 KiB each: too small to be mapped one by one
    full = memory.peak_rss_mb()
    del blocks[::2]
    memory.give_back()
    (memory.PROC / "clear_refs").write_text(memory.RESET)
    assert memory.peak_rss_mb() < full - 50
    assert all(block.all() for block in blocks)


USING = """
import resource
import numpy as np
from fcpts_core.measure import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        np.ones(2**23).sum()  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    memory.PROC.joinpath("clear_refs").write_text(memory.RESET)
    return memory.peak_rss_mb()

mapped = faults()
memory.keep_freed(2**25)
small = faults()
memory.keep_freed(2**26)
faults()
kept, held = faults(), resident()
memory.give_back()
print(mapped, small, kept, held - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep what they like")
def test_large_blocks_are_kept_for_the_next_and_go_back_when_asked() -> None:
    told = subprocess.run([sys.executable, "-c", USING], capture_output=True, text=True, check=True).stdout
    mapped, small, kept, gone = map(float, told.split())
    assert small > mapped / 2
    assert kept < mapped / 10
    assert gone > 50


def test_a_c_library_without_such_settings_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory.keep_freed(2**30)
    memory.give_back()
