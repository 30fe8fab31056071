"""Take the pictures of the documents: the real app in the middle of a real run and after it, and its other pages.

    python -m tests.pictures [bridge lesson ...]

writes `assets/pictures/NAME-{light,dark}.png`, for `playground-running`, `playground-done` and all names in `PAGES`.
It takes about as long as one run; with names only those pages are taken, in seconds.
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Literal

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, LAPTOP, wait_for_charts
from tests.browser.find_chromium import find_chromium
from tests.browser.server import ROOT, serve

FOLDER = ROOT / "assets" / "pictures"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MIDDLE = 300  # the step at which a run of 700 is paused for its picture
PATIENCE = 15 * 60_000
PAGES = {
    "compare": ("/compare", ".fcpts-panel[data-draws]", 3),
    "bridge": ("/bridge?toy=3", ".fcpts-bridge[data-t]", 1),
    "lesson": ("/lesson?step=4&done=1,2,3&hide=language", ".fcpts-bridge[data-t]", 1),
    "layers": ("/layers?layer=layer1.0.conv1", "[data-chart=sensitivity][data-draws]", 1),
    "figures": ("/figures", ".fcpts-panel[data-draws]", 2),
    "demo": ("/demo?slide=2", ".fcpts-demo-column", 20),
}
"""Address of each page but the first, and what must be there, how often, before its picture is taken."""


def main(only: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = find_chromium()  # which may need Playwright itself, and there is only one at a time
    with serve() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(base_url=address, viewport=LAPTOP, device_scale_factor=1.5, reduced_motion="reduce")
        if not only:
            playground(page)
        for name in only or PAGES:
            path, sign, count = PAGES[name]
            page.goto(path)
            expect(page.locator(sign)).to_have_count(count, timeout=PATIENCE)
            take(page, name)
        browser.close()


def playground(page: Page) -> None:
    """The first page in the middle of a run and at its end."""
    page.goto("/")
    wait_for_charts(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".fcpts-badge")).to_have_text("Running", timeout=PATIENCE)
    reached = (
        "(step) => Number(/step (\\d+)/.exec(document.querySelector('.fcpts-status-clock').innerText)?.[1]) >= step"
    )
    page.wait_for_function(reached, arg=MIDDLE, timeout=PATIENCE)
    take(page, "playground-running")
    expect(page.locator(".fcpts-badge")).to_have_text("Done", timeout=PATIENCE)
    take(page, "playground-done")


def take(page: Page, name: str) -> None:
    """One picture in each scheme."""
    page.mouse.move(0, 0)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1500)
        path = FOLDER / f"{name}-{scheme}.png"
        with Image.open(BytesIO(page.screenshot())) as picture:
            picture.convert("RGB").save(path, optimize=True)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main(sys.argv[1:])
