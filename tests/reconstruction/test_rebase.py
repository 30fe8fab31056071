"""Norms with the statistics of what they are really given, in a network that says what it said before."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fcpts_core.engine.solve import rebuild
from fcpts_core.models.layers import prunable_layers
from fcpts_core.reconstruction.norms import norm_layers, norm_mode, rebase, together
from tests.cases import ConvNet, conv_net, images, problem, transformer
from tests.reconstruction.test_norms import Broken, Mute, inputs_of, mixed, modes


def shrunken() -> ConvNet:
    """As least squares leaves a network: smaller weights, and norms that remember larger ones."""
    network = conv_net()
    with torch.no_grad():
        for number, layer in enumerate(prunable_layers(network)):
            layer.weight.mul_(0.3 + 0.05 * number)
    return network


def said(network: nn.Module, batch: Tensor, mode: str) -> Tensor:
    with norm_mode(network, mode), torch.no_grad():
        answer: Tensor = network(batch)
    return answer


def test_it_says_the_same_of_any_image() -> None:
    network, others = shrunken(), images(9, seed=5).inputs()
    before = said(network, others, "eval")
    rebase(network, images(40))
    torch.testing.assert_close(said(network, others, "eval"), before, rtol=1e-4, atol=1e-5)


def test_in_training_mode_it_says_the_same_too() -> None:
    data = images(together(images(1)))
    network, batch = shrunken(), data.inputs()
    before = said(network, batch, "eval")
    assert not torch.allclose(said(shrunken(), batch, "train"), before, rtol=0.05, atol=0.05)
    rebase(network, data)
    torch.testing.assert_close(said(network, batch, "train"), before, rtol=1e-3, atol=1e-4)


def test_statistics_are_those_of_all_images_at_once() -> None:
    """However they come in batches; slowly, from all inputs side by side."""
    network, data = shrunken(), images(300)
    wanted = [inputs_of(norm, network.eval(), [data.inputs()])[0] for norm in norm_layers(network)]
    rebase(network, data)
    for norm, inputs in zip(norm_layers(network), wanted, strict=True):
        variance, mean = torch.var_mean(inputs, (0, 2, 3), correction=0)
        torch.testing.assert_close(norm.running_mean, mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var, variance, rtol=1e-4, atol=1e-6)


class Repeated(nn.Module):
    """One norm for two layers, one without a scale, and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.shared, self.plain, self.idle = nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.plain(self.shared(self.two(self.shared(self.one(x)).relu())))
        return x.mean(dim=(2, 3))


def test_norms_that_are_shared_have_no_scale_or_are_never_called() -> None:
    network, data = Repeated(), images(12)
    before = said(network, data.inputs(), "eval")
    idle = {name: value.clone() for name, value in network.idle.state_dict().items()}
    rebase(network, data)
    torch.testing.assert_close(said(network, data.inputs(), "eval"), before, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, idle[name]) for name, value in network.idle.state_dict().items())
    assert torch.equal(buffer(network.plain.running_mean), torch.zeros(3))
    assert not torch.equal(buffer(network.shared.running_mean), torch.zeros(3))


def test_norms_with_one_scale_between_them_are_left_alone() -> None:
    network, data = Repeated(), images(12)
    network.plain = nn.BatchNorm2d(3)
    network.plain.weight = network.shared.weight
    before = said(network, data.inputs(), "eval")
    rebase(network, data)
    assert torch.equal(said(network, data.inputs(), "eval"), before)


def buffer(value: Tensor | None) -> Tensor:
    assert value is not None
    return value


def test_a_channel_of_nothing_but_zeros_stays_what_it_is() -> None:
    network, data = shrunken(), images(12)
    with torch.no_grad():
        network.conv1.weight[1] = 0
    before = said(network, data.inputs(), "eval")
    rebase(network, data)
    norm = network.bn1
    assert buffer(norm.running_var)[1] == 0
    assert norm.weight[1] > 0
    torch.testing.assert_close(said(network, data.inputs(), "eval"), before, rtol=1e-4, atol=1e-5)


def test_modes_come_back_whatever_happens_and_nothing_is_left_behind() -> None:
    network = mixed(conv_net())
    before = modes(network)
    rebase(network, images(4))
    assert modes(network) == before
    broken = mixed(Broken())
    with pytest.raises(ZeroDivisionError):
        rebase(broken, images(4))
    assert modes(broken) == before
    for part in (network, broken):
        assert not any(norm._forward_pre_hooks for norm in part.modules() if isinstance(norm, _BatchNorm))


def test_a_network_without_batch_norm_is_not_even_run() -> None:
    data = images(4)
    rebase(transformer(), Mute(data.name, data.images, None, data.mean, data.std))


@pytest.mark.parametrize("count", [1, 2, 129])
def test_any_number_of_images_will_do(count: int) -> None:
    network, data = shrunken(), images(count)
    before = said(network, data.inputs(), "eval")
    rebase(network, data)
    torch.testing.assert_close(said(network, data.inputs(), "eval"), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reconstruction", ["net-wise", "fcpts"])
def test_learning_begins_where_least_squares_has_ended(reconstruction: str) -> None:
    task = problem(conv_net(), sparsity=0.8, exclude=("gain",), start="admm", steps=2, reconstruction=reconstruction)
    telling = rebuild(task, (0.8,) * len(task.layers))
    while getattr(next(telling), "text", "").split()[:1] != ["learning"]:
        pass
    batch = task.images.inputs()
    torch.testing.assert_close(
        said(task.student, batch, "train"), said(task.student, batch, "eval"), rtol=1e-3, atol=1e-4
    )
    telling.close()
