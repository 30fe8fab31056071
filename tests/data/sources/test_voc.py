"""VOC as its archive unpacks, in miniature."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcpts_core.data.folder import Wanted
from fcpts_core.data.sources import imagenette, voc
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

MEAN, STD = (0.5,) * 3, (0.5,) * 3
TRANSFORM = Transform(None, (10, 20), MEAN, STD)
OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult>"
    "<bndbox><xmin>1</xmin><ymin>3</ymin><xmax>8</xmax><ymax>9</ymax></bndbox></object>"
)


def wanted(classes: int | None = 21) -> Wanted:
    return Wanted(3, (10, 20), classes, TRANSFORM)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    inside = tmp_path / voc.INSIDE
    for name in ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets/Segmentation", "ImageSets/Main"):
        (inside / name).mkdir(parents=True)
    for name in ("a", "b", "c"):
        Image.fromarray(np.zeros((10, 20, 3), dtype=np.uint8)).save(inside / "JPEGImages" / f"{name}.jpg")
        mask = np.full((10, 20), ord(name) - ord("a") + 1, dtype=np.uint8)
        Image.fromarray(mask).save(inside / "SegmentationClass" / f"{name}.png")
        text = OBJECT.format("cat", 0) + OBJECT.format("spoon", 0) + OBJECT.format("person", 1)
        (inside / "Annotations" / f"{name}.xml").write_text(f"<annotation>{text}</annotation>")
    for kind in ("Segmentation", "Main"):
        (inside / "ImageSets" / kind / "train.txt").write_text("a\nb\n")
        (inside / "ImageSets" / kind / "val.txt").write_text("c\n")
    return tmp_path


def test_maps_come_with_their_photographs(root: Path) -> None:
    assert voc.has_maps(root)
    train, test = (voc.read_maps(root, part, wanted()) for part in ("train", "test"))
    assert train.images.shape == (2, 3, 10, 20)
    assert train.labels is not None
    assert [int(one.unique()) for one in train.labels] == [1, 2]
    assert test.labels is not None
    assert int(test.labels.unique()) == 3


@pytest.mark.parametrize(("classes", "labels"), [(21, [8, 15]), (91, [17, 1])])
def test_boxes_are_counted_from_0_and_named_as_the_model_does(root: Path, classes: int, labels: list[int]) -> None:
    found = voc.read_boxes(root, "test", wanted(classes))
    assert found.boxes is not None
    assert found.boxes[0].classes.tolist() == labels
    assert found.boxes[0].difficult.tolist() == [False, True]
    assert found.boxes[0].corners[0].tolist() == [0, 2, 8, 9]


@pytest.mark.parametrize("text", ["", "<annotation>", OBJECT.format("cat", 0).replace("8", "eight")])
def test_an_annotation_that_cannot_be_read_has_its_sentence(root: Path, text: str) -> None:
    (root / voc.INSIDE / "Annotations" / "c.xml").write_text(text)
    with pytest.raises(InputError, match=r"c\.xml cannot be read .* expected an annotation of VOC"):
        voc.read_boxes(root, "test", wanted())


def test_what_was_not_fetched_is_not_there(tmp_path: Path) -> None:
    assert not voc.has_maps(tmp_path)
    with pytest.raises(InputError, match="list of VOC's images cannot be read"):
        voc.read_maps(tmp_path, "test", wanted())


@pytest.mark.parametrize(("classes", "last"), [(10, 9), (1000, 701)])
def test_imagenette_s_classes_are_those_of_imagenet_where_the_model_has_them(
    tmp_path: Path, classes: int, last: int
) -> None:
    for part in imagenette.NAMES.values():
        for synset in range(10):
            folder = tmp_path / imagenette.INSIDE / part / f"n0{synset}"
            folder.mkdir(parents=True)
            Image.fromarray(np.zeros((10, 20, 3), dtype=np.uint8)).save(folder / "a.JPEG")
    assert imagenette.is_there(tmp_path)
    labels = imagenette.read(tmp_path, "test", wanted(classes)).labels
    assert labels is not None
    assert (int(labels[0]), int(labels[-1])) == (0, last)
