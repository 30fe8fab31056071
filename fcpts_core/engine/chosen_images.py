"""The images of a run: a user's own, prepared as the model wants them, or those that come with the model."""

from __future__ import annotations

from dataclasses import replace

from fcpts_core.data.digits import digits
from fcpts_core.data.images import ImageSet, load_images
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError
from fcpts_core.models.cards import LoadedModel


def chosen_images(config: RunConfig, loaded: LoadedModel, labelled: bool) -> tuple[ImageSet, ImageSet | None]:
    """Calibration and test images, from the user's paths or from what comes with the model.

    Calibration images have no labels unless they are asked to be `labelled`.
    """
    own = loaded.card.data is not None and config.weights is None
    if config.images is None and not own:
        raise InputError(
            f"{config.model} with weights of your own needs calibration images: pass an .npz file, a folder of images "
            f"or a zip of them."
        )
    if config.images:
        calibration = _load(config.images, config, loaded, config.calibration_size)
    else:
        calibration = _bundled("train" if labelled else "calibration", config, loaded)
    test = None
    if config.test:
        test = _load(config.test, config, loaded)
    elif own and not config.images:
        test = _bundled("test", config, loaded)
    if labelled and calibration.labels is None and calibration.boxes is None:
        raise InputError(
            f"The method {config.method} searches by labels, but the calibration images have none: expected images "
            "with labels, or the setting fitness=agreement, which needs none."
        )
    calibration = calibration if labelled else calibration.without_labels()
    return calibration.take(config.calibration_size), test


def _load(path: str, config: RunConfig, loaded: LoadedModel, limit: int | None = None) -> ImageSet:
    mean, std = config.mean or loaded.mean, config.std or loaded.std
    transform = replace(loaded.transform, mean=tuple(mean), std=tuple(std))
    channels, height, width = loaded.input_shape
    return load_images(
        path,
        mean,
        std,
        classes=loaded.classes,
        channels=channels,
        size=(height, width),
        flippable=loaded.card.flippable,
        transform=transform,
        limit=limit,
    )


def _bundled(part: str, config: RunConfig, loaded: LoadedModel) -> ImageSet:
    return replace(digits(part), mean=tuple(config.mean or loaded.mean), std=tuple(config.std or loaded.std))
