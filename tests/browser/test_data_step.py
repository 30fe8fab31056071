"""Bringing images as only a browser can: a zip through the uploader, told, run, and within reach of everyone."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Visit


def zipped(path: Path, count: int = 3) -> Path:
    """A zip of pictures in folders of their classes, and one that is none."""
    with zipfile.ZipFile(path, "w") as file:
        for number in range(count):
            picture = io.BytesIO()
            Image.fromarray(np.full((20, 24, 3), 40 * number, dtype=np.uint8)).save(picture, "png")
            file.writestr(f"{number}/a.png", picture.getvalue())
        file.writestr("../outside.txt", "nothing")
    return path


def test_a_zip_is_uploaded_told_and_run(visit: Visit, tmp_path: Path) -> None:
    page = visit("/?data=files&steps=20")
    chooser = page.get_by_test_id("stFileUploaderDropzoneInput")
    chooser.first.set_input_files(zipped(tmp_path / "set.zip"))
    expect(page.get_by_text("3 pictures, 3 folders as classes")).to_be_visible(timeout=30_000)
    grave = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    assert not grave
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".fcpts-badge")).to_have_text("Done", timeout=60_000)


def test_what_is_no_zip_is_told_beside_the_uploader(visit: Visit, tmp_path: Path) -> None:
    page = visit("/?data=files")
    (tmp_path / "set.zip").write_bytes(b"hello")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(tmp_path / "set.zip")
    expect(page.get_by_text("cannot be read as a zip")).to_be_visible(timeout=30_000)
