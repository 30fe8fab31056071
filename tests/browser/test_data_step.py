"""Bringing images as only a browser can: a zip through the uploader, told, run, and within reach of everyone."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect
from safetensors.torch import load_file, save_file

from fcpts_core.models.cards import load_model
from tests.browser.conftest import NewPage, Visit, wait_for_charts


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


def test_a_checkpoint_goes_all_the_way_from_upload_to_download(new_page: NewPage, tmp_path: Path) -> None:
    """With the real engine: weights, calibration and test images of one's own, a result, and the sparse weights."""
    module = load_model("cifar-resnet20", random=0).module
    save_file(module.state_dict(), tmp_path / "mine.safetensors")
    page = new_page()
    page.goto("/?model=cifar-resnet20&method=uniform&sparsity=0.7&calibration=16")
    expect(page.get_by_text("under Weights, or tick Random weights")).to_be_visible(timeout=60_000)
    uploads = page.get_by_test_id("stFileUploaderDropzoneInput")
    uploads.nth(0).set_input_files(tmp_path / "mine.safetensors")
    wait_for_charts(page)
    for place, name in ((1, "calibration.zip"), (2, "test.zip")):
        uploads.nth(place).set_input_files(zipped(tmp_path / name))
        expect(page.get_by_text("3 pictures, 3 folders as classes")).to_have_count(place, timeout=30_000)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".fcpts-badge")).to_have_text("Done", timeout=120_000)
    expect(page.locator(".fcpts-tile", has_text="Agreement").locator(".fcpts-tile-value")).to_contain_text("%")
    with page.expect_download() as download:
        page.get_by_role("button", name="Weights", exact=True).click()
    sparse = load_file(download.value.path())
    layers = [name for name, tensor in sparse.items() if tensor.ndim > 1]
    zeros = sum(int((sparse[name] == 0).sum()) for name in layers)
    assert zeros == round(0.7 * sum(sparse[name].numel() for name in layers))
