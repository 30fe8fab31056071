"""A run that is put down after any step and gone on with from what was saved ends with the same bits."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from fcpts_core.bookmark import Bookmark, Saved, tensors_of
from fcpts_core.engine.solve import solve
from fcpts_core.methods import METHODS
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.registry import RECONSTRUCTIONS
from fcpts_core.store.checkpoint import read_checkpoint, write_checkpoint
from tests.cases import NETWORKS, images, plain_net, problem

CASES = {**NETWORKS, "plain": plain_net}
LEARNING = [name for name, entry in RECONSTRUCTIONS.items() if entry.learns]
SEARCHES: dict[str, dict[str, Any]] = {
    "learned": {"search_steps": 23},
    "evolutionary": {"search_steps": 3},
    "sensitivity": {},
    "priced": {},
    "by layer": {"allocation": "sensitivity", "sensitivity_error": "layer"},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "second-order start": {"reconstruction": "net-wise", "start": "admm", "ramp": 0.0},
    "stages": {"reconstruction": "net-wise", "start": "admm", "stages": 3, "ramp": 0.6},
    "stages by magnitude": {"reconstruction": "net-wise", "stages": 2, "ramp": 0.5},
    "bfloat16": {"reconstruction": "net-wise", "precision": "bfloat16"},
    "budget of multiply-adds": {"budget": "flops"},
    "fixed masks": {"reconstruction": "net-wise", "masks": "fixed", "optimizer": "adam"},
    "as released": {
        "threshold_map": "sigmoid",
        "density": "histogram",
        "threshold_gradient": "plain",
        "teacher_norms": "train",
        "estimator": "box",
        "keep_floor": 0.0,
        "pruned_decay": 0.01,
    },
    "sparse inputs": {"reconstruction": "layer-wise", "layer_inputs": "sparse", "optimizer": "adam"},
}


def task_of(network: str, method: str = "fcpts", **settings: Any) -> Problem:
    # No multiple of the batch: the end of a pass over the images is not the end of a step.
    usual = {"steps": 13, "batch_size": 8} if METHODS[method].learns else {}
    return problem(CASES[network](), method, data=images(20, labelled=True), **{**usual, **settings})


def driven(telling: Generator[Any, None, tuple[float, ...]], task: Problem, stop: int | None = None) -> Any:
    """What the telling returns; with `stop`, what is saved after so many events that there is something to save at."""
    seen = 0
    try:
        while True:
            next(telling)
            if stop is not None and (found := task.bookmark.state()) is not None:
                seen += 1
                if seen == stop:
                    return found
    except StopIteration as end:
        return end.value


def passed_by_file(saved: Saved, folder: Path) -> Saved:
    write_checkpoint(folder / "checkpoint.safetensors", saved)
    return read_checkpoint(folder / "checkpoint.safetensors")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def check(folder: Path, network: str, stops: tuple[int, ...], settings: dict[str, Any]) -> None:
    whole = task_of(network, **settings)
    thresholds = driven(solve(whole), whole)
    expected, teacher = tensors_of(whole.student), tensors_of(whole.teacher)
    for stop in stops:
        first = task_of(network, **settings)
        first.bookmark.wanted = True
        telling = solve(first)
        saved = driven(telling, first, stop)
        assert isinstance(saved, Saved), "the run was over before it could be put down"
        start = first.bookmark.start
        telling.close()
        second = replace(
            task_of(network, **settings),
            bookmark=Bookmark(passed_by_file(saved, folder), start),
        )
        assert driven(solve(second), second) == thresholds
        assert same(tensors_of(second.student), expected)
        assert same(tensors_of(second.teacher), teacher)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", LEARNING)
def test_every_reconstruction_goes_on_to_the_same_bits(name: str, network: str, tmp_path: Path) -> None:
    check(tmp_path, network, (1, 6, 13), {"reconstruction": name})


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_goes_on_to_the_same_allocation(name: str, tmp_path: Path) -> None:
    settings = {"allocation": name, "reconstruction": "norms", "steps": 0, **SEARCHES[name]}
    check(tmp_path, "conv", (1, 2), settings)


def test_after_a_search_only_its_result_is_needed(tmp_path: Path) -> None:
    check(tmp_path, "conv", (6,), {"allocation": "sensitivity", "reconstruction": "net-wise", "steps": 4})


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.learns])
def test_every_method_that_learns_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    check(tmp_path, "conv", (7,), {"method": name, "search_steps": 2, "keep_start": False})


@pytest.mark.parametrize("name", VARIANTS)
def test_settings_that_add_to_the_state_go_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    check(tmp_path, "conv", (4, 11), VARIANTS[name])


@pytest.mark.parametrize("name", ["fcpts", "best"])
def test_norms_for_the_time_of_learning_go_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    check(tmp_path, "plain", (2, 9), {"method": name, "keep_start": False})
