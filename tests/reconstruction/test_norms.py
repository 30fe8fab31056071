"""Batch norm: modes that come back, statistics taken anew as said, and undone where a step fails."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.reconstruction.norms import norm_layers, norm_mode, recalibrate, together, undone_on_error
from tests.cases import ConvNet, conv_net, images, transformer


def modes(network: nn.Module) -> list[bool]:
    return [part.training for part in network.modules()]


def statistics(network: nn.Module) -> list[Tensor]:
    return [buffer.clone() for buffer in network.buffers()]


def mixed(network: nn.Module) -> nn.Module:
    """Some parts in training mode, some not."""
    for index, part in enumerate(network.modules()):
        part.training = index % 3 == 0
    return network


def inputs_of(norm: nn.Module, network: nn.Module, batches: Sequence[Tensor]) -> list[Tensor]:
    found: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda module, args: found.append(args[0]))
    with torch.no_grad():
        for batch in batches:
            network(batch)
    handle.remove()
    return found


@pytest.mark.parametrize(("count", "batches"), [(24, [10, 10, 4]), (20, [10, 10]), (21, [10, 10]), (1, [1])])
def test_recalibrated_statistics_are_means_over_batches(count: int, batches: list[int]) -> None:
    """Slowly: batches that are normalised by themselves, whatever was there before; a last single image left out."""
    network, data = conv_net(), images(count)
    by_hand = conv_net().train()
    recalibrate(network, data, batch_size=10)
    for norm, other in zip(norm_layers(network), norm_layers(by_hand), strict=True):
        seen = inputs_of(other, by_hand, data.inputs()[: sum(batches)].split(batches))
        means = [x.mean(dim=(0, 2, 3)) for x in seen]
        variances = [x.var(dim=(0, 2, 3), unbiased=True) for x in seen]
        assert norm.running_mean is not None
        assert norm.running_var is not None
        torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))
        torch.testing.assert_close(norm.running_var, torch.stack(variances).mean(0))
        assert norm.num_batches_tracked == len(batches)


def test_recalibrating_leaves_weights_modes_and_momenta() -> None:
    network = mixed(conv_net())
    network.get_submodule("bn1").momentum = 0.25  # type: ignore[assignment]
    before, parameters = modes(network), [parameter.clone() for parameter in network.parameters()]
    recalibrate(network, images(6))
    assert modes(network) == before
    assert [norm.momentum for norm in norm_layers(network)] == [0.25, 0.1, 0.1, 0.1]
    assert all(map(torch.equal, parameters, network.parameters()))


def test_recalibrating_once_more_changes_nothing() -> None:
    network, data = conv_net(), images(16)
    recalibrate(network, data)
    once = statistics(network)
    recalibrate(network, data)
    assert all(map(torch.equal, once, statistics(network)))


class Broken(ConvNet):
    def forward(self, x: Tensor) -> Tensor:
        raise ZeroDivisionError


def test_modes_and_momenta_come_back_after_an_error() -> None:
    network = mixed(Broken())
    before = modes(network)
    with pytest.raises(ZeroDivisionError):
        recalibrate(network, images(4))
    assert modes(network) == before
    assert {norm.momentum for norm in norm_layers(network)} == {0.1}


class Mute(ImageSet):
    def inputs(self, indices: Tensor | None = None) -> Tensor:
        raise AssertionError("asked for images")


def test_a_network_without_batch_norm_is_not_even_run() -> None:
    network, data = transformer(), images(4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    recalibrate(network, Mute(data.name, data.images, None, data.mean, data.std))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_only_norms_are_in_the_mode_and_all_modes_come_back(mode: str) -> None:
    network = mixed(nn.Sequential(conv_net(), nn.Dropout(), nn.BatchNorm1d(3, track_running_stats=False)))
    before = modes(network)
    with norm_mode(network, mode):
        training = {part for part in network.modules() if part.training}
        assert training == (set(norm_layers(network)) if mode == "train" else set())
    assert modes(network) == before
    with pytest.raises(ZeroDivisionError), norm_mode(network, mode):
        _ = 1 / 0
    assert modes(network) == before


def test_norms_without_running_statistics_are_none_of_ours() -> None:
    assert norm_layers(nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.LayerNorm(2))) == ()
    assert len(norm_layers(conv_net())) == 4


def test_statistics_are_undone_after_an_error_only() -> None:
    network, before = conv_net().train(), statistics(conv_net())
    with pytest.raises(ZeroDivisionError), undone_on_error(network):
        _ = network(torch.full((4, 3, 8, 8), torch.nan)), 1 / 0
    assert all(map(torch.equal, before, statistics(network)))
    with undone_on_error(network):
        network(images(4).inputs())
    assert not any(map(torch.equal, before, statistics(network)))


@pytest.mark.parametrize(("side", "expected"), [(8, 128), (90, 128), (224, 20), (513, 16), (2000, 16)])
def test_large_images_pass_in_small_batches_but_never_in_tiny_ones(side: int, expected: int) -> None:
    blank = torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(500, 3, side, side)
    assert together(ImageSet("blank", blank, None, (0.5,) * 3, (0.5,) * 3, flippable=False)) == expected
