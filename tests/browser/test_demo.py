"""The demo as it is shown: keys, the run played, access."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.browser.test_playground import PHONE, grave


def test_keys_turn_the_slides_and_the_address_follows(new_page: NewPage, pretend_server: str) -> None:
    page = new_page(base_url=pretend_server, reduced_motion="reduce")
    page.goto("/demo")
    big = page.locator(".fcpts-demo-big")
    expect(big).to_have_text("268,336", timeout=60_000)
    page.keyboard.press("ArrowRight")
    expect(big).to_have_text("13,417")
    expect(page.locator(".fcpts-demo-column")).to_have_count(20)
    page.keyboard.press("End")
    expect(big).to_contain_text("the time")
    expect(page).to_have_url(re.compile("slide=6"))
    page.keyboard.press("ArrowLeft")
    expect(big).to_contain_text("times")
    expect(page).to_have_url(re.compile("slide=5"))
    page.reload()
    expect(big).to_contain_text("times", timeout=60_000)
    expect(page.get_by_text("5 of 6")).to_be_visible()


@pytest.mark.parametrize(("options", "scheme"), [({}, "dark"), (PHONE, "light")], ids=["laptop", "phone"])
def test_no_grave_barrier_for_anyone(
    new_page: NewPage, pretend_server: str, options: dict[str, object], scheme: str
) -> None:
    page = new_page(base_url=pretend_server, color_scheme=scheme, **options)
    page.goto("/demo?slide=6")
    expect(page.locator(".fcpts-demo-bar")).to_have_count(2, timeout=60_000)
    assert not grave(page)
    page.wait_for_function("[...document.querySelectorAll('html, .stMain')].every((e) => e.scrollWidth <= innerWidth)")
