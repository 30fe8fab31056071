"""Accuracy and agreement by counting, and that measuring leaves a network as it was."""

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.measure.accuracy import accuracy, agreement, eval_mode, predict


@pytest.fixture
def images() -> ImageSet:
    pixels = torch.randint(256, (10, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet("some", pixels, None, (0.5,) * 3, (0.5,) * 3)


@pytest.fixture
def network() -> nn.Module:
    """A network with a frozen norm inside one that trains, and with dropout."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(16, 5))
    module.train()
    module[1].eval()
    return module


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("no")


def test_accuracy_and_agreement_count_rows() -> None:
    logits = torch.eye(4)
    assert accuracy(logits, torch.tensor([0, 1, 2, 0])) == 0.75
    assert agreement(logits, torch.eye(4)[[0, 0, 0, 0]]) == 0.25
    assert agreement(logits, 7 * logits) == 1.0


def test_logits_do_not_depend_on_the_batch_size(network: nn.Module, images: ImageSet) -> None:
    whole = predict(network, images)
    assert whole.shape == (10, 5)
    torch.testing.assert_close(predict(network, images, batch_size=3), whole)
    torch.testing.assert_close(predict(network, images, device="cpu"), whole)


def test_logits_are_those_of_eval_mode_without_gradients(network: nn.Module, images: ImageSet) -> None:
    found = predict(network, images)
    network.eval()
    torch.testing.assert_close(found, network(images.inputs()).detach())
    assert not found.requires_grad


def test_measuring_leaves_modes_and_statistics_as_they_were(network: nn.Module, images: ImageSet) -> None:
    before = [part.training for part in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    predict(network, images)
    assert [part.training for part in network.modules()] == before
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_modes_come_back_after_a_failure(images: ImageSet) -> None:
    broken = nn.Sequential(Broken())
    with pytest.raises(RuntimeError, match="no"):
        predict(broken, images)
    assert broken.training


def test_eval_mode_holds_inside(network: nn.Module) -> None:
    with eval_mode(network):
        assert not any(part.training for part in network.modules())
