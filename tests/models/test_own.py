"""The architectures for checkpoints of one's own: sizes, names, what comes out, and what they keep of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from fcpts_core.models.cards import MODELS, load_model
from fcpts_core.models.layers import prunable_layers
from fcpts_core.models.mobilenet_v2 import DeepLabV3, padded
from fcpts_core.models.sources.own import OWN
from fcpts_core.reconstruction.features import blocks, caught

# floating-point numbers of the state dict, statistics included, as their publishers' files hold them
NUMBERS = {
    "cifar-vit": 811_146,
    "cifar100-micronet": 498_034,
    "squeezenet": 1_235_496,
    "mobilenet-v1-075": 2_601_976,
    "mobilenet-v2": 3_487_816,
    "deeplabv3-mobilenet-v2": 2_097_013,
}
BLOCKS = {
    "cifar100-resnet32": 15,
    "cifar-vit": 6,
    "cifar100-micronet": 16,
    "squeezenet": 9,
    "mobilenet-v1-075": 13,
    "mobilenet-v2": 17,
    "deeplabv3-mobilenet-v2": 17,
}
SMALL = {"deeplabv3-mobilenet-v2": 65}


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[name].build({}).eval()


@pytest.mark.parametrize("name", NUMBERS)
def test_it_has_the_size_of_the_published_file(name: str) -> None:
    state = built(name).state_dict()
    assert sum(tensor.numel() for tensor in state.values() if tensor.is_floating_point()) == NUMBERS[name]


@pytest.mark.parametrize("name", BLOCKS)
def test_its_blocks_are_found_and_each_says_something(name: str) -> None:
    network, side = built(name), SMALL.get(name, MODELS[name].input_size[0])
    with caught(blocks(network)) as found, torch.no_grad():
        network(torch.randn(1, MODELS[name].channels, side, side))
    assert len(blocks(network)) == BLOCKS[name] == len(found)


@pytest.mark.parametrize("card", OWN, ids=lambda card: card.name)
def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path: Path, card: object) -> None:
    name = card.name  # type: ignore[attr-defined]
    network = built(name)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "w.safetensors")
    model = load_model(name, tmp_path / "w.safetensors")
    assert model.module.state_dict().keys() == network.state_dict().keys()
    side = SMALL.get(name, 32)
    x = torch.randn(1, 3, side, side)
    with torch.no_grad():
        assert torch.equal(model.module(x), network(x))
    said = model.module(x)
    dense = (side, side) if card.task == "segmentation" else ()  # type: ignore[attr-defined]
    assert said.shape == (1, model.classes, *dense)


def test_the_transformer_keeps_the_names_of_fused_attention() -> None:
    network = built("cifar-vit")
    assert network.state_dict()["transformer.layers.0.self_attn.in_proj_weight"].shape == (384, 128)
    names = [layer.name for layer in prunable_layers(network)]
    assert all(f"transformer.layers.0.self_attn.{part}" in names for part in ("q", "k", "v", "out_proj"))


@pytest.mark.parametrize("size", [7, 8, 65, 224, 257])
@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_is_as_much_as_the_output_needs_and_the_odd_pixel_comes_last(size: int, kernel: int) -> None:
    convolution = nn.Conv2d(1, 1, kernel, 2, bias=False)
    x = torch.randn(1, 1, size, size)
    y = padded(x, convolution)
    before = next(i for i in range(kernel) if torch.equal(y[..., i : i + size, i : i + size], x))
    after = y.shape[2] - size - before
    assert after - before in (0, 1)
    assert convolution(y).shape[2] == -(-size // 2)
    # one pixel less would not do
    assert F.conv2d(y[..., :-1, :-1], convolution.weight, stride=2).shape[2] < -(-size // 2) or before + after == 0


def test_segmentation_stays_at_an_eighth_and_dilates_instead() -> None:
    network = DeepLabV3().eval()
    with torch.no_grad():
        assert network.features(torch.randn(1, 3, 65, 65)).shape == (1, 320, 9, 9)
    dilations = [network.get_submodule(f"{name}.depthwise").dilation[0] for name in network.names]  # type: ignore[index]
    assert dilations == [1] * 7 + [2] * 7 + [4] * 3
