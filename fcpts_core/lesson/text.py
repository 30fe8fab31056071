"""Texts of the lesson and the Bridge page: one file a language in `assets/lesson`, and what all languages share."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from fcpts_core.assets import asset
from fcpts_core.errors import InputError

LANGUAGES = {"en": "English", "zh": "中文"}
PAPER = "https://arxiv.org/abs/2405.05808"


@dataclass(frozen=True)
class Step:
    """One step in one language. `code` names what stands behind it, `module:name`; `options` are those of a question,
    by their keys, `answer` the right one where there is one, `wrong` what is said to any other.

    `text`, `done` and `task` have places for the numbers of the recorded run (`fcpts_core.lesson.facts`).
    """

    id: str
    figure: str
    title: str
    text: str
    task: str
    done: str
    paper: str
    code: tuple[str, ...]
    options: dict[str, str]
    answer: str
    wrong: str


@cache
def words(language: str) -> dict[str, Any]:
    """All texts of a language, by section; an unknown language is an InputError."""
    if language not in LANGUAGES:
        raise InputError(f"There is no lesson in {language!r}: expected one of {', '.join(LANGUAGES)}.")
    with asset("lesson", f"{language}.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def steps(language: str) -> tuple[Step, ...]:
    """The steps in order; one that lacks a text in this language is an InputError."""
    with asset("lesson", "steps.toml").open("rb") as file:
        shared = tomllib.load(file)["steps"]
    texts = words(language)["steps"]
    try:
        return tuple(_step(item, texts[item["id"]]) for item in shared)
    except KeyError as error:
        raise InputError(f"The lesson in {LANGUAGES[language]} lacks {error}: add it to {language}.toml.") from None


def _step(shared: dict[str, Any], text: dict[str, str]) -> Step:
    return Step(
        id=shared["id"],
        figure=shared["figure"],
        title=text["title"],
        text=text["text"].strip(),
        task=text["task"],
        done=text["done"],
        paper=shared["paper"],
        code=tuple(shared["code"]),
        options={key: text[f"option_{key}"] for key in shared.get("options", ())},
        answer=shared.get("answer", ""),
        wrong=text["wrong"] if "answer" in shared else "",
    )
