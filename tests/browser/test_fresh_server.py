"""What only the first visitor of a server sees."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import NewPage, wait_for_charts
from tests.browser.server import serve


def test_a_deep_link_comes_by_way_of_the_app_on_a_fresh_server(new_page: NewPage) -> None:
    with serve() as address:
        page = new_page(base_url=address)
        page.goto("/playground?seed=3")
        wait_for_charts(page)
        expect(page).to_have_title("FCPTS Playground")
        expect(page.locator(".stLogo").first).to_be_visible()
        expect(page.locator(".fcpts-status-title")).to_have_text(re.compile("seed 3"))
        expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
