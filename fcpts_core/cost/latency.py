"""What the zeros buy in time, measured on this machine, in the runtimes that are installed.

Every runtime gets the model twice: as it is, and a twin whose zeros are filled with numbers. What is faster for the
zeros alone shows between the two. Calls of all runtimes take turns, so that a busy moment hits all alike; each runs
`WARM_UP` times unmeasured at first, and once more before every call that counts. Told are the median and the quartiles.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fcpts_core.cost.sparse_linear import with_sparse_blocks, with_sparse_rows
from fcpts_core.errors import InputError, RunError
from fcpts_core.export.source import Source

WARM_UP, FEWEST, MOST = 3, 10, 60
SECONDS = 1.0
"""How long each runtime is measured, at least `FEWEST` and at most `MOST` calls."""

WORTH = 1.05
"""A smaller gain is no speed-up, whatever the clocks say."""

LAYOUTS = {"sparse rows": with_sparse_rows, "sparse blocks": with_sparse_blocks}
"""Ways of PyTorch to store linear layers without their zeros."""


@dataclass(frozen=True)
class Timing:
    """Seconds a call: median and quartiles of `calls`."""

    median: float
    low: float
    high: float
    calls: int


@dataclass(frozen=True)
class Latency:
    """One runtime with this model; `dense` is the twin without zeros, in the dense runtime of the same library.

    `faster` says whether the zeros make it faster beyond the spread; `sentence` says so in words.
    """

    runtime: str
    sparse: Timing
    dense: Timing
    faster: bool
    sentence: str

    @property
    def speed_up(self) -> float:
        return self.dense.median / self.sparse.median


@dataclass(frozen=True)
class Measured:
    """All runtimes that could be measured, and a sentence for each that could not."""

    latencies: tuple[Latency, ...]
    missing: tuple[str, ...]
    batch: int
    threads: int


Call = Callable[[], object]


def measure(source: Source, batch: int = 1, seconds: float = SECONDS) -> Measured:
    """Times every runtime that there is with `batch` images at a time."""
    twin = replace(source, tensors=filled(source))
    images, calls, missing = source.images(batch), {}, []
    pairs: list[tuple[str, str, str]] = []
    with torch.inference_mode():
        calls["torch"], calls["torch twin"] = _called(source.network, images), _called(twin.network, images)
        pairs.append(("PyTorch", "torch", "torch twin"))
        for what, stored in LAYOUTS.items():
            try:
                network, count = stored(source, images)
                calls[what] = _called(network, images)
                pairs.append(
                    (f"PyTorch, {what} in {count} linear layer{'' if count == 1 else 's'}", what, "torch twin")
                )
            except InputError as error:
                missing.append(f"PyTorch with {what}: {error}")
        for name, maker in (("ONNX Runtime", _onnxruntime), ("OpenVINO", _openvino)):
            try:
                calls[name], calls[f"{name} twin"] = maker(source, images), maker(twin, images)
                pairs.append((name, name, f"{name} twin"))
            except (InputError, RunError) as error:
                missing.append(f"{name}: {error}")
        timings = timed(calls, seconds)
    latencies = tuple(compared(title, timings[own], timings[other]) for title, own, other in pairs)
    return Measured(latencies, tuple(missing), batch, torch.get_num_threads())


def timed(calls: dict[str, Call], seconds: float, clock: Callable[[], float] = time.perf_counter) -> dict[str, Timing]:
    """How long each call takes, all in turns."""
    for call in calls.values():
        for _ in range(WARM_UP):
            call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    end = clock() + seconds * len(calls)
    for number in range(MOST):
        if number >= FEWEST and clock() >= end:
            break
        for name, call in list(calls.items())[:: 1 if number % 2 else -1]:
            call()  # what another runtime has left in the caches is nobody's fault
            began = clock()
            call()
            found[name].append(clock() - began)
    return {name: _timing(values) for name, values in found.items()}


def compared(runtime: str, sparse: Timing, dense: Timing) -> Latency:
    """Faster is what gains more than `WORTH`, and whose slower quarter is still below the twin's faster quarter."""
    gain = dense.median / sparse.median
    faster = gain >= WORTH and sparse.high < dense.low
    sentence = (
        f"{gain:.2f} times as fast as without zeros."
        if faster
        else "No speed-up on this runtime: it takes as long as without zeros."
        if gain > 1 / WORTH or sparse.low <= dense.high
        else "No speed-up on this runtime: it takes longer than without zeros."
    )
    return Latency(runtime, sparse, dense, faster, sentence)


def filled(source: Source) -> dict[str, Tensor]:
    """The tensors with small numbers in place of the zeros of all prunable layers."""
    generator = torch.Generator().manual_seed(0)
    names = {f"{row.name}.weight" for row in source.result.layers}
    found = dict(source.tensors)
    for name in names:
        weight = found[name]
        scale = weight.abs().max().clamp_min(1e-3) / 100
        noise = scale * torch.randn(weight.shape, generator=generator)
        found[name] = torch.where(weight == 0, noise.to(weight.dtype), weight)
    return found


def _called(network: nn.Module, images: Tensor) -> Call:
    return lambda: network(images)


def _onnxruntime(source: Source, images: Tensor) -> Call:
    from fcpts_core.export.onnx_file import exported, runtime_session

    session, given = runtime_session(exported(source)), {"images": images.numpy()}
    return lambda: session.run(None, given)


def _openvino(source: Source, images: Tensor) -> Call:
    try:
        import openvino
    except ImportError:
        raise InputError("not installed.") from None
    from fcpts_core.export.onnx_file import exported

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(exported(source)), "CPU", {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
    )
    given = images.numpy()
    return lambda: compiled(given)


def _timing(seconds: list[float]) -> Timing:
    low, _, high = statistics.quantiles(seconds, n=4)
    return Timing(statistics.median(seconds), low, high, len(seconds))
