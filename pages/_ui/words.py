"""Texts of the pages that speak more than one language: data in `assets/lesson`, one file a language."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from fcpts_core.assets import asset

LANGUAGES = {"en": "English", "zh": "中文"}


@cache
def words(language: str) -> dict[str, Any]:
    """All texts of a language, by section."""
    with asset("lesson", f"{language}.toml").open("rb") as file:
        return tomllib.load(file)
