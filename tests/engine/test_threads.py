"""Runs share the cores, step back behind the page, and end with the program."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from fcpts_core.engine.events import Event
from fcpts_core.engine.threads import BACKGROUND_NICENESS, all_threads, share, torch_threads
from tests.engine.stories import CONFIG, Build, Told, finished, until


class Curious(Told):
    """Notes its thread's torch threads and niceness."""

    def events(self) -> Iterator[Event]:
        thread = threading.get_native_id()
        self.seen = (torch.get_num_threads(), os.getpriority(os.PRIO_PROCESS, thread))
        yield finished(0)


def test_each_run_has_its_share_of_the_cores_and_steps_back_behind_the_page(open_registry: Build) -> None:
    run = Curious()
    before = torch.get_num_threads()
    registry = open_registry(lambda config: run, max_running=1)
    until(registry, registry.submit(CONFIG))
    threads, niceness = run.seen
    assert threads == share(1) == max(1, all_threads() - 1)
    assert torch.get_num_threads() == before
    if sys.platform == "linux":
        assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + BACKGROUND_NICENESS)


def test_every_run_has_a_thread_however_many_there_are() -> None:
    assert share(10 * all_threads()) == 1


def test_torch_threads_are_put_back_after_an_error() -> None:
    seen: list[int] = []

    def fail(count: int) -> None:
        with torch_threads(count):
            seen.append(torch.get_num_threads())
            raise ZeroDivisionError

    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        fail(before + 1)
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_the_core_of_background_runs_knows_no_page() -> None:
    code = "import sys, fcpts_core.engine.workers; print({'streamlit', 'torch'} & set(sys.modules))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert seen.stdout.strip() == "set()"


def test_a_running_registry_does_not_keep_the_interpreter_from_ending() -> None:
    code = """
import itertools
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Phase
from fcpts_core.engine.workers import RunRegistry

class Endless:
    state_dict = None
    def events(self):
        for count in itertools.count():
            yield Phase(str(count))

registry = RunRegistry(make_run=lambda config: Endless())
registry.wait(registry.submit(RunConfig()), "running")
print("bye")
"""
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (seen.stdout.strip(), seen.stderr) == ("bye", "")
