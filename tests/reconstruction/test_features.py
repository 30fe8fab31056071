"""Which parts of a network are its blocks, and catching what they say."""

import pytest
import torch
from torch import nn

from fcpts_core.models.cifar_resnet import BasicBlock, CifarResNet
from fcpts_core.models.digits_vit import DigitsViT, EncoderBlock
from fcpts_core.reconstruction.features import blocks, caught
from tests.cases import Encoder, conv_net, transformer


class Stages(nn.Module):
    """Stages with blocks of several layers, a container without weights, a classifier that is a container."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 1)
        self.stages = nn.Sequential(nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU()), nn.ReLU(), nn.Conv2d(2, 2, 1))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))


def test_residual_blocks() -> None:
    network = CifarResNet(20, projection=True)
    found = blocks(network)
    assert found == (*network.layer1, *network.layer2, *network.layer3)
    assert all(isinstance(block, BasicBlock) for block in found)


def test_encoder_layers() -> None:
    assert [type(block) for block in blocks(DigitsViT())] == [EncoderBlock] * 5
    assert [type(block) for block in blocks(transformer())] == [Encoder] * 2


def test_outermost_containers_only_without_the_last_layer_and_what_has_no_weights() -> None:
    network = Stages()
    assert blocks(network) == (network.stages[0], network.stages[2], network.classifier[0])


def test_a_network_that_is_a_container_itself() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Sequential(nn.Conv2d(2, 2, 1)), nn.Linear(2, 3))
    assert blocks(network) == (network[0], network[2])


def test_a_network_without_containers_has_none() -> None:
    assert blocks(Plain()) == ()


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)


def test_outputs_are_caught_in_network_order_each_time() -> None:
    network, inputs = conv_net(), torch.randn(2, 3, 8, 8)
    with caught(blocks(network)) as found:
        logits = network(inputs)
        first = list(found)
        network(inputs)
    stem = torch.relu(network.bn1(network.conv1(inputs)))
    expected = [network.stage[0](stem), network.stage(stem)]
    assert len(found) == 4
    assert all(map(torch.equal, first, expected))
    assert torch.equal(network(inputs), logits)


def test_outputs_that_are_no_tensors_are_passed_over() -> None:
    lstm = nn.LSTM(2, 2)
    with caught([lstm]) as found:
        lstm(torch.randn(1, 1, 2))
    assert found == []


def test_the_hooks_come_off_after_an_error_too() -> None:
    network = conv_net()
    with pytest.raises(ZeroDivisionError), caught(blocks(network)) as found:
        _ = 1 / 0
    assert not any(part._forward_hooks for part in network.modules())
    network(torch.randn(2, 3, 8, 8))
    assert found == []
