"""Cards of the models that are part of the project, with their weights and their images."""

from __future__ import annotations

from functools import partial

from fcpts_core.data import digits
from fcpts_core.data.transform import Transform
from fcpts_core.models import cifar_resnet, digits_vit
from fcpts_core.models.card import ModelCard

DIGITS = Transform(16, 16, digits.MEAN, digits.STD)

BUNDLED: tuple[ModelCard, ...] = (
    ModelCard(
        name="digits-resnet20",
        title="ResNet-20 on handwritten digits",
        family="residual network",
        description="A CIFAR-style residual network of 20 layers for digits of 16x16 pixels, with its images.",
        licence="Apache-2.0",
        build=partial(cifar_resnet.from_state, 20),
        transform=DIGITS,
        flippable=False,
        source="bundled",
        note="100.0 % of the 500 test digits",
        weights="digits-resnet20.safetensors",
        data="digits",
    ),
    ModelCard(
        name="digits-vit",
        title="Vision transformer on handwritten digits",
        family="vision transformer",
        description="A small pre-norm transformer on 4x4 patches of digits of 16x16 pixels, with its images.",
        licence="Apache-2.0",
        build=digits_vit.from_state,
        transform=DIGITS,
        flippable=False,
        source="bundled",
        note="99.6 % of the 500 test digits",
        weights="digits-vit.safetensors",
        data="digits",
    ),
)
