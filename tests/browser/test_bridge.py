"""The bridge as its readers use it: mouse, touch, keyboard; speed; agreement with Python; phone; access."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_playground import PHONE, grave

Open = Callable[..., Page]
FRAMES = 90
DRAG = """async (frames) => {
  const svg = document.querySelector('.fcpts-b-plot-density');
  svg.setPointerCapture = () => {};
  const box = svg.getBoundingClientRect();
  const send = (type, share) => svg.dispatchEvent(new PointerEvent(type, {
    bubbles: true, button: 0, pointerId: 1, clientX: box.left + share * box.width, clientY: box.top + 80,
  }));
  send('pointerdown', 0.6);
  const gaps = [];
  let last = performance.now();
  for (let i = 0; i < frames; i += 1) {
    send('pointermove', 0.75 + 0.2 * Math.sin(i / 10));
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  send('pointermove', 0.61);
  const began = performance.now();
  send('pointerup', 0.61);
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const apart = () => Math.abs(document.querySelector('.fcpts-checked').dataset.share
    - document.querySelector('.fcpts-bridge').dataset.r);
  while (apart() > 1e-9 && performance.now() - began < 5000) await frame();
  gaps.sort((a, b) => a - b);
  return [gaps[Math.floor(0.95 * gaps.length)], performance.now() - began];
}"""


@pytest.fixture
def bridge(new_page: NewPage, pretend_server: str) -> Open:
    def open_page(path: str = "/bridge", **options: object) -> Page:
        page = new_page(base_url=pretend_server, **options)
        page.goto(path)
        expect(part(page)).to_have_attribute("data-t", re.compile(r"\d"), timeout=60_000)
        expect(page.locator(".fcpts-checked")).to_be_visible()
        return page

    return open_page


def part(page: Page) -> Locator:
    return page.locator(".fcpts-bridge")


def plot(page: Page, name: str) -> Locator:
    return page.locator(f".fcpts-b-plot-{name}")


def fact(page: Page, name: str) -> float:
    """What the picture says once what was pressed before has been drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return float(part(page).get_attribute(f"data-{name}") or "nan")


def agreed(page: Page) -> None:
    """Python comes to say the same as the browser, to 1e-3; how soon is measured by `bench_bridge`."""
    script = """() => {
      const [here, there] = ['.fcpts-bridge', '.fcpts-checked'].map((name) => document.querySelector(name).dataset);
      return Math.abs(here.r - there.share) < 1e-3 && Math.abs(here.slope - there.slope) <= 1e-2 * Math.abs(here.slope);
    }"""
    page.wait_for_function(script, timeout=30_000)


def place(locator: Locator, x: float, y: float) -> tuple[float, float]:
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_a_drag_by_mouse_moves_both_pictures_and_python_agrees(bridge: Open) -> None:
    page = bridge()
    agreed(page)
    before = fact(page, "r")
    page.mouse.move(*place(plot(page, "density"), 0.7, 0.5))
    page.mouse.down()
    page.mouse.move(*place(plot(page, "density"), 0.55, 0.5), steps=5)
    page.mouse.up()
    assert fact(page, "r") < before
    agreed(page)
    expect(page).to_have_url(re.compile("t=0"))
    low = fact(page, "t")
    page.mouse.move(*place(plot(page, "sparsity"), 0.3, 0.6))
    page.mouse.down()
    page.mouse.move(*place(plot(page, "sparsity"), 0.8, 0.6), steps=5)
    page.mouse.up()
    assert fact(page, "t") > low
    agreed(page)


def test_a_frame_of_a_drag_is_cheap_and_release_reaches_python(bridge: Open) -> None:
    page = bridge()
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        found = {item["name"]: item["value"] for item in tools.send("Performance.getMetrics")["metrics"]}
        return 1000 * found["TaskDuration"]

    before = busy()
    late, answered = page.evaluate(DRAG, FRAMES)
    work = (busy() - before) / FRAMES
    print(f"{work:.1f} ms of work a frame, p95 of frames {late:.1f} ms, release to Python {answered:.0f} ms")
    # The processor's own time, so that a busy machine does not count; `bench_bridge` measures the frames themselves.
    assert work < 12
    assert answered < 3_000


def test_the_other_handle_goes_from_a_share_to_its_threshold(bridge: Open) -> None:
    page = bridge("/bridge?view=exact")
    knob = page.locator(".fcpts-b-inverse .fcpts-b-knob")
    page.mouse.move(*place(knob, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*place(plot(page, "sparsity"), 0.1, 0.5), steps=5)
    page.mouse.up()
    assert 0.3 < fact(page, "r") < 0.6
    agreed(page)


def test_the_keyboard_moves_threshold_and_share(bridge: Open) -> None:
    page = bridge()
    handle = page.get_by_role("slider", name="Threshold", exact=True).first
    handle.focus()
    before = fact(page, "t")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert fact(page, "t") > before
    agreed(page)
    expect(handle).to_have_attribute("aria-valuetext", re.compile(r"threshold .* pruned, [\d,]+ weights go"))
    share = page.get_by_role("slider", name="Sparsity: give the share")
    share.focus()
    page.keyboard.press("Home")
    page.wait_for_function("Number(document.querySelector('.fcpts-bridge').dataset.r) === 0")
    for _ in range(2):
        page.keyboard.press("PageUp")
    page.wait_for_function("Math.abs(document.querySelector('.fcpts-bridge').dataset.r - 0.1) < 1e-4")
    agreed(page)


def test_a_finger_drags_on_a_phone_and_the_page_does_not_scroll_sideways(bridge: Open) -> None:
    page = bridge(**PHONE)
    plot(page, "density").scroll_into_view_if_needed()
    x, y = place(plot(page, "density"), 0.8, 0.5)
    touch = page.context.new_cdp_session(page)
    before = fact(page, "t")
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for shift in (15, 40, 70):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x - shift, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("(t) => document.querySelector('.fcpts-bridge').dataset.t !== t", arg=str(before))
    agreed(page)
    assert page.evaluate("[...document.querySelectorAll('html, .stMain')].every((e) => e.scrollWidth <= innerWidth)")


def test_views_bandwidth_and_zoom(bridge: Open) -> None:
    page = bridge()
    page.get_by_role("radio", name="Exact count").check()
    expect(part(page)).to_have_attribute("data-slope", re.compile(r"^0(\.0+)?$"))  # drawn in the next frame
    agreed(page)
    page.get_by_role("radio", name="100-bin histogram").check()
    agreed(page)
    page.get_by_role("radio", name="Kernel density").check()
    bandwidth = page.get_by_role("slider", name="Bandwidth")
    bandwidth.focus()
    bandwidth.press("Home")
    agreed(page)
    page.get_by_role("button", name="ISJ").click()
    agreed(page)
    zoom = page.get_by_role("slider", name="Zoom into the staircase")
    zoom.focus()
    zoom.press("End")
    expect(page).to_have_url(re.compile("zoom=1"))
    steps = page.locator(".fcpts-b-stairs").get_attribute("d") or ""
    assert 10 <= steps.count("V") <= 40
    agreed(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_grave_barrier_for_anyone(bridge: Open, scheme: str) -> None:
    page = bridge(color_scheme=scheme)
    assert not grave(page)
