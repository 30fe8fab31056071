"""Toy networks, images and problems: small enough to check by hand, odd enough to find what breaks."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.allocation.respect import budget_under
from fcpts_core.data.images import ImageSet
from fcpts_core.engine.events import Measured
from fcpts_core.measure.flops import uses
from fcpts_core.methods import method, settings_for
from fcpts_core.models.layers import prunable_layers
from fcpts_core.problem import Found, Problem, Telling, Told, told_silently
from fcpts_core.reconstruction import distill
from fcpts_core.reconstruction.distill import State

CLASSES = 3
Net = TypeVar("Net", bound=nn.Module)


class Residual(nn.Module):
    """A grouped 3x3 and a dilated 3x3 convolution, each with batch norm, around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, groups=2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=2, dilation=2, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Separable(nn.Module):
    """A depthwise 3x3 with stride 2, then a pointwise one."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, stride=2, padding=1, groups=channels_in)
        self.pointwise = nn.Conv2d(channels_in, channels, 1)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.pointwise(self.depthwise(x))))


class ConvNet(nn.Module):
    """All kinds of convolutions, a layer with a single weight (`gain`) and one of nothing but zeros (`idle`)."""

    channels, classes = 3, CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.stage = nn.Sequential(Residual(4), Separable(4, 6))
        self.idle = nn.Conv2d(6, 6, 1)
        self.gain = nn.Conv1d(1, 1, 1, bias=False)
        self.linear = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage(F.relu(self.bn1(self.conv1(x))))
        x = (x + self.idle(x)).mean(dim=(2, 3))
        logits: Tensor = self.linear(self.gain(x.unsqueeze(1)).squeeze(1))
        return logits


class Encoder(nn.Module):
    """Mixes tokens, then channels, both residual."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(tokens, tokens)
        self.expand = nn.Linear(width, 2 * width)
        self.contract = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.contract(F.gelu(self.expand(x)))


class Transformer(nn.Module):
    """Patches of 4x4, encoder layers in a list, no batch norm."""

    channels, classes = 3, CLASSES

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, 4, stride=4)
        self.position = nn.Parameter(torch.zeros(1, 4, width))
        self.encoders = nn.ModuleList(Encoder(width, 4) for _ in range(2))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.position
        for encoder in self.encoders:
            tokens = encoder(tokens)
        logits: Tensor = self.head(tokens.mean(dim=1))
        return logits


class PlainNet(nn.Module):
    """Convolutions with biases and nothing else: two in a row of blocks, a depthwise one, one on the pooled image."""

    channels, classes = 3, CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.stage = nn.Sequential(
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU()),
        )
        self.pooled = nn.Conv2d(8, 8, 1)
        self.bare = nn.Conv2d(8, 8, 1, bias=False)
        self.linear = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bare(self.stage(F.relu(self.stem(x))))
        x = F.relu(self.pooled(x.mean(dim=(2, 3), keepdim=True))).flatten(1)
        logits: Tensor = self.linear(x)
        return logits


def conv_net() -> ConvNet:
    network = _filled(ConvNet())
    with torch.no_grad():
        network.idle.weight.zero_()
        network.gain.weight.fill_(1.5)
    return network


def plain_net() -> PlainNet:
    torch.manual_seed(3)
    return PlainNet()


def transformer() -> Transformer:
    return _filled(Transformer())


NETWORKS = {"conv": conv_net, "transformer": transformer}


def images(count: int = 24, *, labelled: bool = False, flippable: bool = True, seed: int = 1) -> ImageSet:
    """Coloured noise of 8x8 pixels around one colour an image, so that networks tell images apart."""
    generator = torch.Generator().manual_seed(seed)
    colour = torch.randint(40, 216, (count, 3, 1, 1), generator=generator)
    noise = torch.randint(-40, 40, (count, 3, 8, 8), generator=generator)
    labels = torch.arange(count) % CLASSES if labelled else None
    return ImageSet("toys", (colour + noise).to(torch.uint8), labels, (0.5, 0.4, 0.6), (0.2, 0.25, 0.3), flippable)


LOOP: dict[str, Any] = {
    "allocation": "uniform",
    "stages": 1,
    "ramp": 0.5,
    "rate_power": 0,
    "precision": "float32",
    "keep_floor": 0.4,
}
"""Of `fcpts` nothing but its loop: one stage, from the uniform allocation."""


def problem(
    network: nn.Module,
    name: str = "fcpts",
    *,
    sparsity: float = 0.6,
    seed: int = 0,
    exclude: Sequence[str] = (),
    data: ImageSet | None = None,
    **overrides: Any,
) -> Problem:
    """What a method has to solve for a copy of this network, in a few small steps unless told otherwise.

    `fcpts` is its `LOOP` alone then.
    """
    usual: dict[str, Any] = {"steps": 6, "batch_size": 8, "search_steps": 2} if method(name).learns else {}
    if name == "fcpts":
        usual |= LOOP
    settings = settings_for(name, {**usual, **overrides})
    student, teacher = copy.deepcopy(network), copy.deepcopy(network).eval().requires_grad_(False)
    layers = prunable_layers(student, exclude)
    weights = [layer.weight.detach() for layer in layers]
    found = images() if data is None else data
    worth = uses(student, layers, found.inputs(torch.arange(1))) if settings.budget == "flops" else ()
    budget = budget_under(settings.pattern, weights, sparsity, settings.layer_cap, worth)
    return Problem(student, teacher, layers, found, sparsity, budget.zeros, settings, seed, worth)


def begin(task: Problem) -> State:
    """The state before the first step, from the task's own allocation."""
    return distill.init(task, told_silently(ALLOCATIONS[task.settings.allocation].allocate(task)))


def learn(task: Problem, steps: int) -> tuple[State, list[Measured]]:
    """So many steps, masks off again."""
    state = begin(task)
    with distill.attached(task, state):
        return state, [distill.step(task, state) for _ in range(steps)]


def told_by(telling: Telling[Found]) -> tuple[list[Told], Found]:
    """All that the generator tells, and what it returns."""
    told: list[Told] = []
    while True:
        try:
            told.append(next(telling))
        except StopIteration as end:
            return told, end.value


def thresholds(state: State) -> list[float]:
    return [mask.threshold.value for mask in state.masks]


def zeros_of(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() - int(tensor.count_nonzero()) for tensor in tensors)


def _filled(network: Net) -> Net:
    """The same weights every time: normal ones of the usual size, norms that are not trivial."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            size = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d | nn.LayerNorm):
                part.weight.add_(1)
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None and part.running_var is not None:
                part.running_mean.copy_(0.1 * torch.randn(part.running_mean.shape, generator=generator))
                part.running_var.copy_(1 + torch.rand(part.running_var.shape, generator=generator))
    return network.eval()
