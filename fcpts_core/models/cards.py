"""The models by name: what each one is, how its network is built from weights, and which images go with it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from fcpts_core.assets import asset
from fcpts_core.data import digits
from fcpts_core.errors import InputError
from fcpts_core.models import cifar_resnet, digits_vit
from fcpts_core.models.cifar_resnet import CifarResNet
from fcpts_core.models.digits_vit import DigitsViT
from fcpts_core.models.weights import Weights, load_into, misfits, read_weights

Network = CifarResNet | DigitsViT
Build = Callable[[Mapping[str, Tensor]], Network]

CIFAR_MEAN, CIFAR_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR_DEPTHS = (20, 32, 44, 56, 110)


@dataclass(frozen=True)
class ModelCard:
    """A model that runs can be started on.

    `build` makes the network whose shapes a state dict shows, without its values. `mean` and `std` are the
    normalisation unless the user gives another; `note` is the dense accuracy where it is known. A bundled model has a
    file of `weights` and the name of its `data`, "digits".
    """

    name: str
    title: str
    family: str
    description: str
    licence: str
    build: Build
    input_size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flippable: bool
    note: str = ""
    weights: str | None = None
    data: str | None = None

    @property
    def bundled(self) -> bool:
        return self.weights is not None


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network in eval mode with float32 weights; `input_shape` is `(C, H, W)`, `sha256` that of the weights file."""

    card: ModelCard
    module: Network
    input_shape: tuple[int, int, int]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str


def card(name: str) -> ModelCard:
    """The card of that name; an unknown name is an InputError with all the names."""
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InputError(f"There is no model {name!r}: expected one of {', '.join(MODELS)}.{hint}")
    return MODELS[name]


def load_model(name: str, weights: str | Path | None = None) -> LoadedModel:
    """The model with the weights of a file, a bundled one also with its own. What does not fit is an InputError."""
    chosen = card(name)
    read = read_weights(_weights_file(chosen, weights))
    module = chosen.build(read.tensors)
    load_into(module, read, hint=_fitting(read) if misfits(module, read.tensors) else "")
    module.eval()
    usual = module.channels == chosen.channels
    return LoadedModel(
        chosen,
        module,
        (module.channels, *chosen.input_size),
        module.classes,
        chosen.mean if usual else (0.5,) * module.channels,
        chosen.std if usual else (0.5,) * module.channels,
        read.sha256,
    )


def _weights_file(chosen: ModelCard, weights: str | Path | None) -> Path:
    if weights is not None:
        return Path(weights)
    if chosen.weights is None:
        raise InputError(
            f"{chosen.name} comes without weights: pass your own checkpoint, a .safetensors file or a PyTorch state "
            f"dict, or choose a bundled model ({', '.join(name for name, other in MODELS.items() if other.bundled)})."
        )
    return asset("models", chosen.weights)


def _fitting(weights: Weights) -> str:
    """A hint with the models that these weights do fit; empty where there are none."""
    others = [name for name, other in MODELS.items() if not misfits(other.build(weights.tensors), weights.tensors)]
    return f"They fit {' and '.join(others)}." if others else ""


MODELS: dict[str, ModelCard] = {
    entry.name: entry
    for entry in (
        ModelCard(
            name="digits-resnet20",
            title="ResNet-20 on handwritten digits",
            family="residual network",
            description="A CIFAR-style residual network of 20 layers for digits of 16x16 pixels, with its images.",
            licence="Apache-2.0",
            build=partial(cifar_resnet.from_state, 20),
            input_size=(16, 16),
            channels=3,
            mean=digits.MEAN,
            std=digits.STD,
            flippable=False,
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
            input_size=(16, 16),
            channels=3,
            mean=digits.MEAN,
            std=digits.STD,
            flippable=False,
            note="99.6 % of the 500 test digits",
            weights="digits-vit.safetensors",
            data="digits",
        ),
        *(
            ModelCard(
                name=f"cifar-resnet{depth}",
                title=f"ResNet-{depth} on CIFAR",
                family="residual network",
                description=f"The CIFAR residual network of {depth} layers, option A or B, for your own checkpoint.",
                licence="that of your checkpoint",
                build=partial(cifar_resnet.from_state, depth),
                input_size=(32, 32),
                channels=3,
                mean=CIFAR_MEAN,
                std=CIFAR_STD,
                flippable=True,
            )
            for depth in CIFAR_DEPTHS
        ),
    )
}
