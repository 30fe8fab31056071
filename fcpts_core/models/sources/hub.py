"""Cards of CIFAR residual networks whose publishers serve them through torch.hub, with checksums."""

from __future__ import annotations

from functools import partial

from fcpts_core.data.transform import Transform
from fcpts_core.models import cifar_resnet
from fcpts_core.models.card import ModelCard
from fcpts_core.models.catalogue import Download

CIFAR10 = Transform(32, 32, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR100 = Transform(32, 32, (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))

# depth: (checksum or its beginning, bytes, top-1 as published)
AKAMASTER = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models"
TEN = {
    20: ("12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8", 1_099_231, 91.73),
    32: ("d509ac18", 1_900_000, 92.63),
    44: ("014dd654", 2_700_000, 93.10),
    56: ("4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367", 3_471_733, 93.39),
    110: ("1d1ed7c2", 7_000_000, 93.68),
}
CHENYAOFO = "https://github.com/chenyaofo/pytorch-cifar-models/releases/download/resnet"
HUNDRED = {
    20: ("23dac2f1", 1_140_000, 68.83),
    32: ("84213ce6", 1_940_000, 70.16),
    44: ("ffe32858", 2_740_000, 71.63),
    56: ("f2eff4c8", 3_540_000, 72.63),
}


def _card(classes: int, depth: int, url: str, found: tuple[str, int, float], licence: str) -> ModelCard:
    sha256, size, accuracy = found
    return ModelCard(
        name=f"cifar{classes}-resnet{depth}-hub",
        title=f"ResNet-{depth} on CIFAR-{classes}",
        family="residual network",
        description=f"The CIFAR residual network of {depth} layers, trained on CIFAR-{classes} by its publisher.",
        licence=licence,
        build=partial(cifar_resnet.from_state, depth),
        translate=cifar_resnet.translated,
        transform=CIFAR10 if classes == 10 else CIFAR100,
        flippable=True,
        source="torch.hub",
        note=f"{accuracy:.2f} % top-1, as published",
        download=Download(url, sha256, size),
    )


HUB: tuple[ModelCard, ...] = (
    *(
        _card(10, depth, f"{AKAMASTER}/resnet{depth}-{found[0][:8]}.th", found, "BSD-2-Clause")
        for depth, found in TEN.items()
    ),
    *(
        _card(100, depth, f"{CHENYAOFO}/cifar100_resnet{depth}-{found[0]}.pt", found, "BSD-3-Clause")
        for depth, found in HUNDRED.items()
    ),
)
