"""A user's images from an archive or a folder: what is read, and a sentence for whatever cannot be used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fcpts_core.data.images import ImageSet, load_images
from fcpts_core.errors import InputError

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def load(path: Path, **options: Any) -> ImageSet:
    return load_images(path, MEAN, STD, **{"classes": 4, "size": (8, 8), **options})


def archive(path: Path, **arrays: Any) -> Path:
    np.savez(path / "set.npz", **arrays)
    return path / "set.npz"


def picture(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


class TestImageSet:
    def test_inputs_are_normalised(self) -> None:
        images = ImageSet("some", torch.from_numpy(pixels(5, 3, 4, 4)), torch.arange(5), MEAN, STD)
        chosen = torch.tensor([3, 1])
        inputs = images.inputs(chosen)
        assert inputs.dtype == torch.float32
        for row, index in enumerate(chosen):
            for channel in range(3):
                expected = (images.images[index, channel].double() / 255 - MEAN[channel]) / STD[channel]
                torch.testing.assert_close(inputs[row, channel].double(), expected, rtol=0, atol=1e-6)
        assert torch.equal(images.inputs()[chosen], inputs)

    def test_black_is_what_a_zero_pixel_becomes(self) -> None:
        images = ImageSet("black", torch.zeros(1, 3, 2, 2, dtype=torch.uint8), None, MEAN, STD)
        torch.testing.assert_close(images.inputs()[0, :, 0, 0], images.black)

    def test_take_keeps_the_first_with_their_labels(self) -> None:
        images = ImageSet("some", torch.from_numpy(pixels(5, 3, 4, 4)), torch.arange(5), MEAN, STD)
        few = images.take(2)
        assert len(few) == 2
        assert torch.equal(few.images, images.images[:2])
        assert few.labels is not None
        assert few.labels.tolist() == [0, 1]
        assert len(images.take(100)) == 5
        assert images.without_labels().labels is None

    @pytest.mark.parametrize(
        ("mean", "std", "sentence"),
        [
            ((0.5,), STD, "mean has 1 number"),
            (MEAN, (0.2,) * 4, "std has 4 number"),
            (MEAN, (0.2, 0.0, 0.2), "std is 0.2, 0, 0.2: expected numbers above 0"),
            (MEAN, (0.2, -1.0, 0.2), "expected numbers above 0"),
            ((0.5, float("nan"), 0.5), STD, "mean is 0.5, nan, 0.5: expected finite"),
            (MEAN, (0.2, float("inf"), 0.2), "std is .* expected finite"),
        ],
    )
    def test_a_wrong_normalisation_is_refused(self, mean: Any, std: Any, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            ImageSet("some", torch.zeros(1, 3, 2, 2, dtype=torch.uint8), None, mean, std)


class TestArchive:
    def test_images_and_labels(self, tmp_path: Path) -> None:
        array = pixels(6, 8, 8, 3)
        images = load(archive(tmp_path, images=array, labels=np.array([0, 1, 2, 3, 0, 1], dtype=np.uint8)))
        assert torch.equal(images.images, torch.from_numpy(array).permute(0, 3, 1, 2))
        assert images.labels is not None
        assert images.labels.tolist() == [0, 1, 2, 3, 0, 1]
        assert (images.mean, images.std, images.skipped) == (MEAN, STD, 0)

    def test_labels_are_optional_and_other_arrays_do_no_harm(self, tmp_path: Path) -> None:
        others = np.array([{"any": 1}], dtype=object)
        assert load(archive(tmp_path, images=pixels(2, 8, 8, 3), others=others)).labels is None

    def test_grey_images_are_repeated_for_three_channels(self, tmp_path: Path) -> None:
        array = pixels(2, 8, 8)
        images = load(archive(tmp_path, images=array)).images
        assert all(torch.equal(images[:, channel], torch.from_numpy(array)) for channel in range(3))

    def test_grey_images_for_a_model_of_one_channel(self, tmp_path: Path) -> None:
        path = archive(tmp_path, images=pixels(2, 8, 8))
        assert load_images(path, (0.5,), (0.5,), channels=1).images.shape == (2, 1, 8, 8)

    @pytest.mark.parametrize(
        ("arrays", "sentence"),
        [
            ({"pictures": pixels(2, 8, 8, 3)}, r"no array `images` \(it holds pictures\)"),
            ({}, r"it holds nothing"),
            ({"images": pixels(2, 8, 8, 3).astype(np.float32)}, "type float32: expected uint8"),
            ({"images": pixels(2, 8, 8, 4)}, r"4 channel\(s\), the model takes 3"),
            ({"images": pixels(2, 8, 8, 1)}, r"1 channel\(s\), the model takes 3"),
            ({"images": pixels(2, 3, 8, 8)}, r"8 channel\(s\), the model takes 3"),
            ({"images": pixels(8, 8)}, r"shape \[8, 8\]"),
            ({"images": pixels(2, 0, 8, 3)}, r"shape \[2, 0, 8, 3\]"),
            ({"images": pixels(0, 8, 8, 3)}, "has no images"),
            ({"images": pixels(2, 9, 8, 3)}, "9x8 pixels, the model takes 8x8"),
            ({"images": np.array([{}], dtype=object)}, "Python objects"),
            (
                {"images": pixels(2, 8, 8, 3), "labels": np.array([0, 4])},
                "labels from 0 to 4: expected labels from 0 to 3",
            ),
            ({"images": pixels(2, 8, 8, 3), "labels": np.array([-1, 0])}, "labels from -1 to 0"),
            ({"images": pixels(2, 8, 8, 3), "labels": np.array([0])}, r"2 images, but labels of shape \[1\]"),
            ({"images": pixels(2, 8, 8, 3), "labels": np.eye(2, dtype=int)}, r"labels of shape \[2, 2\]"),
            ({"images": pixels(2, 8, 8, 3), "labels": np.array([0.0, 1.0])}, "labels of type float64"),
            ({"images": pixels(2, 8, 8, 3), "labels": np.array(["a", "b"])}, "labels of type <U1"),
        ],
    )
    def test_what_cannot_be_used_has_its_sentence(self, tmp_path: Path, arrays: Any, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            load(archive(tmp_path, **arrays))

    @pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and then nothing", b"\x93NUMPY"])
    def test_another_kind_of_file(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "set.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"set\.npz .*expected"):
            load(tmp_path / "set.npz")

    @pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_a_truncated_file(self, tmp_path: Path, save: Callable[..., None], share: float) -> None:
        path = tmp_path / "set.npz"
        save(path, images=pixels(9, 8, 8, 3))
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(InputError, match=r"cannot be read|no \.npz file"):
            load(path)

    def test_damage_inside(self, tmp_path: Path) -> None:
        path = archive(tmp_path, images=pixels(9, 8, 8, 3))
        content = bytearray(path.read_bytes())
        content[600] ^= 255
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            load(path)


class TestFolder:
    def test_pictures_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        arrays = pixels(3, 8, 8, 3)
        for name, array in zip("bca", arrays, strict=True):
            picture(tmp_path / f"{name}.png", array)
        (tmp_path / "notes.txt").write_text("no picture")
        (tmp_path / ".hidden.png").write_text("no picture")
        images = load(tmp_path)
        assert torch.equal(images.images, torch.from_numpy(arrays[[2, 0, 1]]).permute(0, 3, 1, 2))
        assert images.labels is None
        assert images.skipped == 0

    def test_grey_and_palette_pictures_become_colour(self, tmp_path: Path) -> None:
        grey = pixels(8, 8)
        picture(tmp_path / "a.png", grey)
        Image.fromarray(grey).convert("P").save(tmp_path / "b.png", transparency=bytes(range(256)))
        Image.fromarray(pixels(8, 8, 4)).save(tmp_path / "c.png")
        images = load(tmp_path).images
        assert images.shape == (3, 3, 8, 8)
        assert all(torch.equal(images[row, channel], torch.from_numpy(grey)) for row in (0, 1) for channel in range(3))

    def test_colour_pictures_become_grey_for_one_channel(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png", pixels(8, 8, 3))
        assert load_images(tmp_path, (0.5,), (0.5,), channels=1).images.shape == (1, 1, 8, 8)

    def test_other_sizes_are_scaled_and_cut_to_the_centre(self, tmp_path: Path) -> None:
        wide = np.zeros((16, 48, 3), dtype=np.uint8)
        wide[:, 16:32] = 255
        picture(tmp_path / "a.png", wide)
        centre = load(tmp_path).images
        assert centre.shape == (1, 3, 8, 8)
        assert centre.min() > 200

    def test_without_a_size_the_first_picture_s_counts(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png", pixels(6, 9, 3))
        picture(tmp_path / "b.png", pixels(12, 18, 3))
        assert load(tmp_path, size=None).images.shape == (2, 3, 6, 9)

    def test_damaged_pictures_are_skipped_and_counted(self, tmp_path: Path) -> None:
        good = picture(tmp_path / "a.png", pixels(8, 8, 3))
        (tmp_path / "b.png").write_bytes(good.read_bytes()[:60])
        (tmp_path / "c.jpg").write_bytes(b"no picture")
        (tmp_path / "d.gif").write_bytes(b"")
        images = load(tmp_path)
        assert (len(images), images.skipped) == (1, 3)

    @pytest.mark.parametrize(
        ("folders", "classes", "labels"),
        [
            (["0", "2", "3"], 4, [0, 2, 3]),
            (["00", "01", "10"], 11, [0, 1, 10]),
            (["ant", "bee", "cat"], 3, [0, 1, 2]),
            (["ant", "bee", "cat"], 4, None),
        ],
    )
    def test_sub_folders_are_classes(
        self, tmp_path: Path, folders: list[str], classes: int, labels: list[int] | None
    ) -> None:
        for folder in folders:
            picture(tmp_path / folder / "a.png", pixels(8, 8, 3))
        found = load(tmp_path, classes=classes).labels
        assert (None if found is None else found.tolist()) == labels

    def test_pictures_beside_sub_folders_have_no_labels(self, tmp_path: Path) -> None:
        picture(tmp_path / "0" / "a.png", pixels(8, 8, 3))
        picture(tmp_path / "a.png", pixels(8, 8, 3))
        images = load(tmp_path)
        assert (len(images), images.labels) == (2, None)

    def test_a_folder_number_beyond_the_classes_is_refused(self, tmp_path: Path) -> None:
        picture(tmp_path / "7" / "a.png", pixels(8, 8, 3))
        with pytest.raises(InputError, match="labels from 7 to 7: expected labels from 0 to 3"):
            load(tmp_path)

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="has no images"):
            load(tmp_path)

    def test_a_folder_of_damaged_pictures_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"no picture")
        with pytest.raises(InputError, match="None of the 1 image files"):
            load(tmp_path)

    def test_other_channel_counts_are_refused(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png", pixels(8, 8, 3))
        with pytest.raises(InputError, match="1 or 3 channels"):
            load_images(tmp_path, (0.5,) * 2, (0.5,) * 2, channels=2)


@pytest.mark.parametrize("name", ["nothing.npz", "nothing", "x" * 300])
def test_a_missing_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"There is no .*: expected an \.npz file, a folder"):
        load(tmp_path / name)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither an \.npz file nor a folder"):
        load(picture(tmp_path / "a.png", pixels(8, 8, 3)))
