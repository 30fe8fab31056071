"""A server, a Chromium and pages in it; a test that asks for any of these is marked `browser`.

Such tests run after all others: while Playwright is at work its event loop occupies the main thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError, ViewportSize, expect, sync_playwright

from tests.browser.find_chromium import find_chromium
from tests.browser.server import serve
from tests.browser.stage import stage

OURS = {"chromium", "app_server", "pretend_server"}
LAPTOP: ViewportSize = {"width": 1440, "height": 900}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

NewPage = Callable[..., Page]
Visit = Callable[..., Page]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if OURS & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def chromium() -> Path:
    return find_chromium()


@pytest.fixture(scope="session")
def app_server() -> Iterator[str]:
    """The address of the running app, one server for all tests."""
    with serve() as address:
        yield address


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, app_server: str) -> Iterator[NewPage]:
    """Opens blank pages of separate users; options are those of `Browser.new_context` (viewport, color_scheme, ...).

    `page.goto("/")` opens the app. When the test is over, no page may have thrown an error or asked another host for
    anything.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    strangers: set[str] = set()

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"base_url": app_server, "viewport": LAPTOP, **options})
        contexts.append(context)
        context.on("weberror", lambda report: errors.append(str(report.error)))
        context.on("request", lambda request: note(request.url))
        return context.new_page()

    def note(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname != "localhost":
            strangers.add(url)

    yield open_page
    for context in contexts:
        context.close()
    assert not errors
    assert not strangers


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()


@pytest.fixture(scope="session")
def pretend_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app with an engine that only pretends."""
    script = Path(__file__).with_name("pretend_app.py")
    with serve(stage(tmp_path_factory.mktemp("pretend"), script)) as address:
        yield address


@pytest.fixture
def visit(new_page: NewPage, pretend_server: str) -> Iterator[Visit]:
    """Opens that app as a new user and waits for its charts; runs that still go on in the end are stopped."""
    pages: list[Page] = []

    def open_page(path: str = "/", **options: Any) -> Page:
        page = new_page(base_url=pretend_server, **options)
        pages.append(page)
        page.goto(path)
        wait_for_charts(page)
        return page

    yield open_page
    for page in pages:
        stop = page.get_by_role("button", name=re.compile("^(Stop|Cancel)$"))
        if stop.is_visible():
            with suppress(TimeoutError):  # the run may end by itself meanwhile
                stop.click(timeout=3_000)
                expect(stop).to_be_hidden()


def wait_for_charts(page: Page) -> None:
    expect(page.locator(".fcpts-panel[data-draws]")).to_have_count(4, timeout=60_000)
