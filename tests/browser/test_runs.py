"""The page of kept runs as its readers use it: choose one, take it home, replay it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_playground import GRAVE, badge, button, start

ROW, HEAD = 35, 36


def test_a_finished_run_is_chosen_from_the_list_taken_home_and_replayed(visit: Visit) -> None:
    page = visit("/?steps=20&seed=5")
    start(page)
    expect(badge(page)).to_have_text("Done", timeout=60_000)
    page.goto("/runs")
    table = page.get_by_test_id("stDataFrame")
    expect(table.locator("canvas").first).to_be_visible(timeout=60_000)
    table.locator(".dvn-scroller").click(position={"x": 15, "y": HEAD + ROW / 2})
    expect(button(page, "Replay")).to_be_visible(timeout=30_000)
    button(page, "Prepare").click()
    expect(page.get_by_text("read back and compared").first).to_be_visible(timeout=30_000)
    grave = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in GRAVE]
    assert not grave
    button(page, "Replay").click()
    expect(page.locator(".fcpts-status-title")).to_contain_text("seed 5", timeout=60_000)
    expect(badge(page)).to_have_text("Done")
