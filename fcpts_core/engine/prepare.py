"""What stands before a run: model, images and problem of a configuration, all that can be wrong with them found."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch

from fcpts_core.allocation.respect import budget_under
from fcpts_core.data.digits import digits
from fcpts_core.data.images import ImageSet, load_images
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError
from fcpts_core.methods import settings_for
from fcpts_core.models.cards import LoadedModel, load_model
from fcpts_core.models.layers import prunable_layers
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.settings import Settings


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that can be wrong has been found by now."""

    problem: Problem
    calibration: ImageSet
    test: ImageSet | None
    device: torch.device


def prepare(config: RunConfig) -> Prepared:
    """Model, images and problem of a configuration; whatever does not fit is an InputError."""
    settings = settings_for(config.method, config.overrides)
    device = _device(config.device)
    loaded = load_model(config.model, config.weights)
    calibration, test = _images(config, loaded, labelled=_by_labels(settings))
    teacher = loaded.module.to(device)
    student = copy.deepcopy(teacher)
    layers = prunable_layers(student, config.exclude)
    weights = [layer.weight.detach() for layer in layers]
    budget = budget_under(settings.pattern, weights, config.sparsity, settings.layer_cap)
    problem = Problem(
        student,
        teacher.requires_grad_(False),
        layers,
        calibration,
        config.sparsity,
        budget.zeros,
        settings,
        config.seed,
    )
    return Prepared(problem, calibration, test, device)


def _by_labels(settings: Settings) -> bool:
    """Whether the search for an allocation looks at the labels of the calibration images; nothing else ever does."""
    return settings.allocation == "evolutionary" and settings.fitness == "labels"


def _images(config: RunConfig, loaded: LoadedModel, labelled: bool) -> tuple[ImageSet, ImageSet | None]:
    """Calibration and test images, from the user's paths or from what comes with the model.

    Calibration images have no labels unless they are asked to be `labelled`.
    """
    mean, std = config.mean or loaded.mean, config.std or loaded.std
    channels, height, width = loaded.input_shape

    def load(path: str) -> ImageSet:
        return load_images(
            path,
            mean,
            std,
            classes=loaded.classes,
            channels=channels,
            size=(height, width),
            flippable=loaded.card.flippable,
        )

    def bundled(part: str) -> ImageSet:
        return replace(digits(part), mean=tuple(mean), std=tuple(std))

    own = loaded.card.data is not None and config.weights is None
    if config.images is None and not own:
        raise InputError(
            f"{config.model} with weights of your own needs calibration images: pass an .npz file or a folder of "
            f"images."
        )
    calibration = load(config.images) if config.images else bundled("train" if labelled else "calibration")
    test = load(config.test) if config.test else bundled("test") if own and not config.images else None
    if labelled and calibration.labels is None:
        raise InputError(
            f"The method {config.method} searches by labels, but the calibration images have none: expected images "
            "with labels, or the setting fitness=agreement, which needs none."
        )
    calibration = calibration if labelled else calibration.without_labels()
    return calibration.take(config.calibration_size), test


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError):
        raise InputError(
            f"The device {name!r} cannot be used here: expected cpu, or cuda or mps where this machine has one."
        ) from None
    return device
