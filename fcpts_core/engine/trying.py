"""An estimate made in a process of its own, so that neither its memory nor its work disturbs whoever asks.

`python -m fcpts_core.engine.trying` takes one JSON object on standard input, `{"config": ..., "threads": n}`, and
answers with the estimate, or with `{"refused": sentence}`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fcpts_core
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.estimate import Estimate, estimate
from fcpts_core.errors import InputError, RunError

MODULE = "fcpts_core.engine.trying"
PATIENCE = 180.0
"""Seconds after which a run counts as too long to be tried."""


def tried(config: RunConfig, threads: int) -> Estimate:
    """What the run would take; InputError where it would be refused, RunError where it cannot be tried."""
    paths = [str(Path(fcpts_core.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", MODULE],
            input=json.dumps({"config": config.to_json(), "threads": threads}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            check=True,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise RunError(
            f"Trying a few steps took more than {PATIENCE:.0f} seconds: expect about a minute a step, or "
            "take a smaller batch or smaller images."
        ) from None
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        raise RunError("The run could not be tried: its process ended, most likely for lack of memory.") from error
    if "refused" in answer:
        raise InputError(answer["refused"])
    return Estimate.from_json(answer)


def main() -> None:
    from fcpts_core.engine.threads import torch_threads

    order = json.loads(sys.stdin.read())
    try:
        with torch_threads(order["threads"]):
            answer = estimate(RunConfig.from_json(order["config"])).to_json()
    except (InputError, RunError) as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
