"""The lesson's page without a browser: what each step asks, progress in the address, languages, the teacher's link."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.lesson.facts import recorded
from fcpts_core.lesson.text import steps, words
from pages._ui.bridge.data import checked, first_look
from pages._ui.charts import allocation, moment_at
from pages._ui.lesson import figures
from pages._ui.lesson.state import COUNT
from pages._ui.lesson.teacher import link
from tests.pages.opening import address, opened

PAGE = Path(__file__).parents[2] / "pages" / "lesson.py"


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(PAGE), default_timeout=60)


def done(app: AppTest) -> str:
    return address(app).get("done", "")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_a_first_visit_is_at_the_first_step_with_nothing_done(app: AppTest) -> None:
    opened(app)
    assert address(app) == {}
    assert app.radio[0].options == ["50 %", "80 %", "95 %"]


def test_a_guess_is_enough_for_the_first_step(app: AppTest) -> None:
    opened(app)
    app.radio[0].set_value("50").run()
    assert done(app) == "1"


def test_the_small_example_is_done_when_its_budget_is_met(app: AppTest) -> None:
    opened(app, step="5")
    for _ in range(7):
        press(app, "lesson-toy-step")
    assert done(app) == ""
    press(app, "lesson-toy-step")
    assert done(app) == "5"


def test_the_replay_is_done_at_its_end(app: AppTest) -> None:
    opened(app, step="6")
    last = recorded().step
    app.slider(key="lesson-replay").set_value(last - 1).run()
    assert done(app) == ""
    app.slider(key="lesson-replay").set_value(last).run()
    assert done(app) == "6"


def test_only_the_exact_number_of_zeros_will_do(app: AppTest) -> None:
    opened(app, step="7")
    app.number_input(key="lesson-exact").set_value(254_920).run()
    assert done(app) == ""
    app.number_input(key="lesson-exact").set_value(254_919).run()
    assert done(app) == "7"


def test_a_wrong_answer_says_so_and_may_be_put_right(app: AppTest) -> None:
    opened(app, step="8")
    app.radio[0].set_value("20").run()
    assert done(app) == ""
    assert any("Try again" in caption.value for caption in app.caption)
    app.radio[0].set_value("1").run()
    assert done(app) == "8"


def test_steps_with_a_bridge_ask_for_what_they_say() -> None:
    seen = figures._layer()
    usual = first_look(seen)
    shown = checked(seen, usual)
    assert abs(shown.share - 0.9) <= figures.NEAR
    assert abs(checked(seen, replace(usual, t=usual.t * 1.1)).share - 0.9) > figures.NEAR


def test_back_and_next_and_the_list_of_steps(app: AppTest) -> None:
    opened(app)
    press(app, "lesson-next")
    assert address(app) == {"step": "2"}
    press(app, "lesson-back")
    assert address(app) == {}
    press(app, f"lesson-step-{COUNT}")
    assert address(app) == {"step": str(COUNT)}
    assert app.button(key="lesson-next").disabled


def test_the_language_is_in_the_address_and_progress_survives_it(app: AppTest) -> None:
    opened(app, step="7", done="1,2")
    press(app, "lesson-lang-zh")
    assert address(app) == {"step": "7", "done": "1,2", "lang": "zh"}
    assert app.button(key="lesson-next").label == "下一步"
    assert any(steps("zh")[6].text.split("\n")[0] in text.value for text in app.markdown)


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_every_step_comes_up_in_chinese_and_on_paper(number: int) -> None:
    opened(AppTest.from_file(str(PAGE), default_timeout=60), lang="zh", step=str(number))


def test_the_print_view_has_every_step(app: AppTest) -> None:
    opened(app, print="1")
    shown = "\n".join(text.value for text in app.markdown)
    assert shown.count("\\frac") == sum(step.text.count("\\frac") for step in steps("en"))


def test_a_teachers_link_hides_what_was_chosen_and_fixes_the_seed(app: AppTest) -> None:
    given = link("zh", ("zoom", "language", "overview"), 7)
    query = parse_qs(urlsplit(given).query)
    assert query == {"lang": ["zh"], "hide": ["zoom,language,overview"], "seed": ["7"]}
    opened(app, **{name: value[0] for name, value in query.items()})
    keys = {button.key for button in app.button}
    assert "lesson-lang-en" not in keys
    assert "lesson-step-1" not in keys
    assert "lesson-next" in keys


def test_who_has_finished_is_sent_to_a_run_of_the_same_seed(app: AppTest) -> None:
    opened(app, done="1,2,3,4,5,6,7,8", step="8", seed="7")
    assert any("(/?seed=7)" in text.value for text in app.markdown)


def test_the_replay_speaks_the_language_of_the_lesson() -> None:
    moment = moment_at(recorded())
    assert moment is not None
    panel = figures._translated(allocation(moment, 0, "r"), words("zh")["bridge"])
    assert [entry.label for entry in panel.legend][:2] == ["剪去", "保留"]
    assert panel.figure["layout"]["yaxis"]["title"]["text"] == "零权重的比例"


def test_garbage_in_the_address_does_no_harm(app: AppTest) -> None:
    opened(app, step="99", done="4,banana,7", hide="everything", lang="xx")
    assert len(app.info) == 4
    assert address(app)["done"] == "4,7"
