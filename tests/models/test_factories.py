"""Networks of a user's own code: from the command line alone, and every mistake has its sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from fcpts_core.errors import InputError
from fcpts_core.models import factories
from fcpts_core.models.cards import load_model
from tests.cases import conv_net

HERE = "tests.models.test_factories"


class Sized(nn.Module):
    input_size, mean, std, classes, task = (8, 12), (0.1, 0.2), (0.3, 0.4), 5, "segmentation"

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 1)
        self.attention = nn.MultiheadAttention(4, 2)


def sized() -> nn.Module:
    return Sized()


def half() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2)).half()


def broken() -> nn.Module:
    raise OSError("no such disk")


def nothing() -> None:
    pass


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factories, "_allowed", True)
    factories.card_of.cache_clear()


@pytest.mark.usefixtures("allowed")
def test_the_module_says_what_it_wants(tmp_path: Path) -> None:
    model = load_model(f"{HERE}:sized")
    assert (model.input_shape, model.classes, model.card.task) == ((2, 8, 12), 5, "segmentation")
    assert (model.mean, model.std) == ((0.1, 0.2), (0.3, 0.4))
    state = Sized().state_dict()
    assert state.keys() == model.module.state_dict().keys()
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    loaded = load_model(f"{HERE}:sized", tmp_path / "w.safetensors")
    assert all(torch.equal(loaded.module.state_dict()[name], tensor) for name, tensor in state.items())


@pytest.mark.usefixtures("allowed")
def test_without_a_word_of_its_own_it_gets_the_usual() -> None:
    assert load_model("tests.cases:conv_net").input_shape == (3, 224, 224)
    assert load_model("tests.cases:conv_net").module.state_dict().keys() == conv_net().state_dict().keys()
    assert all(parameter.dtype == torch.float32 for parameter in load_model(f"{HERE}:half").module.parameters())


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (f"{HERE}:absent", "cannot be imported"),
        ("no.such:thing", "cannot be imported"),
        (f"{HERE}:broken", "fails .OSError: no such disk"),
        (f"{HERE}:nothing", "returns a NoneType: expected an nn.Module"),
    ],
)
def test_what_is_wrong_is_said(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_model(name)


def test_code_is_refused_unless_it_was_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factories, "_allowed", False)
    factories.card_of.cache_clear()
    with pytest.raises(InputError, match=r"names code: .* from the command line alone"):
        load_model("tests.cases:conv_net")


@pytest.mark.parametrize("name", ["resnet18", "a:b:c", "a/b:c", ":c", "a:", "http://x:y", "a.b:c-d"])
def test_other_names_are_no_paths(name: str) -> None:
    assert not factories.is_path(name)
