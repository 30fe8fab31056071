"""What it saves that large blocks are kept for the next of their size, beside the C library's own way.

`python -m tests.bench.bench_kept_memory [--steps 8] [--batch 32]`. A MobileNetV2 with random weights learns from noise
of 224x224, each side in a process of its own, since what the C library is told holds for the process. Seconds are
those of the processor, in the program and in the system, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys

import torch
import torch.nn.functional as F

from fcpts_core.measure import memory
from fcpts_core.models.cards import load_model

MODEL, SIDE = "mobilenet-v2", 224


def learning(steps: int, batch: int) -> dict[str, float]:
    """Seconds in the program and in the system of a step, and the peak in MB."""
    network = load_model(MODEL, random=0).module.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    images = torch.randn(batch, 3, SIDE, SIDE)
    memory.begin()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(network(images), torch.zeros(batch, 1000)).backward()
        optimizer.step()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "program": (after.ru_utime - before.ru_utime) / steps,
        "system": (after.ru_stime - before.ru_stime) / steps,
        "peak": memory.peak_rss_mb(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--only", choices=("mapped", "kept"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        if arguments.only == "kept":
            memory.keep_freed(2**30)
        print(json.dumps(learning(arguments.steps, arguments.batch)))
        return
    given = ["--steps", str(arguments.steps), "--batch", str(arguments.batch)]
    for side in ("mapped", "kept"):
        command = [sys.executable, "-m", "tests.bench.bench_kept_memory", "--only", side, *given]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        print(
            f"{MODEL}, blocks {side:6}  {found['program']:6.2f} s in the program and {found['system']:5.2f} s in the "
            f"system a step   {found['peak']:6,.0f} MB"
        )


if __name__ == "__main__":
    main()
