"""Engines that do make use of zeros, what they ask for, where that is written, and whether a model has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fcpts_core.cost.layers import LayerCost, ModelCost

MANY, MOST = 0.3, 2 / 3
"""Shares of zeros in a layer: from the first sparse kernels of mobile engines begin to pay, the second is safe."""


ENOUGH = 0.1
"""The share of the multiply-adds that an engine must be able to save something of."""


@dataclass(frozen=True)
class Engine:
    """`gains` and `needs` are phrases; `judge` says whether a model qualifies, and why."""

    name: str
    gains: str
    needs: str
    source: str
    judge: Callable[[ModelCost], tuple[bool, str]]


@dataclass(frozen=True)
class Verdict:
    """What one engine would make of one model."""

    engine: str
    gains: str
    needs: str
    source: str
    qualifies: bool
    why: str


def verdicts(cost: ModelCost) -> tuple[Verdict, ...]:
    """All engines, with what they would make of this model."""
    return tuple(
        Verdict(engine.name, engine.gains, engine.needs, engine.source, *engine.judge(cost)) for engine in ENGINES
    )


def _mobile(cost: ModelCost) -> tuple[bool, str]:
    return _share(cost, lambda layer: layer.sparsity >= MANY, f"layers with at least {MANY:.0%} zeros")


def _pointwise(cost: ModelCost) -> tuple[bool, str]:
    if not any(layer.pointwise for layer in cost.layers):
        return False, "it has no 1x1 convolutions"
    return _share(cost, lambda layer: layer.pointwise and layer.sparsity >= MOST, "sparse 1x1 convolutions")


def _bitmask(cost: ModelCost) -> tuple[bool, str]:
    share = cost.total.bytes["bitmask"] / max(1, cost.total.bytes["dense"])
    return share < 1, f"a bit mask and the kept weights take {share:.0%} of the dense bytes"


def _two_four(cost: ModelCost) -> tuple[bool, str]:
    return _share(cost, lambda layer: "2:4" in layer.patterns, "layers that satisfy 2:4")


def _matrices(cost: ModelCost) -> tuple[bool, str]:
    if not any(layer.kind == "Linear" for layer in cost.layers):
        return False, "it has no linear layers"
    fits, why = _share(cost, lambda layer: layer.kind == "Linear" and layer.sparsity >= 0.8, "linear layers 80% sparse")
    return fits, f"{why}; it must be quantised to 8 bits first" if fits else why


def _share(cost: ModelCost, holds: Callable[[LayerCost], bool], words: str) -> tuple[bool, str]:
    """Whether any of the work is in such layers, and how much."""
    fitting = sum(layer.macs for layer in cost.layers if holds(layer))
    share = fitting / cost.macs if cost.macs else 0.0
    return share >= ENOUGH, f"{share:.0%} of its multiply-adds are in {words}"


ENGINES = (
    Engine(
        "MNN",
        "time and size on mobile processors",
        "weights with 30% zeros or more, anywhere or in blocks along the output channels",
        "https://www.besthub.dev/articles/how-mnn-s-sparse-computing-boosts-mobile-ai-inference-performance-92eca51f384a",
        _mobile,
    ),
    Engine(
        "XNNPACK (TensorFlow Lite)",
        "time on processors",
        "1x1 convolutions most of whose weights are zero, anywhere",
        "https://blog.tensorflow.org/2021/07/build-fast-sparse-on-device-models-with-tf-mot-pruning-api.html",
        _pointwise,
    ),
    Engine(
        "Core ML",
        "size; weights are unpacked when they are loaded or used",
        "any zeros: a bit mask and the values that are left",
        "https://apple.github.io/coremltools/source/coremltools.optimize.coreml.pruning.html",
        _bitmask,
    ),
    Engine(
        "TensorRT",
        "time on Nvidia GPUs with sparse tensor cores (Ampere and later)",
        "at most 2 non-zeros of any 4 consecutive input channels",
        "https://developer.nvidia.com/blog/accelerating-inference-with-sparsity-using-ampere-and-tensorrt",
        _two_four,
    ),
    Engine(
        "OpenVINO",
        "memory traffic on Intel Xeon processors with AMX",
        "matrix products with 8-bit weights, many of them zero",
        "https://docs.openvino.ai/2025/notebooks/sparsity-optimization-with-output.html",
        _matrices,
    ),
)
