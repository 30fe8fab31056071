"""Images made from norm statistics: closer to them than noise, the same for a seed, and nothing else is touched."""

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data import synthetic
from fcpts_core.data.images import ImageSet
from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError

TRANSFORM = Transform(8, 8, (0.4,) * 3, (0.2,) * 3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "STEPS", 30)
    monkeypatch.setattr(synthetic, "BATCH", 12)


@pytest.fixture
def network() -> nn.Module:
    """Norms that have seen smooth, dark pictures."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6)
    )
    dark = torch.randn(64, 3, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3) * 0.3 - 1
    for _ in range(60):
        module(dark)
    return module


def mismatch(network: nn.Module, images: ImageSet) -> float:
    found: list[float] = []
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]

    def note(norm: nn.Module, args: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        found.append(float((args[0].mean(dim=(0, 2, 3)) - norm.running_mean).square().mean()))

    handles = [norm.register_forward_pre_hook(note) for norm in norms]
    with torch.no_grad():
        network.eval()(images.inputs())
    for handle in handles:
        handle.remove()
    return sum(found)


def make(network: nn.Module, count: int = 20, seed: int = 0) -> ImageSet:
    return synthetic.synthesise(network, TRANSFORM, (8, 8), count, seed)


def test_statistics_are_closer_to_the_model_s_than_those_of_noise(network: nn.Module) -> None:
    made = make(network)
    noise = torch.randint(256, made.images.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    assert mismatch(network, made) < 0.5 * mismatch(network, ImageSet("noise", noise, None, made.mean, made.std))


def test_it_makes_as_many_as_are_asked_for_up_to_its_most(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(network)
    assert made.images.shape == (20, 3, 8, 8)
    assert made.images.dtype == torch.uint8
    assert made.labels is None
    monkeypatch.setattr(synthetic, "MOST", 5)
    assert len(make(network)) == 5


def test_the_seed_decides(network: nn.Module) -> None:
    assert torch.equal(make(network).images, make(network).images)
    assert not torch.equal(make(network).images, make(network, seed=1).images)


def test_the_network_stays_as_it_was(network: nn.Module) -> None:
    network.train()
    next(network.parameters()).requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    make(network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [parameter.requires_grad for parameter in network.parameters()][:2] == [False, True]
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network.training


def test_a_network_without_norms_is_refused() -> None:
    with pytest.raises(InputError, match=r"no batch norm that keeps statistics .* pass calibration images"):
        make(nn.Sequential(nn.Conv2d(3, 4, 3), nn.LayerNorm(6)))


def test_it_tells_how_much_is_behind_and_can_be_left_in_the_middle(network: nn.Module) -> None:
    network.train()
    shares = list(synthetic.synthesising(network, TRANSFORM, (8, 8), 20, 0))
    assert len(shares) == 60
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    making = synthetic.synthesising(network, TRANSFORM, (8, 8), 20, 0)
    next(making)
    making.close()
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(part._forward_pre_hooks for part in network.modules())
