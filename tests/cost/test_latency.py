"""Latencies: who is timed, in which order, and what is said of the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from fcpts_core.cli import main
from fcpts_core.cost.latency import (
    FEWEST,
    MOST,
    SECONDS,
    WARM_UP,
    Timing,
    compared,
    filled,
    measure,
    timed,
)
from tests.cost.test_layers import toy


class Clock:
    """Tells a time that only calls move on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_medians_and_quartiles_of_calls_in_turns() -> None:
    clock, order = Clock(), []

    def call(name: str, seconds: float) -> None:
        order.append(name)
        clock.now += seconds

    found = timed({"a": lambda: call("a", 1.0), "b": lambda: call("b", 3.0)}, 5.0, clock)
    assert found["a"] == Timing(1.0, 1.0, 1.0, FEWEST)
    assert found["b"].median == 3.0
    assert order[: 2 * WARM_UP] == ["a"] * WARM_UP + ["b"] * WARM_UP
    assert order.count("a") == order.count("b") == WARM_UP + 2 * FEWEST
    assert timed({"a": lambda: call("a", 1e-6)}, SECONDS, clock)["a"].calls == MOST


def test_only_a_gain_beyond_the_spread_is_a_speed_up() -> None:
    dense = Timing(1.0, 0.95, 1.05, 20)
    assert compared("x", Timing(0.5, 0.45, 0.6, 20), dense).sentence == "2.00 times as fast as without zeros."
    for sparse in (Timing(0.9, 0.5, 1.3, 20), Timing(0.98, 0.97, 0.99, 20), dense):
        found = compared("x", sparse, dense)
        assert not found.faster
        assert found.sentence == "No speed-up on this runtime: it takes as long as without zeros."
    assert "takes longer" in compared("x", Timing(2.0, 1.9, 2.1, 20), dense).sentence


def test_the_twin_has_no_zeros_and_otherwise_the_same_weights() -> None:
    source = toy()
    twin = filled(source)
    for name, tensor in source.tensors.items():
        assert bool((twin[name] != 0).all())
        assert torch.equal(twin[name][tensor != 0], tensor[tensor != 0])


def test_every_runtime_that_is_there_is_measured() -> None:
    source = toy()
    found = measure(source, batch=2, seconds=0.0)
    assert [row.runtime for row in found.latencies][:2] == ["PyTorch", "PyTorch, sparse rows in 1 linear layer"]
    assert any(row.runtime == "ONNX Runtime" for row in found.latencies)
    assert all(row.sparse.calls >= FEWEST and row.sparse.low <= row.sparse.high for row in found.latencies)
    assert len(found.latencies) + len(found.missing) == 5


def test_the_command_tells_all_of_a_kept_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ["--store", str(tmp_path)]
    assert main(["run", "--method", "uniform", "--calibration-size", "16", "--id", "one", *place]) == 0
    capsys.readouterr()
    assert main(["cost", "one", "--json", "--threads", "1", *place]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["flops"] == 2 * found["macs"] > 2 * found["macs_kept"] > 0
    assert {layer["name"] for layer in found["layers"]} >= {"conv1", "linear"}
    assert {row["runtime"] for row in found["latency"]["runtimes"]} >= {"PyTorch", "ONNX Runtime"}
    assert all(row["sentence"] for row in found["latency"]["runtimes"])
    assert main(["cost", "one", "--no-latency", *place]) == 0
    text = capsys.readouterr().out
    assert "Engines that make use of zeros:" in text
    assert "Measured here" not in text
    assert main(["cost", "two", *place]) == 2
    assert "There is no run two" in capsys.readouterr().err
    assert main(["cost", "two.safetensors", *place]) == 2
    assert "There is no weights file" in capsys.readouterr().err
