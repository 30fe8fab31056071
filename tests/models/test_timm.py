"""Models of timm: any of its names where it is installed, a sentence where it is not. A pretended timm stands in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import safetensors.torch
import torch
from torch import nn

from fcpts_core.errors import InputError
from fcpts_core.models import cards
from fcpts_core.models.catalogue import catalogue
from fcpts_core.models.sources import timm as source

ADDRESS = "https://example.org/tiny-0123abcd.pth"


class Tiny(nn.Module):
    pretrained_cfg: ClassVar[dict[str, Any]] = {
        "url": ADDRESS,
        "input_size": (3, 8, 8),
        "crop_pct": 0.8,
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "interpolation": "bicubic",
        "tag": "in1k",
        "license": "mit",
    }

    def __init__(self, num_classes: int = 7) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        said: torch.Tensor = self.head(self.conv(x).mean(dim=(2, 3)))
        return said


def create_model(name: str, pretrained: bool, **options: Any) -> nn.Module:
    if name != "tiny":
        raise RuntimeError(f"Unknown model ({name})")
    assert not pretrained
    return Tiny(**options)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pretended = ModuleType("timm")
    pretended.__spec__ = ModuleSpec("timm", None)
    pretended.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", pretended)
    source.card_of.cache_clear()
    catalogue.cache_clear()
    yield
    source.card_of.cache_clear()
    catalogue.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_card_says_what_timm_says() -> None:
    card = cards.card("timm/tiny")
    assert (card.transform.resize, card.transform.crop, card.transform.interpolation) == (10, 8, "bicubic")
    assert (card.mean, card.std, card.licence) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "mit")
    assert card.download is not None
    assert (card.download.url, card.download.sha256) == (ADDRESS, "0123abcd")


@pytest.mark.usefixtures("installed")
def test_it_loads_a_checkpoint_of_any_number_of_classes(tmp_path: Path) -> None:
    network = Tiny(5)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "w.safetensors")
    model = cards.load_model("timm/tiny", tmp_path / "w.safetensors")
    assert (model.classes, model.input_shape) == (5, (3, 8, 8))
    assert cards.load_model("timm/tiny", random=0).classes == 7


@pytest.mark.usefixtures("installed")
def test_a_few_are_listed_where_it_is_installed() -> None:
    found = [name for name, entry in catalogue().items() if entry.source == "timm"]
    assert "timm/deit_tiny_patch16_224" in found
    card = source.listed_card(catalogue()["timm/deit_tiny_patch16_224"])
    assert card.download is not None
    assert card.download.sha256 == "a1311bcf"


@pytest.mark.usefixtures("installed")
def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"timm cannot make 'nothing' \(Unknown model"):
        cards.card("timm/nothing")


def test_without_timm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "installed", lambda: False)
    source.card_of.cache_clear()
    with pytest.raises(InputError, match="needs timm, which is not installed"):
        cards.card("timm/tiny")
