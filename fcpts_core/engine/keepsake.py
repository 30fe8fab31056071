"""What a recording keeps beside its events: the sparse weights, and the facts that date each figure.

    NAME.jsonl.gz          the events (`fcpts_core.engine.recording`)
    NAME.safetensors       the sparse weights, packed (`fcpts_core.export.bitmask`)
    NAME.json              `Facts`

All three are of one run; `fcpts_core.engine.recording.record` writes them together.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

PASSES = 15
ZIP_LEVEL = 6
PIXELS = 500 * 16 * 16
"""Pixels in one pass: 500 small images, or a few large ones."""


@dataclass(frozen=True)
class Facts:
    """What was measured of the weights.

    `files` are sizes in bytes: `dense` the file of the dense model, `zeros` the same with the zeros in it, `zip` that
    one compressed, `bitmask` the packed one. `seconds` are the medians of one pass over `images` images, in processor
    time on `threads` threads, `dense` and `sparse`.
    """

    date: str
    machine: str
    threads: int
    versions: Mapping[str, str]
    files: Mapping[str, int]
    seconds: Mapping[str, float]
    images: int

    @property
    def ratio(self) -> float:
        """How many times as long the sparse model takes as the dense one."""
        return self.seconds["sparse"] / self.seconds["dense"]


def beside(recording: Path, suffix: str) -> Path:
    """`NAME.safetensors` or `NAME.json` of `NAME.jsonl.gz`."""
    return recording.with_name(recording.name.removesuffix(".gz").removesuffix(".jsonl") + suffix)


def load_facts(recording: Path) -> Facts:
    """The facts of a recording; InputError where they are not there."""
    path = beside(recording, ".json")
    try:
        return Facts(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"The facts of the recording {path} cannot be read ({error}): record the run again.") from None


def keep(config: RunConfig, state_dict: Mapping[str, Tensor], recording: Path) -> Facts:
    """Writes weights and facts of the run beside its recording."""
    from fcpts_core.export.bitmask import bitmask_file

    facts = measure(config, state_dict)
    beside(recording, ".safetensors").write_bytes(bitmask_file(state_dict))
    beside(recording, ".json").write_text(json.dumps(asdict(facts), indent=1) + "\n")
    return facts


def measure(config: RunConfig, state_dict: Mapping[str, Tensor], passes: int = PASSES) -> Facts:
    """The facts of these sparse weights on this machine, today; takes a few seconds.

    A pass sees noise in place of images: how long it takes does not depend on what they show.
    """
    import torch

    from fcpts_core.engine.artifacts import model_file
    from fcpts_core.export.bitmask import bitmask_file
    from fcpts_core.models.cards import load_model

    drawn = config.seed if config.random_weights else None
    dense, sparse = (load_model(config.model, config.weights, random=drawn) for _ in range(2))
    sparse.module.load_state_dict(dict(state_dict))
    plain = model_file(state_dict)
    images = max(4, min(500, PIXELS // math.prod(dense.input_shape[1:])))
    inputs = torch.randn(images, *dense.input_shape, generator=torch.Generator().manual_seed(0))
    return Facts(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        threads=torch.get_num_threads(),
        versions={"python": platform.python_version(), "torch": version("torch")},
        files={
            "dense": len(model_file(dense.module.state_dict())),
            "zeros": len(plain),
            "zip": len(zlib.compress(plain, ZIP_LEVEL)),
            "bitmask": len(bitmask_file(state_dict)),
        },
        seconds=_passes({"dense": dense.module, "sparse": sparse.module}, inputs, passes),
        images=images,
    )


def machine() -> str:
    """The processor's name and the number of cores."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores"


def _passes(networks: Mapping[str, nn.Module], inputs: Tensor, passes: int) -> dict[str, float]:
    """Median seconds of a pass of each, taken in turns, so that a machine whose speed drifts treats them alike."""
    import torch

    found: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode():
        for number in range(passes + 1):
            for name, network in networks.items():
                began = time.process_time()
                network.eval()(inputs)
                if number:  # the first one warms up
                    found[name].append(time.process_time() - began)
    return {name: statistics.median(times) for name, times in found.items()}


def weights_beside(recording: Path) -> dict[str, Any]:
    """The sparse weights of a recording, dense tensors by name; InputError where they are not there."""
    from fcpts_core.models.weights import read_weights

    return dict(read_weights(beside(recording, ".safetensors")).tensors)
