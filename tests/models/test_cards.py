"""The registry of models: what loads, with what, and the sentence for everything that does not."""

import re
from pathlib import Path

import pytest
import safetensors.torch
import torch

from fcpts_core.assets import asset
from fcpts_core.data.digits import digits
from fcpts_core.errors import InputError
from fcpts_core.measure.accuracy import accuracy, predict
from fcpts_core.models.cards import MODELS, load_model
from fcpts_core.models.catalogue import catalogue
from fcpts_core.models.cifar_resnet import CifarResNet
from fcpts_core.models.layers import prunable_layers

BUNDLED = [name for name, card in MODELS.items() if card.bundled]


def checkpoint(folder: Path, network: CifarResNet) -> Path:
    safetensors.torch.save_file(network.state_dict(), folder / "w.safetensors")
    return folder / "w.safetensors"


def test_the_models_are_these() -> None:
    assert list(MODELS)[:15] == [
        "digits-resnet20",
        "digits-vit",
        *(f"cifar-resnet{depth}" for depth in (20, 32, 44, 56, 110)),
        "cifar100-resnet32",
        "cifar-vit",
        "cifar100-micronet",
        "squeezenet",
        "mobilenet-v1-075",
        "mobilenet-v1",
        "mobilenet-v2",
        "deeplabv3-mobilenet-v2",
    ]
    assert all(name == card.name for name, card in MODELS.items())
    assert len(MODELS) == len(catalogue()) > 100
    assert BUNDLED == ["digits-resnet20", "digits-vit"]


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_is_accurate_on_images_it_never_saw(name: str) -> None:
    model, test = load_model(name), digits("test")
    assert test.labels is not None
    assert (model.mean, model.std) == (test.mean, test.std)
    share = accuracy(predict(model.module, test), test.labels)
    assert share >= 0.985
    assert f"{share:.1%}".replace("%", " %") in model.card.note


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_is_ready_for_a_run(name: str) -> None:
    model = load_model(name)
    assert not any(part.training for part in model.module.modules())
    assert all(value.dtype == torch.float32 for value in model.module.parameters())
    assert (model.input_shape, model.classes) == ((3, 16, 16), 10)
    assert re.fullmatch("[0-9a-f]{64}", model.sha256)


def test_the_bundled_resnet_has_the_size_of_its_cifar_model() -> None:
    assert sum(layer.weights for layer in prunable_layers(load_model("digits-resnet20").module)) == 268_336


def test_the_bundled_weights_stay_small() -> None:
    assert sum(file.stat().st_size for file in asset("models").glob("*.safetensors")) <= 3_000_000


@pytest.mark.parametrize(("classes", "projection"), [(10, False), (100, True)])
def test_a_checkpoint_of_one_s_own(tmp_path: Path, classes: int, projection: bool) -> None:
    network = CifarResNet(32, classes, projection=projection).eval()
    model = load_model("cifar-resnet32", checkpoint(tmp_path, network))
    assert (model.input_shape, model.classes) == ((3, 32, 32), classes)
    assert (model.mean, model.std) == (model.card.mean, model.card.std)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model.module(x), network(x))


def test_a_bundled_model_takes_other_weights(tmp_path: Path) -> None:
    network = CifarResNet(20, classes=4)
    model = load_model("digits-resnet20", checkpoint(tmp_path, network))
    assert model.classes == 4
    assert torch.equal(model.module.state_dict()["conv1.weight"], network.conv1.weight)


def test_other_channels_come_with_a_neutral_normalisation(tmp_path: Path) -> None:
    model = load_model("cifar-resnet20", checkpoint(tmp_path, CifarResNet(20, channels=1)))
    assert (model.input_shape, model.mean, model.std) == ((1, 32, 32), (0.5,), (0.5,))


def test_an_unknown_name_is_refused_with_the_names() -> None:
    with pytest.raises(
        InputError, match=r"no model 'cifar-resnet21': .*digits-vit.*\. Did you mean cifar-resnet\d+\?$"
    ):
        load_model("cifar-resnet21")
    with pytest.raises(
        InputError, match=r"no model 'no-such-net': expected one of digits-resnet20, digits-vit, [^?]*$"
    ):
        load_model("no-such-net")


def test_a_model_without_weights_says_what_to_pass() -> None:
    with pytest.raises(InputError, match=r"cifar-resnet20 comes without weights: pass your own checkpoint"):
        load_model("cifar-resnet20")


def test_weights_of_another_depth_are_refused_with_names_and_the_model_they_fit(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, CifarResNet(56))
    with pytest.raises(
        InputError, match=r"unexpected: layer1\.3\.bn1\.bias, .* and 211 more\. They fit cifar-resnet56\.$"
    ):
        load_model("cifar-resnet20", path)


def test_weights_of_no_model_are_refused_with_names(tmp_path: Path) -> None:
    safetensors.torch.save_file({"features.0.weight": torch.zeros(2, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"missing: conv1\.weight, .*unexpected: features\.0\.weight\.$"):
        load_model("cifar-resnet20", tmp_path / "w.safetensors")


def test_a_weight_of_the_wrong_rank_is_named(tmp_path: Path) -> None:
    state = CifarResNet(20).state_dict()
    state["linear.weight"], state["conv1.weight"] = torch.zeros(3), torch.zeros(16)
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"conv1\.weight \[16\] instead of \[16, 3, 3, 3\]"):
        load_model("cifar-resnet20", tmp_path / "w.safetensors")


def test_random_weights_are_those_of_the_seed_and_say_so() -> None:
    first, again, other = (load_model("digits-vit", random=seed) for seed in (1, 1, 2))
    one, two, three = (model.module.state_dict()["embed.weight"] for model in (first, again, other))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert "random" in first.notes[0]
    state = torch.random.get_rng_state()
    load_model("digits-vit", random=3)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_random_weights_and_a_file_are_a_contradiction(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose one of them"):
        load_model("cifar-resnet20", checkpoint(tmp_path, CifarResNet(20)), random=0)


def test_a_checkpoint_with_other_names_for_the_same_parts(tmp_path: Path) -> None:
    network = CifarResNet(20, projection=True)
    renamed = {
        name.replace("linear.", "fc.").replace(".shortcut.", ".downsample."): tensor
        for name, tensor in network.state_dict().items()
    }
    safetensors.torch.save_file(renamed, tmp_path / "w.safetensors")
    assert load_model("cifar-resnet20", tmp_path / "w.safetensors").module.state_dict().keys() == (
        network.state_dict().keys()
    )
