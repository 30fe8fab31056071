"""Cards of architectures without weights: for checkpoints that the user has."""

from __future__ import annotations

from functools import partial

from fcpts_core.data.transform import Transform
from fcpts_core.models import cifar_resnet, cifar_vit, micronet, mobilenet_v1, mobilenet_v2, squeezenet
from fcpts_core.models.card import OWN_LICENCE, Build, ModelCard, Translate

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FROM_MINUS_1_TO_1 = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
CIFAR_DEPTHS = (20, 32, 44, 56, 110)

CIFAR10 = Transform(32, 32, *IMAGENET)
PHOTOS = partial(
    Transform, 256, 224, enlarge=False
)  # pictures scaled beforehand, to 227 pixels for one, stay as they are


def _own(
    name: str,
    title: str,
    family: str,
    description: str,
    build: Build,
    transform: Transform,
    task: str = "classification",
    translate: Translate = dict,
) -> ModelCard:
    return ModelCard(
        name,
        title,
        family,
        description,
        OWN_LICENCE,
        build,
        transform,
        flippable=True,
        task=task,
        translate=translate,
    )


OWN: tuple[ModelCard, ...] = (
    *(
        _own(
            f"cifar-resnet{depth}",
            f"ResNet-{depth} on CIFAR",
            "residual network",
            f"The CIFAR residual network of {depth} layers, option A or B, for your own checkpoint.",
            partial(cifar_resnet.from_state, depth),
            CIFAR10,
            translate=cifar_resnet.translated,
        )
        for depth in CIFAR_DEPTHS
    ),
    _own(
        "cifar100-resnet32",
        "ResNet-32 on CIFAR-100",
        "residual network",
        "The CIFAR residual network of 32 layers with the normalisation usual for CIFAR-100, for your own checkpoint.",
        partial(cifar_resnet.from_state, 32),
        Transform(32, 32, (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
        translate=cifar_resnet.translated,
    ),
    _own(
        "cifar-vit",
        "Vision transformer on CIFAR-10",
        "vision transformer",
        "Six post-norm encoder layers of width 128 on 4x4 patches, for your own checkpoint.",
        cifar_vit.from_state,
        Transform(32, 32, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    ),
    _own(
        "cifar100-micronet",
        "MicroNet on CIFAR-100",
        "inverted residuals",
        "Sixteen gated inverted residuals under half a million weights, for your own checkpoint.",
        micronet.from_state,
        Transform(32, 32, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    ),
    _own(
        "squeezenet",
        "SqueezeNet 1.1 on ImageNet",
        "fire modules",
        "Eight fire modules and no norm at all, with names as in torchvision, for your own checkpoint.",
        squeezenet.from_state,
        PHOTOS(*IMAGENET),
    ),
    _own(
        "mobilenet-v1-075",
        "MobileNetV1 0.75 on ImageNet",
        "separable convolutions",
        "Thirteen separable convolutions, three quarters as wide, with Keras' names, for your own checkpoint.",
        partial(mobilenet_v1.from_state, 0.75),
        PHOTOS(*FROM_MINUS_1_TO_1),
    ),
    _own(
        "mobilenet-v1",
        "MobileNetV1 on ImageNet",
        "separable convolutions",
        "Thirteen separable convolutions with Keras' names, for your own checkpoint.",
        partial(mobilenet_v1.from_state, 1.0),
        PHOTOS(*FROM_MINUS_1_TO_1),
    ),
    _own(
        "mobilenet-v2",
        "MobileNetV2 on ImageNet, norms folded",
        "inverted residuals",
        "Seventeen inverted residuals, batch norm folded into the weights, TensorFlow's padding, for your own "
        "checkpoint.",
        mobilenet_v2.classifier_from_state,
        PHOTOS(*FROM_MINUS_1_TO_1),
    ),
    _own(
        "deeplabv3-mobilenet-v2",
        "DeepLabV3 with MobileNetV2 on VOC",
        "inverted residuals",
        "Semantic segmentation at output stride 8, batch norm folded into the weights, for your own checkpoint.",
        mobilenet_v2.segmenter_from_state,
        Transform(513, 513, *FROM_MINUS_1_TO_1, fit="longer"),
        task="segmentation",
    ),
)
