"""Learning steps of a ResNet-50 beside a bare step of teacher and student: peak memory and time.

`python -m tests.bench.bench_resnet50 [--steps 20] [--batch 8] [--methods fcpts,fcpts:precision=auto] [--device cpu]`.
Weights are random, images are noise of 224x224. Each side runs in a process of its own, so that each has its own peak.
The bare step is what any distillation must do: the teacher's forward pass, the student's forward and backward pass, SGD
with momentum. The peak of a method is that of its learning, from reading the model on; what `best` solves before it
learns counts too. Memory is resident memory, on a GPU what PyTorch allocates there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from fcpts_core.compare.contender import Contender
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Stepped
from fcpts_core.engine.run import Run
from fcpts_core.measure import memory
from fcpts_core.models.cards import load_model

MODEL, SIDE, ALLOWED = "resnet50", 224, 1.2


def bare(steps: int, batch: int, device: str) -> dict[str, float]:
    """The peak in MB and the seconds of a step, the first one left out."""
    _begin(device)
    teacher, student = (load_model(MODEL, random=0).module.to(device) for _ in range(2))
    teacher.requires_grad_(False)
    optimizer = torch.optim.SGD(student.parameters(), lr=1e-3, momentum=0.9)
    times = []
    for _ in range(steps):
        began = time.perf_counter()
        images = torch.randn(batch, 3, SIDE, SIDE, device=device)
        with torch.no_grad():
            meant = teacher(images)
        optimizer.zero_grad(set_to_none=True)
        loss = F.mse_loss(student(images), meant)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(time.perf_counter() - began)
    return {"peak": _peak(device), "seconds": float(np.median(times[1:] or times))}


def learning(method: str, steps: int, batch: int, device: str) -> dict[str, float]:
    """Likewise, of a run of this method, settings of its own behind colons, up to its last learning step."""
    contender = Contender.read(method)
    _begin(device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.npz"
        noise = np.random.default_rng(0).integers(0, 256, (max(4 * batch, 32), SIDE, SIDE, 3), dtype=np.uint8)
        np.savez(path, images=noise)
        config = RunConfig(
            model=MODEL,
            method=contender.method,
            sparsity=0.9,
            images=str(path),
            random_weights=True,
            device=device,
            overrides={"steps": steps, "batch_size": batch, **contender.overrides},
        )
        found: list[tuple[float, float]] = []
        for event in Run(config).events():
            if isinstance(event, Stepped):
                found.append((event.seconds, _peak(device)))
                if len(found) == steps:
                    break
    seconds = np.diff([0.0, *(second for second, _ in found)])
    return {"peak": found[-1][1], "seconds": float(np.median(seconds[1:] if steps > 1 else seconds))}


def _begin(device: str) -> None:
    memory.begin()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> float:
    return torch.cuda.max_memory_allocated() / 2**20 if device.startswith("cuda") else memory.peak_rss_mb()


def _measured(what: str, arguments: argparse.Namespace) -> dict[str, float]:
    """One side in a process of its own."""
    given = ["--steps", str(arguments.steps), "--batch", str(arguments.batch), "--device", arguments.device]
    command = [sys.executable, "-m", "tests.bench.bench_resnet50", "--only", what, *given]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--methods", default="fcpts")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        how = arguments.steps, arguments.batch, arguments.device
        print(json.dumps(bare(*how) if arguments.only == "bare" else learning(arguments.only, *how)))
        return
    reference = _measured("bare", arguments)
    print(f"bare step                      {reference['peak']:8,.0f} MB   {reference['seconds']:7.2f} s a step")
    for method in arguments.methods.split(","):
        found = _measured(method, arguments)
        times = found["peak"] / reference["peak"]
        print(
            f"{method:30} {found['peak']:8,.0f} MB   {found['seconds']:7.2f} s a step   {times:.2f} times the memory "
            f"({'within' if times <= ALLOWED else 'above'} {ALLOWED:g}), "
            f"{found['seconds'] / reference['seconds']:.2f} times as long"
        )


if __name__ == "__main__":
    main()
