"""What a learning loop is made of, saved and set back: the networks, the optimizers, the order of the images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from fcpts_core.bookmark import Saved, fill, tensors_of
from fcpts_core.density import Density, Histogram
from fcpts_core.masks.parametrization import Pruned
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.norms import norm_layers
from fcpts_core.reconstruction.training import Training

DENSITIES: dict[str, Callable[..., Density | Histogram]] = {kind.__name__: kind for kind in (Density, Histogram)}


@contextmanager
def marked(problem: Problem, state: Training, name: str = "learning") -> Iterator[None]:
    """A loop over `state`, with whatever hangs on the student while it goes on; it may be saved between its steps."""
    with problem.bookmark.loop(name, lambda: save(problem, state), lambda saved: load(problem, state, saved)):
        yield


def save(problem: Problem, state: Training) -> Saved:
    """Everything that the next step depends on. Nothing is shared with what goes on learning."""
    found = Saved({"step": state.step})
    _put(found, "student", tensors_of(problem.student))
    if problem.settings.teacher_norms == "train":
        _put(found, "teacher", {str(n): t.detach().cpu().clone() for n, t in enumerate(_teacher_norms(problem))})
    found.tensors["generator"] = state.generator.get_state()
    found.tensors["waiting"] = state.waiting.clone()
    for name, optimizer in _optimizers(state).items():
        own: dict[str, Any] = optimizer.state_dict()
        for place, slots in own["state"].items():
            _put(found, f"{name}.{place}", {k: t.detach().cpu().clone() for k, t in slots.items() if _is_tensor(t)})
            rest = {key: value for key, value in slots.items() if not _is_tensor(value)}
            found.values.setdefault(name, {})[str(place)] = rest
        found.values[f"{name} rates"] = [group["lr"] for group in own["param_groups"]]
    for place, mask in enumerate(_masks(state)):
        own = {item.name: getattr(mask.density, item.name) for item in fields(mask.density)}
        _put(found, f"density.{place}", {key: value.clone() for key, value in own.items() if _is_tensor(value)})
        rest = {key: value for key, value in own.items() if not _is_tensor(value)}
        found.values.setdefault("densities", []).append([type(mask.density).__name__, rest])
    return found


def load(problem: Problem, state: Training, saved: Saved) -> None:
    """Inverse of `save`."""
    state.step = saved.values["step"]
    fill(problem.student, _part(saved, "student"))
    with torch.no_grad():
        for name, tensor in _part(saved, "teacher").items():
            _teacher_norms(problem)[int(name)].copy_(tensor)
    state.generator.set_state(saved.tensors["generator"])
    state.waiting = saved.tensors["waiting"]
    for name, optimizer in _optimizers(state).items():
        slots = {
            int(place): {**rest, **_part(saved, f"{name}.{place}")}
            for place, rest in saved.values.get(name, {}).items()
        }
        optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
        for group, rate in zip(optimizer.param_groups, saved.values[f"{name} rates"], strict=True):
            group["lr"] = rate
    for place, (mask, (kind, rest)) in enumerate(zip(_masks(state), saved.values.get("densities", []), strict=True)):
        mask.density = DENSITIES[kind](**rest, **_part(saved, f"density.{place}"))


def _optimizers(state: Training) -> dict[str, torch.optim.Optimizer]:
    return {name: value for name, value in vars(state).items() if isinstance(value, torch.optim.Optimizer)}


def _masks(state: Training) -> list[Pruned]:
    return [mask for mask in getattr(state, "masks", ()) if isinstance(mask, Pruned)]


def _teacher_norms(problem: Problem) -> list[Tensor]:
    """Running statistics of the teacher, which move where its norms are in training mode."""
    return [buffer for norm in norm_layers(problem.teacher) for buffer in norm.buffers()]


def _put(found: Saved, prefix: str, tensors: dict[str, Tensor]) -> None:
    found.tensors.update({f"{prefix}.{name}": tensor for name, tensor in tensors.items()})


def _part(saved: Saved, prefix: str) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): t for name, t in saved.tensors.items() if name.startswith(start)}


def _is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)
