"""Trains the bundled networks on the digits: `python -m fcpts_core.models.train_bundled [NAME ...] [--seed 0]`.

Every epoch sees the training images moved by up to 1.5 pixels each way, turned by up to 12 degrees and scaled by up to
12 %, drawn per image. The learning rate warms up linearly, then falls to 0 along half a cosine. With `--holdout` a
fifth of the training images is left out and judged instead of the test images: so the recipes below were chosen.
The same seed on one thread gives the same weights.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from fcpts_core.data.digits import digits
from fcpts_core.data.images import ImageSet
from fcpts_core.measure.accuracy import accuracy, predict
from fcpts_core.models import cifar_resnet, digits_vit
from fcpts_core.models.cards import MODELS

SHIFT = 1.5 / 16
TURN = math.radians(12)
SCALE = 0.12
WARMUP = 0.1
HOLDOUT = 5


@dataclass(frozen=True)
class Recipe:
    """How one network is trained; `optimizer` is "sgd" (Nesterov, momentum 0.9) or "adamw"."""

    optimizer: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    smoothing: float = 0.1


RECIPES = {
    "digits-resnet20": Recipe("sgd", learning_rate=0.1, weight_decay=5e-4, epochs=100, batch_size=64),
    "digits-vit": Recipe("adamw", learning_rate=1e-3, weight_decay=0.05, epochs=300, batch_size=64),
}


def start(name: str) -> nn.Module:
    """The untrained network, drawn from the global random numbers."""
    if name == "digits-vit":
        return digits_vit.initialise(digits_vit.DigitsViT())
    return cifar_resnet.initialise(cifar_resnet.CifarResNet(20))


def train(network: nn.Module, images: ImageSet, recipe: Recipe, seed: int) -> nn.Module:
    """`network` after training on the labelled `images`, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    assert images.labels is not None
    inputs, labels = images.inputs(), images.labels
    steps = recipe.epochs * math.ceil(len(images) / recipe.batch_size)
    optimizer = _optimizer(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / steps))
    network.train()
    for _ in range(recipe.epochs):
        for batch in _batches(len(images), recipe.batch_size, generator):
            logits = network(moved(inputs[batch], images.black, generator))
            loss = F.cross_entropy(logits, labels[batch], label_smoothing=recipe.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def moved(batch: Tensor, black: Tensor, generator: torch.Generator) -> Tensor:
    """Each image `[C, H, W]` of the batch shifted, turned and scaled at random; black comes in from outside."""
    draws = 2 * torch.rand(4, len(batch), generator=generator) - 1
    angle, scale = TURN * draws[0], 1 + SCALE * draws[1]
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # coordinates run from -1 to 1, so that a pixel of 16 is 2/16 wide
    shift = 2 * SHIFT * draws[2:]
    maps = torch.stack([torch.stack([cos, -sin, shift[0]], 1), torch.stack([sin, cos, shift[1]], 1)], 1)
    grid = F.affine_grid(maps, list(batch.shape), align_corners=False)
    base = black.view(1, -1, 1, 1)
    return F.grid_sample(batch - base, grid, align_corners=False) + base


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Four fifths of the training images, and the other fifth to judge recipes by."""
    left_out = torch.arange(len(images)) % HOLDOUT == 0
    return _part(images, ~left_out), _part(images, left_out)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m fcpts_core.models.train_bundled", description="Train the networks."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"among {', '.join(RECIPES)}; all of them without")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("assets/models"))
    parser.add_argument(
        "--holdout", action="store_true", help="judge the recipe on a fifth of the training images, save nothing"
    )
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in RECIPES]:
        parser.error(f"unknown {', '.join(unknown)}: expected some of {', '.join(RECIPES)}")
    torch.set_num_threads(1)
    for name in chosen.names or RECIPES:
        began = time.perf_counter()
        training, judging = split(digits("train")) if chosen.holdout else (digits("train"), digits("test"))
        torch.manual_seed(chosen.seed)
        network = train(start(name), training, RECIPES[name], chosen.seed)
        assert judging.labels is not None
        share = accuracy(predict(network, judging), judging.labels)
        print(f"{name}: {share:.2%} of {len(judging)} images, {time.perf_counter() - began:.0f} s", flush=True)
        if not chosen.holdout:
            save(network, name, chosen.out, share, chosen.seed)


def save(network: nn.Module, name: str, folder: Path, share: float, seed: int) -> None:
    """The weights as safetensors, with what is needed to make them again."""
    command = f"python -m fcpts_core.models.train_bundled {name} --seed {seed}"
    facts = {"model": name, "test_accuracy": round(share, 4), "seed": seed, "command": command}
    folder.mkdir(parents=True, exist_ok=True)
    # one entry alone, since safetensors writes several in an order that changes from run to run
    save_file(network.state_dict(), folder / str(MODELS[name].weights), metadata={"training": json.dumps(facts)})


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay falls on the matrices alone, not on biases, norms and positions."""
    named = dict(network.named_parameters())
    matrices = [value for name, value in named.items() if value.ndim > 1 and name != "position"]
    others = [value for name, value in named.items() if value.ndim <= 1 or name == "position"]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _rate(progress: float) -> float:
    """Share of the peak learning rate at `progress` in [0, 1]."""
    if progress < WARMUP:
        return progress / WARMUP
    return (1 + math.cos(math.pi * (progress - WARMUP) / (1 - WARMUP))) / 2


def _batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    yield from torch.split(torch.randperm(count, generator=generator), size)


def _part(images: ImageSet, chosen: Tensor) -> ImageSet:
    assert images.labels is not None
    return ImageSet(images.name, images.images[chosen], images.labels[chosen], images.mean, images.std, False)


if __name__ == "__main__":
    main()
