"""A small residual network with norms that have seen images, and the same function with these folded away."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fcpts_core.models.cifar_resnet import BasicBlock, CifarResNet
from fcpts_core.reconstruction.norms import norm_mode
from tests.cases import images


def resnet() -> CifarResNet:
    torch.manual_seed(0)
    network = CifarResNet(8, classes=3)
    with torch.no_grad(), norm_mode(network, "train"):
        for _ in range(40):
            network(images(24).inputs())
    return network.eval()


def folded(network: CifarResNet | None = None) -> CifarResNet:
    """The same function as this network, or `resnet()`, its norms folded into the convolutions."""
    network = resnet() if network is None else copy.deepcopy(network)
    for holder in (network, *(part for part in network.modules() if isinstance(part, BasicBlock))):
        for number in ("1", "2"):
            if isinstance(norm := getattr(holder, f"bn{number}", None), nn.BatchNorm2d):
                setattr(holder, f"conv{number}", fuse_conv_bn_eval(getattr(holder, f"conv{number}"), norm))
                setattr(holder, f"bn{number}", nn.Identity())
    return network.requires_grad_(True)  # fused ones come without
