"""One step on the screen: text on the left, its figure and task on the right, steps above, back and next below."""

from __future__ import annotations

import html
import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import streamlit as st

from fcpts_core.lesson.drawing import FIGURES as PICTURES
from fcpts_core.lesson.facts import facts
from fcpts_core.lesson.text import LANGUAGES, PAPER, Step, steps, words
from pages._ui.lesson.figures import FIGURES, picture
from pages._ui.lesson.state import COUNT, finish, go
from pages._ui.memory import Memory
from pages._ui.toy import reached
from pages._ui.toy_table import table


def head(progress: Memory, text: Mapping[str, str]) -> None:
    """Title, languages, the list of steps."""
    with st.container(key="lesson-head", horizontal=True, vertical_alignment="bottom"):
        st.html(
            f"<div class='fcpts-lead' lang='{progress['lang']}'><h1>{text['title']}</h1><p>{text['lead']}</p></div>"
        )
        if "language" not in progress["hide"]:
            with st.container(horizontal=True, width="content", key="lesson-language"):
                for language, name in LANGUAGES.items():
                    st.button(
                        name,
                        key=f"lesson-lang-{language}",
                        type="secondary" if language == progress["lang"] else "tertiary",
                        on_click=progress.keep,
                        kwargs={"lang": language},
                    )
    if "overview" not in progress["hide"] and progress["print"] != "1":
        with st.container(key="lesson-steps", horizontal=True):
            for number, step in enumerate(steps(progress["lang"]), 1):
                st.button(
                    f"{number}. {step.title}",
                    key=f"lesson-step-{number}",
                    icon=":material/check:" if number in progress["done"] else None,
                    type="secondary" if number == progress["step"] else "tertiary",
                    on_click=go,
                    args=(progress, number),
                )


@st.fragment
def show(progress: Memory, text: Mapping[str, Any]) -> None:
    """The step that the reader is at; what they have just done is news for the whole page."""
    number = progress["step"]
    step = steps(progress["lang"])[number - 1]
    with st.container(key="lesson-step"):
        with st.container(key="lesson-text"):
            prose(number, step, text["lesson"])
        with st.container(key="lesson-figure"):
            task = st.empty()
            done = FIGURES[step.figure](step, progress, text)
            said = step.done.format(**facts()) if done or number in progress["done"] else ""
            task.html(_task(step.task.format(**facts()), said, text["lesson"]))
    news = done and finish(progress, number)
    progress.mirror()
    if news:
        st.rerun()


def prose(number: int, step: Step, text: Mapping[str, str]) -> None:
    """Title, text with its formulas, and where it comes from."""
    st.html(f"<h2 class='fcpts-section'>{number}. {html.escape(step.title)}</h2>")
    st.markdown(step.text.format(**facts()))
    if step.paper:
        st.markdown(f"[{text['paper'].format(section=step.paper)}]({PAPER})")


def code(step: Step, text: Mapping[str, str]) -> None:
    """The source of what the step speaks of, as it runs here."""
    with st.expander(text["code"], icon=":material/code:"):
        for name in step.code:
            module, _, part = name.partition(":")
            found = import_module(module)
            st.caption(f"{module.replace('.', '/')}.py")
            owner = getattr(found, part) if part and part.islower() else found
            st.code(inspect.getsource(owner), language="python")


def feet(progress: Memory, text: Mapping[str, str]) -> None:
    """Back and next."""
    number = progress["step"]
    with st.container(key="lesson-feet", horizontal=True, vertical_alignment="center"):
        st.button(text["back"], key="lesson-back", on_click=go, args=(progress, number - 1), disabled=number == 1)
        st.button(
            text["next"],
            key="lesson-next",
            type="primary",
            on_click=go,
            args=(progress, number + 1),
            disabled=number == COUNT,
        )
        words = text["step"].format(step=number, steps=COUNT)
        complete = len(progress["done"]) == COUNT
        st.html(f"<p class='fcpts-l-where'>{text['finished'] if complete else words}</p>")
        if complete:
            seed = f"?seed={progress['seed']}" if progress["seed"] else ""
            st.markdown(f"[{text['again']}](/{seed})")


def on_paper(progress: Memory, text: Mapping[str, str]) -> None:
    """Every step below the other, with figures that stand still."""
    with st.container(key="lesson-paper"):
        for number, step in enumerate(steps(progress["lang"]), 1):
            prose(number, step, text)
            if step.figure in PICTURES:
                picture(PICTURES[step.figure](), step.title)
            if step.figure == "toy":
                st.html(table(reached(progress), words(progress["lang"])["toy"]))
            st.html(_task(step.task.format(**facts()), step.done.format(**facts()), text, "answer"))


def _task(task: str, done: str, text: Mapping[str, str], name: str = "done") -> str:
    state = name if done else "open"
    answer = f"<p class='fcpts-l-{name}'><b>{text[name]}</b> {html.escape(done)}</p>" if done else ""
    words = f"<p><b>{text['task']}</b> {html.escape(task)}</p>"
    return f"<div class='fcpts-l-task' data-state='{state}' role='status'>{words}{answer}</div>"
