"""The lesson on paper: the same data as plain Markdown with figures, one file a language.

`python -m fcpts_core.lesson.static` writes `docs/lesson.md`, `docs/lesson.zh.md` and `assets/lesson/*.svg`.
"""

from __future__ import annotations

from pathlib import Path

from fcpts_core.bridge import toy
from fcpts_core.lesson.drawing import FIGURES
from fcpts_core.lesson.facts import NARROW, facts
from fcpts_core.lesson.text import LANGUAGES, PAPER, Step, steps, words

ROOT = Path(__file__).parents[2]


def name_of(language: str) -> str:
    return "lesson.md" if language == "en" else f"lesson.{language}.md"


def page(language: str) -> str:
    """The whole lesson as one Markdown text."""
    text = words(language)["lesson"]
    others = [f"[{title}]({name_of(other)})" for other, title in LANGUAGES.items() if other != language]
    parts = [f"# {text['title']}", " ".join(others)]
    for number, step in enumerate(steps(language), 1):
        parts += _section(number, step, language)
    return "\n\n".join(parts).replace(NARROW, "\N{NO-BREAK SPACE}") + "\n"


def _section(number: int, step: Step, language: str) -> list[str]:
    text = words(language)["lesson"]
    parts = [f"## {number}. {step.title}", step.text.format(**facts())]
    if step.figure in FIGURES:
        parts.append(f"![{step.title}](../assets/lesson/{step.figure}.svg)")
    if step.figure == "toy":
        parts.append(_toy(words(language)["toy"]))
    parts.append(f"**{text['task']}**: {step.task.format(**facts())}")
    if step.options:
        parts.append(" · ".join(step.options.values()))
    parts.append(f"**{text['answer']}**: {step.done.format(**facts())}")
    parts.append(" · ".join(_sources(step, text)))
    return parts


def _sources(step: Step, text: dict[str, str]) -> list[str]:
    paper = [f"[{text['paper'].format(section=step.paper)}]({PAPER})"] if step.paper else []
    return [*paper, *(f"[`{path}`](../{path})" for path in dict.fromkeys(map(_file, step.code)))]


def _file(code: str) -> str:
    return f"{code.partition(':')[0].replace('.', '/')}.py"


def _toy(text: dict[str, str]) -> str:
    """Ten steps of the small example."""
    names = [f"{text['layer']} {layer.name}: {part}" for layer in toy.LAYERS for part in ("t", "r", "dL/dt")]
    rows = [f"| | R | {' | '.join(names)} |", f"|{' --- |' * (2 + len(names))}"]
    for step in toy.descend(9):
        cells = [f"{value:.3f}" for row in step.rows for value in (row.threshold, row.sparsity, row.gradient)]
        rows.append(f"| {step.step} | {step.sparsity:.3f} | {' | '.join(cells)} |")
    return "\n".join(rows)


def write_all() -> None:
    for figure, draw in FIGURES.items():
        (ROOT / "assets" / "lesson" / f"{figure}.svg").write_text(draw())
    for language in LANGUAGES:
        (ROOT / "docs" / name_of(language)).write_text(page(language))


if __name__ == "__main__":
    write_all()
