"""The lesson as its readers use it: by keyboard alone, on paper, on a phone, with aids."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_playground import PHONE, grave

FOCUS = """(() => {
  const at = document.activeElement;
  return at === document.body ? '' : at.getAttribute('aria-label') || at.innerText || '';
})()"""


def tab_to(page: Page, words: str, most: int = 60) -> None:
    """Press Tab until what has the focus says so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if re.search(words, page.evaluate(FOCUS)):
            return
    raise AssertionError(f"Tab never reached {words!r}")


def finished(page: Page, number: int) -> None:
    expect(page.locator(".fcpts-l-task")).to_have_attribute("data-state", "done")
    expect(page).to_have_url(re.compile(rf"done=[\d,%C]*{number}"))


def on(page: Page, title: str) -> None:
    tab_to(page, "^Next$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile(rf"\d\. {title}"))).to_be_visible()
    page.wait_for_timeout(300)


@pytest.mark.slow
def test_the_lesson_can_be_finished_by_keyboard_alone(new_page: NewPage, pretend_server: str) -> None:
    page = new_page(base_url=pretend_server)
    page.goto("/lesson")
    page.get_by_role("radio", name="50 %").wait_for(timeout=60_000)
    page.get_by_role("button", name="English").focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "radio":
            break
    page.keyboard.press("Space")
    finished(page, 1)
    on(page, "A threshold decides")
    tab_to(page, "^Threshold$")
    for _ in range(8):
        if 0.895 <= float(page.locator(".fcpts-bridge").get_attribute("data-r") or 0) <= 0.905:
            break
        page.keyboard.press("PageUp")
        page.wait_for_timeout(50)
    for _ in range(40):
        share = float(page.locator(".fcpts-bridge").get_attribute("data-r") or 0)
        if 0.896 <= share <= 0.904:
            break
        page.keyboard.press("ArrowRight" if share < 0.9 else "ArrowLeft")
        page.wait_for_timeout(50)
    finished(page, 2)
    on(page, "The count has no gradient")
    tab_to(page, "^Zoom")
    page.keyboard.press("End")
    finished(page, 3)
    on(page, "The density has one")
    tab_to(page, "^Silverman")
    page.keyboard.press("Enter")
    finished(page, 4)
    on(page, "One budget for all layers")
    tab_to(page, "Step$")
    for number in range(1, 9):
        page.keyboard.press("Enter")
        expect(page.locator(".fcpts-toy-state")).to_have_attribute("data-step", str(number))
    finished(page, 5)
    on(page, "Thresholds and weights together")
    tab_to(page, "^Step of the run")
    page.keyboard.press("End")
    finished(page, 6)
    on(page, "Exact at the end")
    tab_to(page, "^Number of zeros")
    page.keyboard.type("254919")
    page.keyboard.press("Enter")
    finished(page, 7)
    on(page, "What it buys")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "radio":
            break
    page.keyboard.press("ArrowUp")
    finished(page, 8)
    expect(page.get_by_text("All eight steps are done.")).to_be_visible()


def test_on_paper_there_is_the_whole_lesson_and_nothing_to_press(new_page: NewPage, pretend_server: str) -> None:
    page = new_page(base_url=pretend_server, color_scheme="dark")
    page.goto("/lesson?print=1")
    expect(page.locator(".fcpts-l-task[data-state=answer]")).to_have_count(8, timeout=60_000)
    expect(page.locator(".katex-error")).to_have_count(0)
    page.emulate_media(media="print")
    expect(page.locator(".stAppHeader")).to_be_hidden()
    expect(page.get_by_role("button", name="Teacher link")).to_be_hidden()
    dark = "getComputedStyle(document.querySelector('.st-key-lesson-paper p')).color"
    assert page.evaluate(dark) == "rgb(18, 23, 28)"
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height > 2 * 900


@pytest.mark.parametrize(("path", "scheme"), [("/lesson?step=4", "dark"), ("/lesson?step=8&lang=zh", "light")])
def test_no_grave_barrier_for_anyone(new_page: NewPage, pretend_server: str, path: str, scheme: str) -> None:
    page = new_page(base_url=pretend_server, color_scheme=scheme, **PHONE)
    page.goto(path)
    expect(page.locator(".fcpts-l-task")).to_be_visible(timeout=60_000)
    # soon, that is when all has come that is to come
    page.wait_for_function("[...document.querySelectorAll('html, .stMain')].every((e) => e.scrollWidth <= innerWidth)")
    assert not grave(page)
