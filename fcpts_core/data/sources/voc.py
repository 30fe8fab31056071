"""PASCAL VOC 2012 as its archive unpacks: `VOCdevkit/VOC2012` with JPEGImages, SegmentationClass and Annotations."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from fcpts_core.data import masks
from fcpts_core.data.boxes import Boxes, label_of
from fcpts_core.data.folder import Content, Wanted, with_boxes
from fcpts_core.data.pictures import Entry, decode
from fcpts_core.errors import InputError

INSIDE = Path("VOCdevkit") / "VOC2012"
NAMES = {"train": "train", "test": "val"}
MOST_BYTES = 1_000_000


def has_maps(directory: Path) -> bool:
    return _list(directory, "Segmentation", "test").is_file()


def has_boxes(directory: Path) -> bool:
    return _list(directory, "Main", "test").is_file()


def read_maps(directory: Path, part: str, wanted: Wanted) -> Content:
    """Photographs with a class for each pixel; part "test" is VOC's `val`."""
    names = _names(directory, "Segmentation", part)
    found = decode(
        "voc-segmentation", _photos(directory, names), wanted.channels, wanted.size, wanted.transform, wanted.limit
    )
    if wanted.transform is None:
        return Content(found.images, None, found.skipped)
    root = directory / INSIDE / "SegmentationClass"
    entries = [_entry(root / f"{names[index]}.png") for index in found.kept]
    return Content(found.images, masks.prepared(entries, wanted.transform), found.skipped)


def read_boxes(directory: Path, part: str, wanted: Wanted) -> Content:
    """Photographs with boxes; part "test" is VOC's `val`."""
    names = _names(directory, "Main", part)[: wanted.limit]
    root = directory / INSIDE / "Annotations"
    known = {PurePosixPath(f"{name}.jpg"): annotated(root / f"{name}.xml", wanted.classes) for name in names}
    return with_boxes("voc-detection", _photos(directory, names), known, wanted)


def annotated(file: Path, classes: int | None) -> Boxes:
    """The objects that an annotation names; classes that are not VOC's are left out. VOC counts pixels from 1."""
    rows = []
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        for item in ElementTree.fromstring(file.read_bytes()).iter("object"):
            label = label_of(item.findtext("name") or "", classes)
            left, top, right, bottom = (
                float(item.findtext(f"bndbox/{name}") or "") for name in ("xmin", "ymin", "xmax", "ymax")
            )
            if label is not None:
                corners = (left - 1, top - 1, right, bottom)
                rows.append((label, corners, (item.findtext("difficult") or "0").strip() == "1"))
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise InputError(f"{file} cannot be read ({error}): expected an annotation of VOC.") from None
    return Boxes.of(rows)


def _list(directory: Path, kind: str, part: str) -> Path:
    return directory / INSIDE / "ImageSets" / kind / f"{NAMES[part]}.txt"


def _names(directory: Path, kind: str, part: str) -> list[str]:
    try:
        return _list(directory, kind, part).read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise InputError(f"The list of VOC's images cannot be read ({error}): download it again.") from None


def _photos(directory: Path, names: list[str]) -> list[Entry]:
    root = directory / INSIDE / "JPEGImages"
    return [_entry(root / f"{name}.jpg") for name in names]


def _entry(file: Path) -> Entry:
    return Entry(PurePosixPath(file.name), file.read_bytes)
