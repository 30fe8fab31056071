"""CIFAR's binary files, read record by record; nothing that is pickled is ever opened."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fcpts_core.data.folder import Content, Wanted
from fcpts_core.data.sources.arrays import CIFAR10, CIFAR100, Binary, read_digits
from fcpts_core.errors import InputError

WANTED = Wanted(3, (32, 32), None)


def put(directory: Path, kind: Binary, count: int = 4) -> np.ndarray:
    """Files with `count` records each; all records, those of the test file last."""
    folder = directory / kind.folder
    folder.mkdir()
    generator = np.random.default_rng(0)
    rows = []
    for name in (*kind.train, *kind.test):
        records = generator.integers(0, 10, (count, kind.label_bytes + 3072), dtype=np.uint8)
        records.tofile(folder / name)
        rows.append(records)
    return np.concatenate(rows)


@pytest.mark.parametrize("kind", [CIFAR10, CIFAR100])
def test_records_become_images_and_labels(tmp_path: Path, kind: Binary) -> None:
    records = put(tmp_path, kind)
    assert kind.is_there(tmp_path)
    train, test = (kind.read(tmp_path, part, WANTED) for part in ("train", "test"))
    assert (len(train.images), len(test.images)) == (4 * len(kind.train), 4)
    last = records[-1]
    assert test.labels is not None
    assert int(test.labels[-1]) == last[kind.label_bytes - 1]
    assert int(test.images[-1, 1, 2, 3]) == last[kind.label_bytes + 1024 + 2 * 32 + 3]


def test_the_first_few_are_enough(tmp_path: Path) -> None:
    put(tmp_path, CIFAR10)
    few: Content = CIFAR10.read(tmp_path, "train", Wanted(3, (32, 32), None, limit=6))
    everything = CIFAR10.read(tmp_path, "train", WANTED)
    assert torch.equal(few.images, everything.images[:6])
    assert few.labels is not None
    assert len(few.labels) == 6


def test_files_need_no_folder_around_them(tmp_path: Path) -> None:
    put(tmp_path, CIFAR100)
    assert CIFAR100.is_there(tmp_path / CIFAR100.folder)
    assert not CIFAR10.is_there(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04 pickled", bytes(3072)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, CIFAR100)
    (tmp_path / CIFAR100.folder / "test.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"expected a multiple of 3,074, the binary version of cifar100"):
        CIFAR100.read(tmp_path, "test", WANTED)


def test_a_model_of_another_size_is_refused(tmp_path: Path) -> None:
    put(tmp_path, CIFAR10)
    with pytest.raises(InputError, match="cifar10 has images of 32x32 pixels, the model takes 224x224"):
        CIFAR10.read(tmp_path, "test", Wanted(3, (224, 224), None))
    with pytest.raises(InputError, match="digits has images of 3 channels, the model takes 1"):
        read_digits(tmp_path, "test", Wanted(1, (16, 16), None))
