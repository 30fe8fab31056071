"""The images of a run: a user's own, a public set, those that come with the model, or synthetic ones."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from fcpts_core.data import synthetic
from fcpts_core.data.folder import Wanted
from fcpts_core.data.images import ImageSet, load_images
from fcpts_core.data.sources.registry import SOURCES, source
from fcpts_core.data.transform import Transform
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Phase
from fcpts_core.errors import InputError
from fcpts_core.models.cards import LoadedModel
from fcpts_core.silently import Found, Shares, by_percent, retold, returned

TRAIN, TEST = ("train", "calibration"), ("test", "val", "validation")
"""Names of the parts of a user's folder, the first of which that is there counts."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """`notes` are sentences about the images that belong to the result."""

    calibration: ImageSet
    test: ImageSet | None
    notes: tuple[str, ...] = ()


MAKING = "making calibration images"


def chosen_images(config: RunConfig, loaded: LoadedModel, labelled: bool, rehearsal: bool = False) -> Chosen:
    """The images that `choosing` finds or makes, without a word on the way."""
    return returned(choosing(config, loaded, labelled, rehearsal))


def choosing(
    config: RunConfig, loaded: LoadedModel, labelled: bool, rehearsal: bool = False
) -> Generator[Phase, None, Chosen]:
    """Calibration and test images; whatever is given by itself goes before what `data` has.

    Calibration images have no labels unless they are asked to be `labelled`.
    """
    asked = _Asked(config, loaded)
    test = asked.read(config.test) if config.test else asked.named("test")
    if config.images:
        calibration = asked.read(config.images, config.calibration_size)
    elif config.data == synthetic.NAME:
        wanted = (loaded.module, asked.transform, asked.size, config.calibration_size, config.seed)
        calibration = synthetic.noise(*wanted) if rehearsal else (yield from _made(synthetic.synthesising(*wanted)))
    else:
        found = asked.named("train" if labelled else "calibration", config.calibration_size)
        if found is None:
            whose = f"{config.model} with weights of your own" if config.weights else config.model
            raise InputError(
                f"{whose} needs calibration images: pass --images with an .npz file, a folder of images or a zip of "
                f"them, or --data with one of {', '.join((*SOURCES, synthetic.NAME))}."
            )
        calibration = found
    if labelled and calibration.labels is None and calibration.boxes is None:
        raise InputError(
            f"The method {config.method} searches by labels, but the calibration images have none: expected images "
            "with labels, or the setting fitness=agreement, which needs none."
        )
    calibration = calibration if labelled else calibration.without_labels()
    notes = [synthetic.NOTE] if calibration.name == synthetic.NAME else []
    if asked.other_classes and test is not None and not config.test:
        test = test.without_labels()
        notes.append(f"The classes of {config.data} are not the model's: only agreement is measured.")
    return Chosen(calibration.take(config.calibration_size), test, tuple(notes))


def _made(telling: Shares[ImageSet]) -> Generator[Phase, None, ImageSet]:
    yield Phase(MAKING, 0.0)
    return (yield from phases(MAKING, by_percent(telling)))


def phases(text: str, telling: Shares[Found]) -> Generator[Phase, None, Found]:
    """The shares of some work as phases with these words."""
    return retold(telling, lambda share: (Phase(text, share),))


@dataclass(frozen=True, eq=False)
class _Asked:
    config: RunConfig
    loaded: LoadedModel

    @property
    def transform(self) -> Transform:
        return transform_of(self.config, self.loaded.transform)

    @property
    def size(self) -> tuple[int, int]:
        _, height, width = self.loaded.input_shape
        return self.transform.size or (height, width)

    @property
    def data(self) -> str | None:
        """The data by name or path; what comes with the model where nothing else is asked for."""
        config, own = self.config, self.loaded.card.data
        if config.data == synthetic.NAME:
            return own if config.weights is None else None
        return config.data or (own if config.weights is None and not config.images else None)

    @property
    def other_classes(self) -> bool:
        """Whether the labels of the data that was asked for mean other things than the model's classes."""
        known = SOURCES.get(self.config.data or "")
        return known is not None and bool(known.classes) and self.loaded.classes not in known.classes

    def named(self, part: str, limit: int | None = None) -> ImageSet | None:
        """A part of the data, None where there is none."""
        if self.data is None:
            return None
        if _is_path(self.data):
            path = _part_of(Path(self.data), TEST if part == "test" else TRAIN)
            return None if path is None else self.read(str(path), limit)
        chosen = source(self.data)
        chosen.require()
        found = chosen.read(
            chosen.directory, part if chosen.download is None or part == "test" else "train", self._wanted(limit)
        )
        transform = self.transform
        return ImageSet(
            f"{chosen.name} ({part})",
            found.images,
            found.labels,
            transform.mean,
            transform.std,
            chosen.flippable,
            found.skipped,
            found.boxes,
        )

    def read(self, path: str, limit: int | None = None) -> ImageSet:
        transform, wanted = self.transform, self._wanted(limit)
        return load_images(
            path,
            transform.mean,
            transform.std,
            classes=wanted.classes,
            channels=wanted.channels,
            size=wanted.size,
            flippable=self.loaded.card.flippable,
            transform=transform,
            limit=limit,
        )

    def _wanted(self, limit: int | None) -> Wanted:
        return Wanted(self.loaded.input_shape[0], self.size, self.loaded.classes, self.transform, limit)


def transform_of(config: RunConfig, transform: Transform) -> Transform:
    """The model's own transform with what the run changes of it; a `resize` of 0 leaves the size alone."""
    changed = transform
    if config.mean or config.std:
        changed = replace(changed, mean=tuple(config.mean or transform.mean), std=tuple(config.std or transform.std))
    if config.resize is not None:
        changed = replace(changed, resize=config.resize or None, enlarge=True)
    return changed if config.crop is None else replace(changed, crop=config.crop)


def _is_path(name: str) -> bool:
    return name not in SOURCES and (os.sep in name or os.path.exists(name) or name.endswith((".zip", ".npz")))


def _part_of(path: Path, names: tuple[str, ...]) -> Path | None:
    """The sub-folder for a part; a folder without any, and a file, is for calibration alone."""
    for name in names:
        if (path / name).is_dir():
            return path / name
    parted = any((path / name).is_dir() for name in TRAIN + TEST)
    return None if parted or names == TEST else path
