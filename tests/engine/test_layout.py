"""Channels lie innermost for networks that can go on with that, and for no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.engine.chosen_images import Chosen
from fcpts_core.engine.layout import arranged
from fcpts_core.engine.prepare import prepare
from fcpts_core.reconstruction.training import views
from fcpts_core.tasks.registry import task
from tests.cases import CLASSES, conv_net, images, plain_net, transformer
from tests.engine.toy_runs import config, finished, put_on_stage


class Viewed(nn.Module):
    """Takes a map apart as if it lay channel by channel."""

    channels, classes = 3, CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3)
        self.conv2 = nn.Conv2d(6, 6, 3)
        self.linear = nn.Linear(6 * 4 * 4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        logits: Tensor = self.linear(x.view(len(x), -1))
        return logits


def viewed() -> nn.Module:
    torch.manual_seed(3)
    return Viewed()


class EachChannel(Viewed):
    """The same, after every channel of every image was taken for an image of its own."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        one = F.avg_pool2d(x.view(-1, 1, *x.shape[2:]), 3, 1, 1).view(x.shape)
        logits: Tensor = self.linear(F.relu(self.conv2(F.relu(one))).flatten(1))
        return logits


def each_channel() -> nn.Module:
    torch.manual_seed(3)
    return EachChannel()


CHOSEN = Chosen(images(), images(9, labelled=True))
CLASSIFICATION = task("classification")


@pytest.mark.parametrize(
    ("network", "expected"),
    [(conv_net(), True), (plain_net(), True), (transformer(), True), (viewed(), False), (each_channel(), False)],
    ids=["conv", "plain", "transformer", "viewed", "each channel"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_network_is_asked(network: nn.Module, expected: bool, dtype: torch.dtype) -> None:
    modes = [part.training for part in network.modules()]
    found = arranged(CHOSEN, network, CLASSIFICATION, dtype)
    assert found.test is not None
    assert found.calibration.channels_last == found.test.channels_last == expected
    assert [part.training for part in network.modules()] == modes


def test_where_it_is_not_known_to_help_nothing_changes() -> None:
    network = conv_net().to("meta")
    assert arranged(CHOSEN, network, CLASSIFICATION, torch.float32) is CHOSEN


def test_the_numbers_are_the_same(subtests: pytest.Subtests) -> None:
    plain = images()
    turned = replace(plain, channels_last=True)
    for indices in (None, torch.tensor([3, 1])):
        with subtests.test(indices=indices):
            assert torch.equal(plain.inputs(indices), turned.inputs(indices))
            assert plain.inputs(indices).is_contiguous()
            assert turned.inputs(indices).is_contiguous(memory_format=torch.channels_last)
    assert turned.take(5).channels_last
    assert turned.without(5).channels_last


def test_varied_images_lie_as_the_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for build, expected in ((conv_net, True), (viewed, False)):
        put_on_stage(monkeypatch, build)
        found = prepare(config(augment="crop-flip")).problem
        batch = views(found, torch.arange(4), torch.Generator().manual_seed(0))
        assert batch.is_contiguous(memory_format=torch.channels_last) == expected


@pytest.mark.parametrize("method", ["best", "fcpts", "obc", "unipts"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_that_needs_its_maps_channel_by_channel_runs(
    monkeypatch: pytest.MonkeyPatch, method: str, precision: str
) -> None:
    put_on_stage(monkeypatch, viewed)
    last, _ = finished(config(method, precision=precision))
    assert last.zeros == round(0.6 * last.weights)
