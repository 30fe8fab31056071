"""How smooth a drag on the Bridge page is, alone and while a run goes on, and how soon Python hears of its end.

`python -m tests.bench.bench_bridge`. The floors are the same frames with nothing dragged. Bounds: 34 ms for 95 % of the
frames, 500 ms from release to Python's answer.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, LAPTOP
from tests.browser.find_chromium import find_chromium
from tests.browser.server import serve
from tests.browser.test_bridge import DRAG

FRAMES = 240
# it ends elsewhere, so that the drag after it has news for Python
IDLE = DRAG.replace("send('pointermove', 0.75 + 0.2 * Math.sin(i / 10));", "").replace("0.61", "0.57")


def main() -> None:
    chromium = find_chromium()
    with serve() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(base_url=address, viewport=LAPTOP)
        print(f"{'':<20} {'p95 of frames':>14} {'still':>8} {'release to Python':>18}    (ms, {FRAMES} frames)")
        measure(page, "alone")
        runner = browser.new_page(base_url=address, viewport=LAPTOP)
        runner.goto("/?steps=2000")
        runner.get_by_role("button", name="Run", exact=True).click()
        expect(runner.locator(".fcpts-badge")).to_have_text("Running", timeout=120_000)
        runner.wait_for_timeout(5_000)
        measure(page, "beside a run")
        runner.get_by_role("button", name="Stop", exact=True).first.click()
        browser.close()


def measure(page: Page, name: str) -> None:
    page.goto("/bridge")
    expect(page.locator(".fcpts-bridge[data-t]")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1_000)
    still, _ = page.evaluate(IDLE, FRAMES)
    late, answered = page.evaluate(DRAG, FRAMES)
    print(f"{name:<20} {late:>14.1f} {still:>8.1f} {answered:>18.0f}", flush=True)


if __name__ == "__main__":
    main()
