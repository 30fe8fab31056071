"""The order in which the toy networks call their layers, and how they look when nobody works on them."""

from torch import nn

IN_ORDER = {
    "conv": ["conv1", "stage.0.conv1", "stage.0.conv2", "stage.1.depthwise", "stage.1.pointwise"],
    "transformer": ["embed", "encoders.0.mix", "encoders.0.expand", "encoders.0.contract", "encoders.1.mix"],
}


def assert_as_it_came(network: nn.Module, fresh: nn.Module) -> None:
    for part, other in zip(network.modules(), fresh.modules(), strict=True):
        assert part.training == other.training
        assert "forward" not in vars(part)
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
    assert all(parameter.requires_grad for parameter in network.parameters())
