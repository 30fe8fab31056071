"""The page of all models, and the first step of the settings: a source, a model, its weights."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.models import fetching as module
from fcpts_core.models.catalogue import Download, catalogue
from fcpts_core.models.downloads import Cancelled
from fcpts_core.models.fetching import Fetchings
from fcpts_core.models.table import architecture, table_of
from pages._ui import model_step
from pages._ui.models.shelf import matching

PAGES = Path(__file__).parents[2]
PATIENCE = 60


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def opened(app: AppTest, **address: str) -> AppTest:
    for name, text in address.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def playground() -> AppTest:
    return AppTest.from_file(str(PAGES / "app.py"), default_timeout=PATIENCE)


def test_every_word_of_a_search_must_stand_somewhere() -> None:
    assert [entry.name for entry in matching("RESNET 18", None)] == ["resnet18"]
    assert {entry.task for entry in matching("segmentation", "torchvision")} == {"segmentation"}
    assert matching("", "bundled") == matching("bundled", None)
    assert not matching("no such net", None)


def test_the_page_lists_the_models_and_the_layers_of_one() -> None:
    app = AppTest.from_file(str(PAGES / "pages" / "models.py"), default_timeout=PATIENCE).run()
    assert not app.exception
    models, layers = app.dataframe
    assert list(models.value["name"]) == list(catalogue())
    assert app.subheader[0].value == "digits-resnet20"
    assert sum(layers.value["weights"]) == catalogue()["digits-resnet20"].prunable_weights
    app.text_input(key="models-search").set_value("swin_t").run()
    assert app.subheader[0].value == "swin_t"
    app.text_input(key="models-search").set_value("nothing like that").run()
    assert not app.exception
    assert "Take one away" in app.info[0].value


@pytest.mark.parametrize(
    ("name", "flops"), [("resnet50", 4_089_184_256), ("mobilenet_v3_small", None), ("vit_b_16", None)]
)
def test_a_table_has_all_layers_and_their_work(name: str, flops: int | None) -> None:
    rows = table_of(architecture(name), (3, 224, 224))
    assert sum(row.weights for row in rows) == catalogue()[name].prunable_weights
    assert sum(row.share for row in rows) == pytest.approx(1)
    work = [row.flops for row in rows]
    assert all(work)
    assert flops is None or sum(work) == flops  # type: ignore[arg-type]


def test_the_address_chooses_the_source_and_another_source_another_model(playground: AppTest) -> None:
    opened(playground, model="cifar-resnet56")
    assert playground.selectbox(key="set-source").value == "own"
    assert playground.selectbox(key="set-model").value == "cifar-resnet56"
    playground.selectbox(key="set-source").set_value("bundled").run()
    assert not playground.exception
    assert playground.selectbox(key="set-model").value == "digits-resnet20"
    playground.selectbox(key="set-source").set_value("torchvision").run()
    playground.selectbox(key="set-model").set_value("resnet18").run()
    assert playground.selectbox(key="set-source").value == "torchvision"
    assert any("not on this machine" in text.value for text in playground.markdown)
    assert playground.button(key="fetch").label == "Download weights, 45 MB"


def test_random_weights_are_a_setting_of_the_address(playground: AppTest) -> None:
    opened(playground, model="cifar-resnet20", random="yes")
    assert playground.checkbox(key="set-random").value
    assert not any("comes without weights" in text.value for text in playground.markdown)


def test_a_download_is_shown_given_up_and_explained(playground: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    go, asked = threading.Event(), list[Download]()

    def fetch(download: Download, *, progress: module.Progress, cancelled: module.Asked) -> Path:
        asked.append(download)
        progress(download.size // 2, download.size)
        while not go.wait(0.01):
            if cancelled():
                raise Cancelled
        raise module.RunError("The network is gone.")

    held = Fetchings()
    monkeypatch.setattr(module, "fetch", fetch)
    monkeypatch.setattr(model_step, "fetchings", lambda: held)
    opened(playground, model="resnet18")
    playground.button(key="fetch").click().run()
    under_way = held.of(asked[0])
    assert under_way is not None
    assert under_way.active
    assert playground.button(key="fetch-cancel")
    playground.button(key="fetch-cancel").click().run()
    under_way.wait(PATIENCE)
    playground.run()
    assert playground.button(key="fetch").label == "Go on with the download"
    go.set()
    playground.button(key="fetch").click().run()
    again = held.of(asked[0])
    assert again is not None
    again.wait(PATIENCE)
    playground.run()
    assert not playground.exception
    assert any("The network is gone." in text.value for text in playground.caption)


def test_downloads_of_one_file_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(module, "fetch", lambda download, **rest: go.wait(PATIENCE))
    held, download = Fetchings(), catalogue()["resnet18"].download
    assert download is not None
    first = held.start(download)
    assert held.start(replace(download)) is first
    go.set()
    first.wait(PATIENCE)
    assert held.start(download) is not first
