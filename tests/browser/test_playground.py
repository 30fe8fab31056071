"""The page as its readers use it: run, pause, step, stop, reload, links, several users, phone, keyboard, access."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from fcpts_core.lesson.facts import recorded
from tests.browser.conftest import Visit, wait_for_charts

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
GRAVE = {"serious", "critical"}


def badge(page: Page) -> Locator:
    return page.locator(".fcpts-badge")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def start(page: Page) -> None:
    button(page, "Run").click()
    expect(badge(page)).to_have_text("Running")


def tile(page: Page, label: str) -> Locator:
    return page.locator(".fcpts-tile", has_text=label).locator(".fcpts-tile-value")


def steps_shown(page: Page) -> int:
    found = re.search(r"step (\d+) of", page.locator(".fcpts-status-clock").inner_text())
    assert found is not None
    return int(found[1])


def test_a_first_visit_shows_a_recording_and_says_so(visit: Visit) -> None:
    page = visit()
    expect(badge(page)).to_have_text("Recording")
    expect(page.get_by_text("press Run for your own")).to_be_visible()
    expect(tile(page, "Sparsity")).to_contain_text("95.00")


def test_a_run_goes_from_the_button_to_a_file(visit: Visit) -> None:
    page = visit("/?steps=30")
    start(page)
    expect(button(page, "Run")).to_be_disabled()
    expect(badge(page)).to_have_text("Done", timeout=60_000)
    expect(tile(page, "Accuracy")).to_contain_text("98.9")
    expect(tile(page, "Agreement")).to_contain_text("99.2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Allocation").click()
    assert download.value.suggested_filename == "allocation.csv"
    assert download.value.path().read_text().startswith("name,shape,weights,zeros,sparsity,threshold")
    page.get_by_role("button", name="Command").click()
    expect(page.get_by_text("fcpts run --model digits-resnet20")).to_be_visible()


def test_pause_step_resume_and_stop(visit: Visit) -> None:
    page = visit("/?steps=1000")
    start(page)
    button(page, "Pause").click()
    expect(badge(page)).to_have_text("Paused")
    before = steps_shown(page)
    for ahead in (1, 2):
        button(page, "Step").click()
        expect(page.locator(".fcpts-status-clock")).to_contain_text(f"step {before + ahead} of")
        expect(badge(page)).to_have_text("Paused")
    button(page, "Resume").click()
    expect(badge(page)).to_have_text("Running")
    button(page, "Stop").click()
    expect(badge(page)).to_have_text("Stopped")
    expect(button(page, "Run")).to_be_enabled()


def test_a_reload_finds_its_run_and_a_second_user_does_not_see_it(visit: Visit) -> None:
    page = visit("/?steps=2000")
    start(page)
    page.wait_for_url(re.compile(r"run="))
    page.reload()
    wait_for_charts(page)
    expect(badge(page)).to_have_text("Running")
    stranger = visit()
    expect(badge(stranger)).to_have_text("Recording")
    button(stranger, "Run").click()
    expect(badge(stranger)).to_have_text("Queued")
    expect(stranger.get_by_text("Number 1 in the queue")).to_be_visible()
    button(stranger, "Cancel").click()
    expect(badge(stranger)).to_have_text("Stopped")
    button(page, "Stop").click()
    expect(badge(page)).to_have_text("Stopped")


def test_a_failed_run_says_why_and_what_to_do(visit: Visit) -> None:
    page = visit("/?seed=13&steps=50")
    button(page, "Run").click()
    expect(badge(page)).to_have_text("Failed", timeout=30_000)
    expect(page.get_by_text("lower the learning rate")).to_be_visible()
    expect(button(page, "Run")).to_be_enabled()


def test_a_link_reproduces_the_page(visit: Visit) -> None:
    page = visit("/?sparsity=0.8&method=erk&seed=4&layer=conv1")
    expect(badge(page)).to_have_text("Preview")
    expect(page.locator(".fcpts-status-title")).to_have_text(re.compile(r"digits-resnet20, ERK, 80\.0.%, seed 4"))
    expect(page.locator("[data-chart=layer] .fcpts-panel-title")).to_have_text("Layer conv1")
    expect(page).to_have_url(re.compile(r"\?(?=.*method=erk)(?=.*sparsity=0\.8)(?=.*seed=4)(?=.*layer=conv1)"))


def test_garbage_in_the_address_is_dropped_with_a_sentence(visit: Visit) -> None:
    page = visit("/?sparsity=banana&steps=99999999&run=gone&evil=%3Cscript%3E")
    expect(page.get_by_text("The target sparsity was “banana” in the address")).to_be_visible()
    expect(page.get_by_text("set to 5000")).to_be_visible()
    expect(page.get_by_text("not kept here")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_preview_follows_the_slider(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_text("254,919 of 268,336 weights become zero").first).to_be_visible()
    slider = page.get_by_role("slider", name="Target sparsity")
    slider.focus()
    slider.press("ArrowLeft")
    expect(badge(page)).to_have_text("Preview")
    expect(page.get_by_text("253,578 of 268,336 weights become zero").first).to_be_visible()
    slider.press("ArrowRight")
    expect(badge(page)).to_have_text("Recording")


def test_a_click_on_a_column_and_the_keyboard_choose_a_layer(visit: Visit) -> None:
    page = visit()
    title = page.locator("[data-chart=layer] .fcpts-panel-title")
    area = page.locator("[data-chart=allocation] .nsewdrag").first
    box = area.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.5 * box["width"] / 20, box["y"] + 0.5 * box["height"])
    expect(title).to_have_text("Layer conv1")
    choice = page.get_by_role("combobox", name="Layer")
    choice.focus()
    choice.press("ArrowDown")
    page.get_by_role("option", name="linear").click()
    expect(title).to_have_text("Layer linear")
    expect(page).to_have_url(re.compile("layer=linear"))


def test_a_replay_can_be_scrubbed_and_played(visit: Visit) -> None:
    page = visit()
    clock = page.locator(".fcpts-status-clock")
    slider = page.get_by_role("slider", name="Step")
    slider.focus()
    slider.press("Home")
    expect(clock).to_contain_text(re.compile(r"step [01] of"))
    button(page, "Replay").click()
    expect(button(page, "Halt")).to_be_visible()
    last = recorded().step
    expect(clock).to_contain_text(f"step {last} of {last}", timeout=60_000)
    expect(button(page, "Replay")).to_be_visible()


def test_the_run_button_is_reached_and_pressed_by_keyboard(visit: Visit) -> None:
    page = visit("/?steps=20")
    page.get_by_role("combobox", name="Model").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Run":
            break
    page.keyboard.press("Enter")
    expect(badge(page)).to_have_text(re.compile("Running|Done"))


def test_a_phone_has_one_column_without_sideways_scroll_and_run_at_its_lower_edge(visit: Visit) -> None:
    page = visit("/?steps=30", **PHONE)
    widths = "[...document.querySelectorAll('html, .stMain')].every((e) => e.scrollWidth <= innerWidth)"
    assert page.evaluate(widths)
    box = button(page, "Run").bounding_box()
    assert box is not None
    assert 844 - 80 < box["y"] + box["height"] <= 844
    order = [
        page.locator(f"[data-chart={name}]").bounding_box() for name in ("allocation", "layer", "learning", "layers")
    ]
    tops = [place["y"] for place in order if place is not None]
    assert tops == sorted(tops)
    assert len({place["x"] for place in order if place is not None}) == 1
    start(page)
    expect(button(page, "Stop")).to_be_in_viewport()
    expect(badge(page)).to_have_text("Done", timeout=60_000)
    assert page.evaluate(widths)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["laptop", "phone"])
def test_no_grave_barrier_for_anyone(visit: Visit, scheme: str, options: dict[str, object]) -> None:
    page = visit("/?steps=12", color_scheme=scheme, **options)
    found = grave(page)
    start(page)
    found += grave(page)
    expect(badge(page)).to_have_text("Done", timeout=60_000)
    found += grave(page)
    assert not found


def grave(page: Page) -> list[str]:
    """Violations of level serious or critical on the page as it stands."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
