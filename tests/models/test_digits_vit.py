"""The vision transformer: its patches, its attention, and that all its matrices can be pruned."""

import torch
from torch import nn

from fcpts_core.models.digits_vit import DEPTH, HEADS, WIDTH, Attention, DigitsViT, from_state
from fcpts_core.models.layers import prunable_layers


def test_every_matrix_is_a_linear_layer() -> None:
    network = DigitsViT()
    layers = prunable_layers(network)
    assert {layer.kind for layer in layers} == {"Linear"}
    assert len(layers) == 6 * DEPTH + 2
    matrices = [value for name, value in network.named_parameters() if value.ndim > 1 and name != "position"]
    assert sum(layer.weights for layer in layers) == sum(matrix.numel() for matrix in matrices)


def test_attention_agrees_with_the_formula_head_by_head() -> None:
    torch.manual_seed(0)
    attention, x = Attention(), torch.randn(2, 5, WIDTH)
    heads = []
    for q, k, v in zip(
        *(part(x).split(WIDTH // HEADS, 2) for part in (attention.query, attention.key, attention.value)), strict=False
    ):
        heads.append(torch.softmax(q @ k.transpose(1, 2) / (WIDTH / HEADS) ** 0.5, 2) @ v)
    torch.testing.assert_close(attention(x), attention.out(torch.cat(heads, 2)))


def test_a_token_sees_its_own_patch() -> None:
    network = DigitsViT()
    network.blocks = nn.Sequential()
    for part in ("norm", "head"):
        setattr(network, part, nn.Identity())
    image = torch.zeros(1, 3, 16, 16)
    image[:, :, 4:8, 8:12] = torch.randn(1, 3, 4, 4)
    with torch.no_grad():
        difference = 16 * (network(image) - network(torch.zeros_like(image)))
        expected = image[:, :, 4:8, 8:12].flatten(1) @ network.embed.weight.T
    torch.testing.assert_close(difference, expected, rtol=1e-4, atol=1e-5)


def test_the_weights_show_classes_and_channels() -> None:
    network = from_state(DigitsViT(classes=5, channels=1).state_dict())
    assert (network.classes, network.channels) == (5, 1)
