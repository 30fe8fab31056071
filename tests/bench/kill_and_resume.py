"""Kills a short run of the digits at random moments, again and again, and compares what the resumed one ends with.

`python -m tests.bench.kill_and_resume --times 50` takes some minutes; it ends with 1 where a single bit differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fcpts_core.store import keeper
from fcpts_core.store.records import Kept
from fcpts_core.store.store import Store

RUN = ["--steps", "12", "--calibration-size", "32", "--set", "batch_size=16", "--threads", "1"]


def program(store: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, keeper.VARIABLE: "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fcpts_core", *arguments, "--store", str(store), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def digest(store: Path, key: str) -> str:
    return hashlib.sha256((store / "runs" / key / "model.safetensors").read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--method", default="fcpts")
    given = parser.parse_args()
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        store, settings = Path(folder), [*RUN, "--method", given.method]
        began = time.monotonic()
        assert program(store, "run", *settings, "--id", "whole").wait() == 0
        usual, expected = time.monotonic() - began, digest(store, "whole")
        index = Store(store)
        killed = runs = 0
        while killed < given.times:
            key = f"run-{runs}"
            runs += 1
            arguments = ["run", *settings, "--id", key]
            while True:
                child = program(store, *arguments)
                try:
                    child.wait(chance.uniform(0.15, 1.0) * usual)
                except subprocess.TimeoutExpired:
                    child.send_signal(signal.SIGKILL)
                child.wait()
                if child.returncode == 0:
                    break
                assert child.returncode == -signal.SIGKILL, child.returncode
                killed += 1
                found = index.find(key)
                if found is not None and found.state is Kept.DONE:
                    break  # all was written already
                if found is not None:
                    arguments = ["resume", key]
            assert digest(store, key) == expected, f"{key} ended with other bits"
        states = [record.state.value for record in index.runs()]
        assert states == ["done"] * (runs + 1), states
    print(f"{killed} kills in {runs} runs of {given.method}: all ended with the same bits, every run is in the store")


if __name__ == "__main__":
    main()
