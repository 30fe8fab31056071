"""The page of comparisons as its readers use it: recording, own runs, linked highlight, phone, keyboard, access."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from fcpts_core.assets import asset
from fcpts_core.compare.recording import load
from pages._ui.compare.settings import DEFAULTS
from tests.browser.conftest import NewPage
from tests.browser.test_playground import PHONE, badge, button, grave

Open = Callable[..., Page]
CHEAP = "/compare?methods=uniform,erk&sparsities=0.9"
LONG = "/compare?methods=uniform,fcpts&sparsities=0.9"
ALL = DEFAULTS["methods"]
PALE = "(nodes) => nodes.map((node) => [node.__data__[0].trace.meta, node.classList.contains('fcpts-pale')])"


@pytest.fixture
def compare(new_page: NewPage, pretend_server: str) -> Iterator[Open]:
    """Opens the page as a new user and waits for its charts; what still goes on in the end is stopped."""
    pages: list[Page] = []

    def open_page(path: str = "/compare", **options: object) -> Page:
        page = new_page(base_url=pretend_server, **options)
        pages.append(page)
        page.goto(path)
        drawn(page)
        return page

    yield open_page
    for page in pages:
        if button(page, "Stop").is_visible():
            with suppress(TimeoutError):
                button(page, "Stop").click(timeout=3_000)
                expect(button(page, "Stop")).to_be_hidden()


def drawn(page: Page) -> None:
    expect(page.locator(".fcpts-panel[data-draws]")).to_have_count(3, timeout=60_000)


def chart(page: Page, name: str) -> Locator:
    return page.locator(f"[data-chart={name}]")


def rows(page: Page) -> Locator:
    return page.locator(".fcpts-table tbody tr")


def lit(page: Page, name: str) -> set[str]:
    """Methods of a chart that are not pale."""
    return {method for method, pale in chart(page, name).locator(".trace").evaluate_all(PALE) if not pale}


def expect_lit(page: Page, name: str, *methods: str) -> None:
    """These are soon the only ones that are not pale; without any given, all."""
    for _ in range(20):
        if lit(page, name) == set(methods or ALL):
            return
        page.wait_for_timeout(100)
    assert lit(page, name) == set(methods or ALL)


def leaders() -> int:
    """How many rows of the recording are the most accurate at their target: those that are level all are."""
    reached: dict[float, list[float]] = {}
    for view in load(asset("recordings", "digits-resnet20-comparison.json.gz")):
        assert view.result is not None
        assert view.result.accuracy is not None
        reached.setdefault(view.result.target_sparsity, []).append(view.result.accuracy)
    return sum(values.count(max(values)) for values in reached.values())


def test_a_first_visit_shows_a_recording_and_says_so(compare: Open) -> None:
    page = compare()
    expect(badge(page)).to_have_text("Recording")
    expect(page.get_by_text("press Compare for your own")).to_be_visible()
    expect(rows(page)).to_have_count(4 * len(ALL))
    expect(page.locator(".fcpts-best")).to_have_count(leaders())
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.get_by_role("link", name="Playground").click()
    expect(page.locator(".fcpts-panel[data-draws]")).to_have_count(4, timeout=60_000)
    page.get_by_role("link", name="Compare").click()
    drawn(page)


def test_runs_fill_the_charts_and_the_table_can_be_taken_home(compare: Open) -> None:
    page = compare(CHEAP)
    button(page, "Compare").click()
    expect(badge(page)).to_have_text("Done", timeout=60_000)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("98.89")
    expect_lit(page, "allocations", "uniform", "erk")
    with page.expect_download() as download:
        page.get_by_role("button", name="Table").click()
    assert download.value.suggested_filename == "table.csv"
    assert download.value.path().read_text().startswith("model,method,target_sparsity")
    again = compare(CHEAP)  # another reader asks for the same cells
    button(again, "Compare").click()
    expect(badge(again)).to_have_text("Done", timeout=60_000)


def test_the_run_in_hand_is_seen_a_reload_finds_it_and_it_can_be_stopped(compare: Open) -> None:
    page = compare(LONG)
    button(page, "Compare").click()
    expect(badge(page)).to_have_text("Running", timeout=60_000)
    detail = page.locator(".fcpts-status-detail")
    expect(detail).to_contain_text(
        re.compile(r"FCPTS at 90.%, digits-resnet20, seed 0: step \d+ of \d+"), timeout=30_000
    )
    chart(page, "accuracy").evaluate("(node) => { node.marked = true; }")
    before = detail.inner_text()
    expect(detail).not_to_have_text(before)
    assert chart(page, "accuracy").evaluate("(node) => node.marked === true")
    expect(page.locator(".fcpts-status-clock")).to_have_text(re.compile("of 2"))
    page.wait_for_url(re.compile("comparison="))
    page.reload()
    drawn(page)
    expect(badge(page)).to_have_text("Running")
    button(page, "Stop").click()
    expect(badge(page)).to_have_text("Stopped")
    expect(button(page, "Compare")).to_be_enabled()
    expect(rows(page)).to_have_count(2)


def test_a_method_that_is_pointed_at_lights_up_everywhere(compare: Open) -> None:
    page = compare()
    expect_lit(page, "accuracy")
    chart(page, "accuracy").get_by_role("button", name="FCPTS").hover()
    for name in ("accuracy", "groups", "allocations"):
        expect_lit(page, name, "fcpts")
    expect(page.locator(".fcpts-table tr.fcpts-pale")).to_have_count(4 * len(ALL) - 4)
    page.mouse.move(0, 0)
    expect_lit(page, "groups")
    rows(page).first.hover()
    expect_lit(page, "allocations", "erk")
    page.mouse.move(0, 0)
    chart(page, "groups").scroll_into_view_if_needed()
    box = chart(page, "groups").locator(".trace.scatter .point").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    expect_lit(page, "accuracy", "fcpts")


def test_the_keyboard_pins_a_method_and_sorts_the_table(compare: Open) -> None:
    page = compare()
    entry = chart(page, "allocations").get_by_role("button", name="ERK")
    entry.focus()
    page.keyboard.press("Enter")
    expect(entry).to_have_attribute("aria-pressed", "true")
    expect_lit(page, "accuracy", "erk")
    page.keyboard.press("Enter")
    expect_lit(page, "accuracy")
    head = page.get_by_role("columnheader", name="FLOPs kept")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(rows(page).first).to_contain_text("FCPTS")
    expect(rows(page).last).to_contain_text("uniform")
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(rows(page).first).to_contain_text("uniform")


def test_a_sparsity_is_looked_at_by_its_button_or_by_a_point(compare: Open) -> None:
    page = compare()
    page.get_by_role("radio", name=re.compile("^80")).click()
    expect(chart(page, "groups").locator(".fcpts-panel-aside")).to_have_text(re.compile("80"))
    expect(page).to_have_url(re.compile("target=0.8"))
    box = chart(page, "accuracy").locator(".trace.scatter .point").nth(1).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart(page, "groups").locator(".fcpts-panel-aside")).to_have_text(re.compile("90"))
    expect(page).to_have_url(re.compile("target=0.9"))


def test_nothing_is_sent_when_nothing_runs(compare: Open) -> None:
    page = compare()
    frames: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda sent: frames.append(sent)))
    page.reload()
    drawn(page)
    page.wait_for_timeout(1500)
    frames.clear()
    page.wait_for_timeout(3000)
    assert not frames


def test_a_phone_has_one_column_without_sideways_scroll_and_compare_at_its_lower_edge(compare: Open) -> None:
    page = compare("/compare?methods=uniform,global-magnitude&sparsities=0.9", **PHONE)
    values = page.locator(".fcpts-tile-value")
    assert "global magnitude" in values.all_inner_texts()
    assert all(value.evaluate("(node) => node.scrollWidth <= node.clientWidth + 1") for value in values.all())
    widths = "[...document.querySelectorAll('html, .stMain')].every((e) => e.scrollWidth <= innerWidth)"
    assert page.evaluate(widths)
    table = page.locator(".fcpts-standings")
    assert table.evaluate("(node) => node.scrollWidth <= node.clientWidth + 1")
    box = button(page, "Compare").bounding_box()
    assert box is not None
    assert 844 - 80 < box["y"] + box["height"] <= 844
    places = [chart(page, name).bounding_box() for name in ("accuracy", "groups", "allocations")]
    places.append(table.bounding_box())
    assert len({place["x"] for place in places if place}) == 1
    tops = [place["y"] for place in places if place]
    assert tops == sorted(tops)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["laptop", "phone"])
def test_no_grave_barrier_for_anyone(compare: Open, scheme: str, options: dict[str, object]) -> None:
    page = compare(LONG, color_scheme=scheme, **options)
    found = grave(page)
    button(page, "Compare").click()
    expect(badge(page)).to_have_text("Running", timeout=60_000)
    found += grave(page)
    button(page, "Stop").click()
    expect(badge(page)).to_have_text("Stopped")
    assert not found + grave(page)
