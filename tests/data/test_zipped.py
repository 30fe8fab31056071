"""Pictures in a zip: read in place, in order, with their labels; whatever a stranger's zip tries has its sentence."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fcpts_core.data import room, zipped
from fcpts_core.data.images import ImageSet, load_images
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def png(seed: int, height: int = 8, width: int = 8) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels(seed, height, width)).save(target, "png")
    return target.getvalue()


def pixels(seed: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def zip_with(path: Path, files: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path / "set.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path / "set.zip"


def load(path: Path, **options: Any) -> ImageSet:
    return load_images(path, MEAN, STD, **{"classes": 4, "size": (8, 8), **options})


def seeds(images: ImageSet) -> list[int]:
    """Which of the first pictures these are."""
    known = [torch.from_numpy(pixels(seed)).permute(2, 0, 1) for seed in range(8)]
    return [next(seed for seed, one in enumerate(known) if torch.equal(one, image)) for image in images.images]


def test_pictures_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    images = load(zip_with(tmp_path, {"b.png": png(1), "notes.txt": "none", "a.png": png(0), "__MACOSX/a.png": "x"}))
    assert seeds(images) == [0, 1]
    assert images.labels is None
    assert images.skipped == 0


def test_a_table_gives_order_and_labels(tmp_path: Path) -> None:
    table = "\ufefffile,label\nb.png,3\na.png,0\nelsewhere.png,1\n"
    images = load(zip_with(tmp_path, {"a.png": png(0), "b.png": png(1), "labels.csv": table}))
    assert seeds(images) == [1, 0]
    assert images.labels is not None
    assert images.labels.tolist() == [3, 0]


def test_a_table_stands_in_the_folder_of_its_pictures(tmp_path: Path) -> None:
    files = {"set/labels.csv": "file,label\na.png,2\n", "set/a.png": png(0)}
    labels = load(zip_with(tmp_path, files)).labels
    assert labels is not None
    assert labels.tolist() == [2]


def test_a_table_beside_a_folder_of_pictures_counts_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(0))
    (tmp_path / "b.png").write_bytes(png(1))
    (tmp_path / "labels.csv").write_text("file,label\nb.png,1\na.png,2\n")
    images = load(tmp_path)
    assert seeds(images) == [1, 0]
    assert images.labels is not None
    assert images.labels.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("name,class\na.png,1\n", "has the columns name, class: expected `file` and `label`"),
        ("", "has the columns nothing"),
        ("file,label\na.png,dog\n", "says 'dog' in line 2: expected a whole number"),
        ("file,label\nb.png,1\n", r"no row for 1 of 1 pictures, such as a\.png"),
        ("file,label\na.png,4\n", "labels from 4 to 4: expected labels from 0 to 3"),
        (b"\xff\xfe\x00", "expected a text in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_has_its_sentence(tmp_path: Path, table: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load(zip_with(tmp_path, {"a.png": png(0), "labels.csv": table}))


@pytest.mark.parametrize("around", ["", "photos/", "deep/er/"])
def test_folders_inside_are_classes_whatever_is_around_them(tmp_path: Path, around: str) -> None:
    files = {f"{around}{name}/a.png": png(seed) for seed, name in enumerate(("ant", "bee", "cat", "dog"))}
    images = load(zip_with(tmp_path, files))
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 2, 3]


def test_the_first_few_are_taken_from_all_classes_in_turn(tmp_path: Path) -> None:
    files = {f"{name}/{seed}.png": png(seed) for seed, name in enumerate("aaabbc")}
    images = load(zip_with(tmp_path, files), classes=3, limit=4)
    assert seeds(images) == [0, 3, 5, 1]
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 2, 0]


def test_damaged_pictures_are_skipped_and_replaced_by_later_ones(tmp_path: Path) -> None:
    files = {"a.png": png(0)[:50], "b.png": png(1), "c.png": b"none", "d.png": png(3), "e.png": png(4)}
    images = load(zip_with(tmp_path, files), limit=2)
    assert seeds(images) == [1, 3]
    assert images.skipped == 2


def test_pictures_are_prepared_as_the_model_wants_them(tmp_path: Path) -> None:
    transform = Transform(10, (8, 6), MEAN, STD)
    images = load(zip_with(tmp_path, {"a.png": png(0, 20, 30)}), transform=transform)
    expected = transform.pixels(Image.fromarray(pixels(0, 20, 30)))
    assert images.images.shape == (1, 3, 8, 6)
    assert torch.equal(images.images[0], expected)


def test_names_that_lead_out_of_the_zip_lead_nowhere(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    files = {"../../escaped.png": png(0), "/etc/absolute.png": png(1)}
    assert sorted(seeds(load(zip_with(inside, files)))) == [0, 1]
    assert [path.name for path in tmp_path.rglob("*.png")] == []


def test_a_picture_that_swells_beyond_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MAX_FILE", 1000)
    images = load(zip_with(tmp_path, {"a.png": png(0) + bytes(100_000), "b.png": png(1)}))
    assert seeds(images) == [1]
    assert images.skipped == 1


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcpts_core.data.pictures.MAX_PIXELS", 100)
    images = load(zip_with(tmp_path, {"a.png": png(0, 11, 11), "b.png": png(1)}))
    assert (seeds(images), images.skipped) == ([1], 1)


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [("MAX_FILES", 1, "holds 2 files: expected at most 1"), ("MAX_TOTAL", 10, "after decompression: expected at most")],
)
def test_a_zip_beyond_the_limits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, sentence: str
) -> None:
    monkeypatch.setattr(zipped, limit, value)
    with pytest.raises(InputError, match=sentence):
        load(zip_with(tmp_path, {"a.png": png(0), "b.png": png(1)}))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a zip"):
        load(tmp_path / "set.zip")


def test_a_zip_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no images"):
        load(zip_with(tmp_path, {"labels.csv": "file,label\n"}))


def test_what_does_not_fit_into_memory_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda: 100)
    with pytest.raises(InputError, match=r"set\.zip, 1 pictures of 8x8 pixels, would need .* are free: use fewer"):
        load(zip_with(tmp_path, {"a.png": png(0)}))
