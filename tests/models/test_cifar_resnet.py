"""The CIFAR family: names and shapes as public checkpoints have them, and both shortcuts against a slow restatement."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fcpts_core.models.cifar_resnet import CifarResNet, from_state
from fcpts_core.models.layers import prunable_layers

WIDTHS = (16, 32, 64)


def documented_names(depth: int, projection: bool) -> set[str]:
    """All names of a public checkpoint, written out from its description."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = {"conv1.weight", "linear.weight", "linear.bias", *(f"bn1.{part}" for part in norm)}
    for stage in (1, 2, 3):
        for block in range((depth - 2) // 6):
            at = f"layer{stage}.{block}"
            names |= {f"{at}.conv1.weight", f"{at}.conv2.weight"}
            names |= {f"{at}.{bn}.{part}" for bn in ("bn1", "bn2") for part in norm}
            if projection and stage > 1 and block == 0:
                names |= {f"{at}.shortcut.0.weight", *(f"{at}.shortcut.1.{part}" for part in norm)}
    return names


def restated(state: dict[str, Tensor], x: Tensor, depth: int) -> Tensor:
    """The forward pass from the bare tensors, with the shortcut of option A spelled out plane by plane."""

    def norm(x: Tensor, at: str) -> Tensor:
        mean, var = state[f"{at}.running_mean"], state[f"{at}.running_var"]
        scale = state[f"{at}.weight"] / (var + 1e-5).sqrt()
        return (x - mean.view(-1, 1, 1)) * scale.view(-1, 1, 1) + state[f"{at}.bias"].view(-1, 1, 1)

    x = norm(F.conv2d(x, state["conv1.weight"], padding=1), "bn1").clamp_min(0)
    for stage, width in enumerate(WIDTHS, 1):
        for block in range((depth - 2) // 6):
            at = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            inner = norm(F.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=1), f"{at}.bn1").clamp_min(0)
            inner = norm(F.conv2d(inner, state[f"{at}.conv2.weight"], padding=1), f"{at}.bn2")
            if f"{at}.shortcut.0.weight" in state:
                x = norm(F.conv2d(x, state[f"{at}.shortcut.0.weight"], stride=2), f"{at}.shortcut.1")
            elif stride == 2:
                small = torch.zeros(x.shape[0], width, *inner.shape[2:])
                for plane in range(x.shape[1]):
                    small[:, width // 4 + plane] = x[:, plane, ::2, ::2]
                x = small
            x = (x + inner).clamp_min(0)
    return x.flatten(2).mean(2) @ state["linear.weight"].T + state["linear.bias"]


def randomised(network: CifarResNet) -> CifarResNet:
    """Norms with statistics and scales that are not those of a fresh network."""
    for name, value in network.state_dict().items():
        if "running_var" in name or ("bn" in name and name.endswith("weight")):
            value.uniform_(0.5, 1.5)
        elif "running_mean" in name or name.endswith("bias"):
            value.normal_(0, 0.3)
    return network.eval()


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize("depth", [20, 32])
def test_names_are_those_of_public_checkpoints(depth: int, projection: bool) -> None:
    assert set(CifarResNet(depth, projection=projection).state_dict()) == documented_names(depth, projection)


@pytest.mark.parametrize("projection", [False, True])
def test_forward_agrees_with_the_restatement(projection: bool) -> None:
    torch.manual_seed(0)
    network = randomised(CifarResNet(20, classes=7, projection=projection))
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(network(x), restated(network.state_dict(), x, 20), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("classes", "channels", "projection"), [(10, 3, False), (100, 3, True), (4, 1, False)])
def test_the_weights_show_classes_channels_and_shortcut(classes: int, channels: int, projection: bool) -> None:
    state = CifarResNet(20, classes, channels, projection).state_dict()
    network = from_state(20, state)
    assert (network.classes, network.channels) == (classes, channels)
    network.load_state_dict(state, strict=True)


def test_sizes_are_the_published_ones() -> None:
    assert sum(layer.weights for layer in prunable_layers(CifarResNet(20))) == 268_336
    assert sum(parameter.numel() for parameter in CifarResNet(56).parameters()) == 853_018


@pytest.mark.parametrize("depth", [2, 21, 34])
def test_a_depth_outside_the_family_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="6 n"):
        CifarResNet(depth)
