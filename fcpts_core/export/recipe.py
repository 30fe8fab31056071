"""A run as a TOML file that `fcpts run recipe.toml` runs again.

The keys are those of `RunConfig`, and `threads`; the table `settings` holds its `overrides`. What is left out has its
default. Paths are taken as they would be on the command line, from the directory in which the command is started.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError

MAX_THREADS = 1024
SETTINGS = "settings"


@dataclass(frozen=True)
class Recipe:
    """What a recipe holds; without `threads` all cores are used."""

    config: RunConfig
    threads: int | None = None


def recipe_text(config: RunConfig, threads: int | None = None) -> str:
    """The content of the file; settings that came as texts are written as the numbers they stand for."""
    from fcpts_core.reconstruction.settings import Settings

    settings = Settings().changed(config.overrides)
    values = {item.name: getattr(config, item.name) for item in fields(config) if item.name != "overrides"}
    values["threads"] = threads
    lines = ["# The same run again: fcpts run recipe.toml"]
    lines += [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
    if config.overrides:
        lines += ["", f"[{SETTINGS}]", *(f"{name} = {_toml(getattr(settings, name))}" for name in config.overrides)]
    return "\n".join(lines) + "\n"


def read_recipe(path: str | Path) -> Recipe:
    """The recipe in a file; whatever is wrong with it is an InputError that names the file."""
    try:
        text = Path(path).read_bytes().decode()
    except FileNotFoundError:
        raise InputError(f"There is no recipe {path}: expected a TOML file such as a run's recipe.toml.") from None
    except UnicodeDecodeError:
        raise InputError(f"The recipe {path} is no text in UTF-8: expected a TOML file.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"The recipe {path} cannot be read ({error}): expected a TOML file.") from None
    try:
        return parse_recipe(text)
    except InputError as error:
        raise InputError(f"In the recipe {path}: {error}") from None


def parse_recipe(text: str) -> Recipe:
    """Inverse of `recipe_text`."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"This is no TOML ({error}): expected lines such as sparsity = 0.9.") from None
    if unknown := sorted(set(values) - KEYS.keys()):
        raise InputError(f"Unknown keys {', '.join(unknown)}: expected some of {', '.join(KEYS)}.")
    for name, value in values.items():
        holds, expected = KEYS[name]
        if not holds(value):
            raise InputError(f"{name} is {value!r}: expected {expected}.")
    if ("mean" in values) != ("std" in values):
        raise InputError("Only one of mean and std is given: they belong together, give both or neither.")
    threads = values.pop("threads", None)
    overrides = values.pop(SETTINGS, {})
    for name in values.keys() & {"sparsity", "mean", "std"}:  # TOML tells 1 from 1.0, runs do not
        value = values[name]
        values[name] = [float(number) for number in value] if isinstance(value, list) else float(value)
    return Recipe(RunConfig.from_json({**values, "overrides": overrides}), threads)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_threads(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= MAX_THREADS


def _are_finite(value: Any) -> bool:
    return isinstance(value, list) and all(_is_number(item) and math.isfinite(item) for item in value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_settings(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str | int | float) for item in value.values())


KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "model": (_is_text, "a name in quotes"),
    "method": (_is_text, "a name in quotes"),
    "sparsity": (_is_number, "a share such as 0.95"),
    "weights": (_is_text, "a path in quotes"),
    "images": (_is_text, "a path in quotes"),
    "test": (_is_text, "a path in quotes"),
    "mean": (_are_finite, "a list of numbers, one a channel"),
    "std": (_are_finite, "a list of numbers, one a channel"),
    "calibration_size": (_is_whole, "a whole number"),
    "seed": (_is_whole, "a whole number"),
    "device": (_is_text, "a name in quotes"),
    "exclude": (_are_texts, "a list of layers in quotes"),
    "include": (_are_texts, "a list of layers in quotes"),
    "data": (_is_text, "a name or a path in quotes"),
    "resize": (_is_whole, "a whole number"),
    "crop": (_is_whole, "a whole number"),
    "sensitivities": (_is_text, "a path in quotes"),
    "random_weights": (_is_truth, "true or false"),
    "threads": (_is_threads, f"a whole number from 1 to {MAX_THREADS}"),
    SETTINGS: (_are_settings, "a table of texts and numbers"),
}


def _toml(value: Any) -> str:
    """A value in TOML. Its strings are those of JSON, apart from one character and from halves of characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InputError(f"{value!r} is no text in UTF-8, so no recipe can hold it: rename what it names.")
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(float(value) if isinstance(value, float) else int(value))
