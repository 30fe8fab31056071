from __future__ import annotations

from urllib.request import urlopen

from playwright.sync_api import Page, expect


def test_the_server_is_well(app_server: str) -> None:
    with urlopen(f"{app_server}/_stcore/health") as reply:
        assert reply.read() == b"ok"


def test_the_first_page_comes_up_whole(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_test_id("stAppViewContainer")).to_be_visible()
    expect(page.get_by_test_id("stMainBlockContainer")).not_to_be_empty()
    expect(page.get_by_test_id("stException")).to_have_count(0)
