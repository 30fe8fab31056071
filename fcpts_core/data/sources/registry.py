"""The sets of images by name. A new one is a `Source` here."""

from __future__ import annotations

import difflib

from fcpts_core.data.sources import imagenette, voc
from fcpts_core.data.sources.arrays import CIFAR10, CIFAR100, read_digits
from fcpts_core.data.sources.fetching import by_archive, by_dataset
from fcpts_core.data.sources.source import Source
from fcpts_core.errors import InputError

CIFAR_LICENCE = "for research; no formal licence"
VOC_LICENCE = "the terms of Flickr, whose photographs they are"
TORONTO = "https://www.cs.toronto.edu/~kriz"
VOC_PARTS = ({"year": "2012", "image_set": "trainval"},)

SOURCES: dict[str, Source] = {
    entry.name: entry
    for entry in (
        Source(
            "digits",
            "1,797 handwritten digits of 16x16 pixels",
            "classification",
            (10,),
            read_digits,
            lambda directory: True,
            "CC BY 4.0 (UCI)",
            flippable=False,
            side=16,
        ),
        Source(
            "cifar10",
            "60,000 pictures of 32x32 pixels in 10 classes",
            "classification",
            (10,),
            CIFAR10.read,
            CIFAR10.is_there,
            CIFAR_LICENCE,
            by_archive(f"{TORONTO}/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
            "170 MB",
            "www.cs.toronto.edu",
            side=32,
        ),
        Source(
            "cifar100",
            "60,000 pictures of 32x32 pixels in 100 classes",
            "classification",
            (100,),
            CIFAR100.read,
            CIFAR100.is_there,
            CIFAR_LICENCE,
            by_archive(f"{TORONTO}/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
            "169 MB",
            "www.cs.toronto.edu",
            side=32,
        ),
        Source(
            "imagenette",
            "13,394 photographs of ten classes of ImageNet",
            "classification",
            (10, 1000),
            imagenette.read,
            imagenette.is_there,
            "ImageNet's terms: research and education",
            by_dataset("Imagenette", {"split": "train", "size": "320px"}),
            "342 MB",
            "s3.amazonaws.com",
        ),
        Source(
            "voc-segmentation",
            "2,913 photographs with a class for each pixel",
            "segmentation",
            (),
            voc.read_maps,
            voc.has_maps,
            VOC_LICENCE,
            by_dataset("VOCSegmentation", *VOC_PARTS),
            "2 GB",
            "thor.robots.ox.ac.uk",
            folder="voc",
        ),
        Source(
            "voc-detection",
            "11,540 photographs with boxes around objects",
            "detection",
            (),
            voc.read_boxes,
            voc.has_boxes,
            VOC_LICENCE,
            by_dataset("VOCDetection", *VOC_PARTS),
            "2 GB",
            "thor.robots.ox.ac.uk",
            folder="voc",
        ),
    )
}


def source(name: str) -> Source:
    """The set of that name; an unknown one is an InputError with all the names."""
    if name not in SOURCES:
        close = difflib.get_close_matches(name, SOURCES, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InputError(f"There is no data {name!r}: expected a path or one of {', '.join(SOURCES)}.{hint}")
    return SOURCES[name]
