"""The table of all models: true to what is built, found in torch.hub's folder, quick to list."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from fcpts_core.models import make_catalogue
from fcpts_core.models.cards import MODELS
from fcpts_core.models.catalogue import Download, catalogue, checkpoints, entry_of
from fcpts_core.models.sources.bundled import BUNDLED
from fcpts_core.models.sources.hub import HUB
from fcpts_core.models.sources.own import OWN
from fcpts_core.models.torchvision_guard import import_torchvision
from fcpts_core.models.weightless import without_memory

CONTRACT = {"name", "source", "task", "parameters", "prunable_weights", "weights", "license"}


@pytest.mark.parametrize("card", [*BUNDLED, *OWN, *HUB], ids=lambda card: card.name)
def test_a_row_is_what_its_card_says_and_what_its_network_has(card: object) -> None:
    with without_memory():
        row = make_catalogue.row_of(card)  # type: ignore[arg-type]
    assert json.loads(json.dumps(vars(entry_of(row)), default=vars)) == (
        json.loads(json.dumps(vars(catalogue()[row["name"]]), default=vars))
    )


@pytest.mark.parametrize(
    "name", ["resnet18", "vit_b_16", "googlenet", "deeplabv3_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large"]
)
def test_a_row_of_torchvision_is_what_torchvision_says(name: str) -> None:
    assert entry_of(make_catalogue.torchvision_row(name, catalogue()[name].task)) == catalogue()[name]


def test_all_of_torchvision_is_there() -> None:
    import_torchvision()
    from torchvision import models

    for task in ("classification", "segmentation", "detection"):
        part = models if task == "classification" else getattr(models, task)
        mine = {name for name, entry in catalogue().items() if (entry.source, entry.task) == ("torchvision", task)}
        assert mine == set(models.list_models(module=part))


@pytest.mark.parametrize("name", ["resnet50", "swin_t", "efficientnet_b0", "regnet_x_400mf", "vgg16", "densenet121"])
def test_counts_are_the_published_ones(name: str) -> None:
    import_torchvision()
    from torchvision.models import get_model_weights

    assert catalogue()[name].parameters == get_model_weights(name).DEFAULT.meta["num_params"]
    assert 0 < catalogue()[name].prunable_weights < catalogue()[name].parameters


def test_every_download_has_a_checksum_and_every_card_its_entry() -> None:
    assert list(MODELS) == list(catalogue())
    for name, entry in catalogue().items():
        assert entry.availability in ("bundled", "own") or (entry.download is not None and entry.download.sha256)
        assert MODELS[name].download == entry.download
        assert MODELS[name].task == entry.task


def test_the_folder_is_that_of_torch_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for home, cache in ((None, None), (None, "cache"), ("home", "cache")):
        for variable, value in (("TORCH_HOME", home), ("XDG_CACHE_HOME", cache)):
            if value is None:
                monkeypatch.delenv(variable, raising=False)
            else:
                monkeypatch.setenv(variable, str(tmp_path / value))
        assert checkpoints() == Path(torch.hub.get_dir()) / "checkpoints"


def test_what_is_on_disk_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = catalogue()["resnet18"]
    assert entry.availability == "download"
    assert isinstance(entry.download, Download)
    entry.download.path.parent.mkdir(parents=True)
    entry.download.path.touch()
    assert entry.availability == "on disk"


def test_listing_needs_neither_torch_nor_time() -> None:
    code = (
        "import sys; from fcpts_core.cli import main; main(['models', '--json']);"
        "print([name for name in ('torch', 'torchvision') if name in sys.modules])"
    )
    began = time.process_time()
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    rows, loaded = seen.stdout.splitlines()
    assert loaded == "[]"
    found = json.loads(rows)
    assert [row["name"] for row in found] == list(MODELS)
    assert all(row.keys() >= CONTRACT for row in found)
    assert {row["weights"] for row in found} <= {"bundled", "on disk", "download", "own"}
    assert time.process_time() - began < 5


def test_the_table_for_people_names_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    from fcpts_core.cli import main

    assert main(["models"]) == 0
    lines = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert [name for name in lines if name != "name"] == list(MODELS)
