"""Which layers can be pruned, in which order, and what excluding does."""

import pytest
import torch
from torch import nn

from fcpts_core.errors import InputError
from fcpts_core.models.layers import all_layers, frozen, left_alone, prunable_layers


class Tied(nn.Module):
    """Two names for one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.again = self.first


@pytest.fixture
def network() -> nn.Module:
    stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    head = nn.Sequential(nn.Conv1d(8, 4, 1), nn.ConvTranspose2d(4, 2, 2), nn.Linear(2, 5))
    return nn.Sequential(stem, head)


def test_layers_come_in_network_order_with_name_class_and_shape(network: nn.Module) -> None:
    found = [(layer.name, layer.kind, layer.shape, layer.weights) for layer in prunable_layers(network)]
    assert found == [
        ("0.0", "Conv2d", (8, 3, 3, 3), 216),
        ("1.0", "Conv1d", (4, 8, 1), 32),
        ("1.1", "ConvTranspose2d", (4, 2, 2, 2), 32),
        ("1.2", "Linear", (5, 2), 10),
    ]


def test_the_weight_is_the_module_s_own(network: nn.Module) -> None:
    for layer in prunable_layers(network):
        assert layer.weight is network.get_submodule(layer.name).weight
        assert layer.module is network.get_submodule(layer.name)


def test_a_shared_weight_counts_once_and_knows_all_who_hold_it() -> None:
    network = Tied()
    (layer,) = prunable_layers(network)
    assert layer.name == "first"
    assert layer.modules == (network.first, network.second)


@pytest.mark.parametrize(
    ("exclude", "names"),
    [
        (["1.2"], ["0.0", "1.0", "1.1"]),
        (["1.*"], ["0.0"]),
        (["Linear", "Conv2d"], ["1.0", "1.1"]),
        (["Conv*"], ["1.2"]),
    ],
)
def test_layers_are_excluded_by_name_or_class(network: nn.Module, exclude: list[str], names: list[str]) -> None:
    assert [layer.name for layer in prunable_layers(network, exclude)] == names


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        (["1.*"], [], ["1.0", "1.1", "1.2"]),
        (["Conv*"], ["1.*"], ["0.0"]),
        (["0.0", "Linear"], [], ["0.0", "1.2"]),
    ],
)
def test_only_what_is_included_and_not_excluded(
    network: nn.Module, include: list[str], exclude: list[str], names: list[str]
) -> None:
    assert [layer.name for layer in prunable_layers(network, exclude, include)] == names


def test_an_include_that_matches_nothing_or_leaves_nothing_is_refused(network: nn.Module) -> None:
    with pytest.raises(InputError, match=r"matches the included 'conv9'"):
        prunable_layers(network, (), ["conv9"])
    with pytest.raises(InputError, match=r"All 1 prunable layers among those that Linear includes are excluded by 1"):
        prunable_layers(network, ["1.*"], ["Linear"])


def test_frozen_layers_are_named(network: nn.Module) -> None:
    network.get_submodule("1").requires_grad_(False)
    assert frozen(all_layers(network)) == ("1.0", "1.1", "1.2")


def test_embeddings_and_norms_stay_dense_and_odd_layers_say_why() -> None:
    odd = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    network = nn.ModuleDict(
        {
            "words": nn.Embedding(4, 3),
            "norm": nn.LayerNorm(3),
            "odd": odd,
            "fused": nn.MultiheadAttention(4, 2),
            "memory": nn.LSTM(3, 3),
            "plain": nn.Linear(3, 3),
        }
    )
    assert [layer.name for layer in all_layers(network)] == ["fused.out_proj", "plain"]
    assert left_alone(network) == {
        "odd": "its weight is made of others",
        "fused": "fused attention",
        "memory": "recurrent",
    }


def test_an_exclude_that_matches_nothing_is_refused(network: nn.Module) -> None:
    with pytest.raises(InputError, match=r"matches the excluded 'conv9'.*such as '0\.0'"):
        prunable_layers(network, ["conv9"])


def test_excluding_everything_is_refused(network: nn.Module) -> None:
    with pytest.raises(InputError, match="All 4 prunable layers are excluded"):
        prunable_layers(network, ["*"])


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to prune"):
        prunable_layers(torch.nn.ReLU())
