"""The data step without a browser: what is offered for which model, and what of it reaches the run."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.data.sources.source import VARIABLE
from fcpts_core.data.transform import Transform
from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError
from pages._ui.data_step import words_of
from pages._ui.settings import command_of, config_of, data_choices, parameters, values_of
from pages._ui.uploads import contents

APP = Path(__file__).parents[2] / "app.py"


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, text in address.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


@pytest.mark.parametrize(
    ("model", "choices"),
    [
        ("digits-resnet20", ("own", "files", "synthetic")),
        ("cifar-resnet20", ("own", "cifar10", "cifar100", "synthetic")),
        ("mobilenet-v2", ("own", "imagenette", "synthetic")),
        ("deeplabv3-mobilenet-v2", ("own", "voc-segmentation", "synthetic")),
    ],
)
def test_a_model_is_offered_what_fits_its_task_and_size(model: str, choices: tuple[str, ...]) -> None:
    assert data_choices(model) == choices


def test_data_and_preparation_go_through_the_address_into_the_run_and_back() -> None:
    chosen = {"model": "mobilenet-v2", "data": "imagenette", "resize": 0, "crop": 200, "mean": "0.1, 0.2, 0.3"}
    values = {**chosen, "std": "1, 1, 1"}
    config = config_of(values)
    assert (config.data, config.resize, config.crop) == ("imagenette", 0, 200)
    assert (config.mean, config.std) == ((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))
    assert parameters(values) == {name: str(value) for name, value in values.items()}
    assert config_of(values_of(config)) == config
    command = command_of(config, 1)
    assert "--data imagenette --resize 0 --crop 200 --mean 0.1,0.2,0.3 --std 1,1,1" in command


@pytest.mark.parametrize("mean", ["1..2", "0.1,", "."])
def test_a_normalisation_that_is_none_is_the_model_s_own(mean: str) -> None:
    assert config_of({"mean": mean, "std": "1,1,1"}).mean is None
    assert config_of({"mean": "0.5,0.5,0.5"}) == RunConfig()


def test_data_that_is_not_here_can_be_fetched_and_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    app = opened(model="cifar-resnet20", data="cifar10")
    assert app.button(key="data-download").label == "Download 170 MB"
    assert app.button(key="launch").disabled
    assert "60,000 pictures of 32×32 pixels" in words(app)


def test_a_model_s_own_images_need_no_words_and_synthetic_ones_do() -> None:
    app = opened()
    assert "Pictures:" not in words(app)
    app.selectbox(key="set-data").set_value("synthetic").run()
    assert "no data is used" in words(app)
    assert not app.button(key="launch").disabled


def test_data_that_another_model_cannot_take_is_let_go() -> None:
    app = opened(model="cifar-resnet20", data="cifar10")
    app.selectbox(key="set-source").set_value("bundled").run()
    assert not app.exception
    assert app.selectbox(key="set-data").value == "own"


def test_a_changed_preparation_is_told() -> None:
    assert "cut from the middle; mean 0.5 0.5 0.5" in words(opened(model="mobilenet-v2"))
    assert "100×100 cut from the middle" in (told := words(opened(model="mobilenet-v2", crop="100")))
    assert "Changed from what the model wants." in told


def test_a_transform_in_words() -> None:
    mean, std = (0.485,) * 3, (0.25,) * 3
    assert words_of(Transform(None, None, mean, std)) == (
        "Pictures: not scaled; mean 0.485 0.485 0.485, std 0.25 0.25 0.25."
    )
    assert "longer side scaled to 513, filled up to 513×513" in words_of(Transform(513, 513, mean, std, fit="longer"))


def test_a_zip_is_told_by_what_it_holds(tmp_path: Path) -> None:
    def made(name: str, *files: str) -> str:
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            for item in files:
                file.writestr(item, "x")
        return str(tmp_path / name)

    assert contents(made("a.zip", "a.png", "b.png")) == "2 pictures, no labels"
    assert contents(made("b.zip", "0/a.png", "1/b.png")) == "2 pictures, 2 folders as classes"
    assert contents(made("c.zip", "a.png", "labels.csv")) == "1 picture, labels from labels.csv"
    assert contents(made("d.zip", "a.png", "boxes.csv"), "detection") == "1 picture, boxes from boxes.csv"
    with pytest.raises(InputError, match="no pictures in this zip"):
        contents(made("e.zip", "notes.txt"))


def test_arrays_are_told_by_their_headers(tmp_path: Path) -> None:
    images = np.zeros((3, 2, 2, 3), dtype=np.uint8)
    for at, save in enumerate((np.savez, np.savez_compressed)):
        save(tmp_path / f"{at}.npz", images=images, labels=np.zeros(3, dtype=np.int64))
        assert contents(str(tmp_path / f"{at}.npz")) == "3 pictures, with labels"
    np.savez(tmp_path / "plain.npz", images=images[:1])
    assert contents(str(tmp_path / "plain.npz")) == "1 picture, no labels"
    np.savez(tmp_path / "other.npz", data=images)
    with pytest.raises(InputError, match="no array images in this file"):
        contents(str(tmp_path / "other.npz"))
    whole = (tmp_path / "0.npz").read_bytes()
    for at, damaged in enumerate((b"", b"hello", whole[: len(whole) // 2], whole.replace(b"NUMPY", b"OTHER"))):
        (tmp_path / f"damaged{at}.npz").write_bytes(damaged)
        with pytest.raises(InputError, match="cannot be read as"):
            contents(str(tmp_path / f"damaged{at}.npz"))


def test_nothing_is_said_to_be_changed_that_is_not() -> None:
    assert "Changed from" not in words(opened(model="resnet18"))
    assert "Changed from" in words(opened(model="resnet18", crop="200"))


def test_what_a_zip_holds_is_told_for_the_task(tmp_path: Path) -> None:
    plain, paired, boxed = (tmp_path / f"{name}.zip" for name in ("plain", "paired", "boxed"))
    for path, names in (
        (plain, ["a.png"]),
        (paired, ["images/a.png", "masks/a.png"]),
        (boxed, ["a.png", "boxes.csv"]),
    ):
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, "file,class,xmin,ymin,xmax,ymax\na.png,cat,0,0,1,1\n")
    assert contents(str(plain)) == "1 picture, no labels"
    assert contents(str(paired), "segmentation") == "1 picture with masks"
    assert "measure agreement alone" in contents(str(boxed), "segmentation")
    assert contents(str(boxed), "detection") == "1 picture, boxes from boxes.csv"
    assert "no boxes.csv" in contents(str(plain), "detection")


def test_a_model_without_weights_says_on_the_page_where_they_go() -> None:
    app = opened(model="mobilenet-v2")
    assert "under Weights, or tick Random weights" in " ".join(text.value for text in app.markdown)
    assert "measuring takes the time" in words(
        opened(model="squeezenet", random="yes", method="uniform", data="synthetic")
    )


def test_the_field_of_test_images_asks_for_what_the_task_needs() -> None:
    app = opened(model="deeplabv3-mobilenet-v2")
    assert "Test images, with masks" in [getattr(field, "label", "") for field in app.get("file_uploader")]
