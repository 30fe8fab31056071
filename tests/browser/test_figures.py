"""Overview and layer inspector in a browser: parts light up and explain themselves; a phone; aids."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.browser.test_playground import PHONE, grave


def test_the_recorded_run_ends_with_its_result_and_a_part_explains_itself(
    new_page: NewPage, pretend_server: str
) -> None:
    page = new_page(base_url=pretend_server, reduced_motion="reduce")
    page.goto("/figures")
    expect(page.locator(".fcpts-o-head")).to_contain_text("254,919 of 268,336", timeout=60_000)
    expect(page.locator(".fcpts-o-lit[data-part=result]")).to_be_visible()
    part = page.get_by_role("button", name=re.compile("^Thresholds t"))
    part.focus()
    part.press("Enter")
    expect(part).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("One number a layer, on the layer's own scale.")).to_be_visible()
    expect(page).to_have_url(re.compile("part=thresholds"))


@pytest.mark.parametrize(("path", "scheme"), [("/figures", "dark"), ("/layers?layer=conv1", "light")])
def test_no_grave_barrier_on_a_phone(new_page: NewPage, pretend_server: str, path: str, scheme: str) -> None:
    page = new_page(base_url=pretend_server, color_scheme=scheme, reduced_motion="reduce", **PHONE)
    page.goto(path)
    expect(page.locator(".fcpts-panel[data-draws]").first).to_be_visible(timeout=60_000)
    page.wait_for_function("[...document.querySelectorAll('html, .stMain')].every((e) => e.scrollWidth <= innerWidth)")
    assert not grave(page)
