"""What stands before a run: model, images and problem of a configuration, all that can be wrong with them found."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fcpts_core.allocation.given import given, rules
from fcpts_core.allocation.respect import budget_under
from fcpts_core.allocation.sensitivity import Sensitivity
from fcpts_core.data.images import ImageSet
from fcpts_core.engine.chosen_images import choosing
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Phase
from fcpts_core.engine.layout import arranged
from fcpts_core.errors import InputError
from fcpts_core.measure.flops import uses
from fcpts_core.methods import settings_for
from fcpts_core.models.cards import load_model
from fcpts_core.models.layers import PrunableLayer, all_layers, frozen, left_alone, prunable_layers
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.precision import precision_of
from fcpts_core.reconstruction.settings import Settings
from fcpts_core.silently import returned
from fcpts_core.tasks.registry import task

SPARSE = 0.001  # a share of zeros worth a word
SHOWN = 4  # names in one sentence


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that can be wrong has been found by now."""

    problem: Problem
    calibration: ImageSet
    test: ImageSet | None
    device: torch.device
    notes: tuple[str, ...] = ()


def prepare(config: RunConfig, rehearsal: bool = False) -> Prepared:
    """What `preparing` makes ready, without a word on the way."""
    return returned(preparing(config, rehearsal))


def preparing(config: RunConfig, rehearsal: bool = False) -> Generator[Phase, None, Prepared]:
    """Model, images and problem of a configuration; whatever does not fit is an InputError.

    In a `rehearsal` synthetic images are noise, since making them takes long.
    """
    settings = settings_for(config.method, config.overrides)
    device = _device(config.device)
    loaded = load_model(config.model, config.weights, random=config.seed if config.random_weights else None)
    images = yield from choosing(config, loaded, labelled=_by_labels(settings), rehearsal=rehearsal)
    teacher = loaded.module.to(device)
    purpose = task(loaded.card.task)
    images = arranged(images, teacher, purpose, precision_of(settings.precision, device))
    student = copy.deepcopy(teacher)
    asleep = frozen(all_layers(student))
    if asleep and len(asleep) == len(all_layers(student)):
        raise InputError(
            f"All {len(asleep)} layers of {config.model} take no gradient (requires_grad is off), and such layers are "
            f"left alone: expected some that may change."
        )
    layers = prunable_layers(student, (*config.exclude, *asleep), config.include)
    weights = [layer.weight.detach() for layer in layers]
    worth = _worth(settings, student, layers, images.calibration.inputs(torch.arange(1)).to(device))
    budget = budget_under(settings.pattern, weights, config.sparsity, settings.layer_cap, worth)
    if settings.allocation == "given":
        given(layers, budget, rules(settings.given))
    if settings.steps and purpose.objectives is not None and settings.objective not in purpose.objectives:
        raise InputError(
            f"The objective {settings.objective} compares classes, a network for {purpose.name} says boxes too: "
            f"expected the setting objective as one of {', '.join(sorted(purpose.objectives))}."
        )
    problem = Problem(
        student,
        teacher.requires_grad_(False),
        layers,
        images.calibration,
        config.sparsity,
        budget.zeros,
        settings,
        config.seed,
        worth=worth,
        sensitivities=_sensitivities(config.sensitivities, settings, [layer.name for layer in layers]),
        task=purpose,
    )
    notes = (*loaded.notes, *_notes(student), *images.notes)
    return Prepared(problem, images.calibration, images.test, device, notes)


def _notes(student: nn.Module) -> tuple[str, ...]:
    """What is left as it is, and what was sparse before."""
    layers, found = all_layers(student), []
    if asleep := frozen(layers):
        found.append(f"{_listed(asleep)} take no gradient (requires_grad is off): they are left as they are.")
    if odd := left_alone(student):
        found.append(f"{_listed([f'{name} ({why})' for name, why in odd.items()])}: left as they are.")
    share = 1 - sum(int(layer.weight.count_nonzero()) for layer in layers) / sum(layer.weights for layer in layers)
    if share > SPARSE:
        found.append(f"{share:.1%} of the weights were zero before; they stay zero and count towards the target.")
    return tuple(found)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _worth(settings: Settings, network: nn.Module, layers: Sequence[PrunableLayer], image: Tensor) -> tuple[int, ...]:
    """What a zero of each layer counts towards the budget, `[L]`; nothing where each counts the same."""
    if settings.budget == "weights":
        return ()
    worth = uses(network, layers, image)
    if not any(worth):
        raise InputError(
            "The budget is flops, but no layer that is to be pruned takes part in what the model says of an image: "
            "expected budget=weights, or fewer layers excluded."
        )
    return worth


def _sensitivities(path: str | None, settings: Settings, names: Sequence[str]) -> Sensitivity | None:
    """The saved table of these layers, where there is one."""
    if path is None:
        return None
    if settings.allocation != "sensitivity":
        raise InputError(
            f"A table of sensitivities is given, but the allocation is {settings.allocation}, which needs none: "
            "expected the setting allocation=sensitivity, or no table."
        )
    table = Sensitivity.load(path)
    if list(table.names) != list(names):
        raise InputError(
            f"The table {path} is of {len(table.names)} layers ({', '.join(table.names[:2])}, ...), those to be pruned "
            f"are {len(names)} ({', '.join(names[:2])}, ...): measure the sensitivities of this network anew."
        )
    if table.error != settings.sensitivity_error:
        raise InputError(
            f"The table {path} holds errors of the {table.error}, the setting sensitivity_error asks for those of the "
            f"{settings.sensitivity_error}: expected sensitivity_error={table.error}, or another table."
        )
    return table


def _by_labels(settings: Settings) -> bool:
    """Whether the search for an allocation looks at the labels of the calibration images; nothing else ever does."""
    return settings.allocation == "evolutionary" and settings.fitness == "labels"


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError):
        raise InputError(
            f"The device {name!r} cannot be used here: expected cpu, or cuda or mps where this machine has one."
        ) from None
    return device
