"""Every classification model of torchvision: layers found, a step learned, exactly pruned, left as it was otherwise.

Weights are random and images small. Of a chain of blocks of one shape the first two stay (in large models the
first), and hidden layers of classifiers are thin, which leaves every kind of layer and way of calling it in, and takes
out what would only take time; what the whole model has is in the catalogue,
which is compared with what torchvision publishes elsewhere.
"""

from __future__ import annotations

import copy
from itertools import groupby, pairwise

import pytest
import torch
from torch import nn

from fcpts_core.data.images import ImageSet
from fcpts_core.engine.solve import solve
from fcpts_core.measure.flops import uses
from fcpts_core.methods import settings_for
from fcpts_core.models.cards import MODELS
from fcpts_core.models.catalogue import catalogue
from fcpts_core.models.layers import left_alone, prunable_layers
from fcpts_core.models.weightless import without_memory
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.features import blocks

NAMES = [name for name, card in MODELS.items() if (card.source, card.task) == ("torchvision", "classification")]
SIDES = {"inception_v3": 96, "maxvit_t": 224, "swin": 32, "convnext": 32, "vgg": 32}
HUGE = 8_000_000
"""Weights after the thinning above which only one block of each chain stays."""

THIN = 32
LARGE = 100_000_000
SPARSITY = 0.7
QUICK = {
    "reconstruction": "net-wise",
    "optimizer": "sgd",
    "augment": "none",
    "masks": "fixed",
    "steps": 1,
    "batch_size": 2,
    "ramp": 0.0,
    "learning_rate": 1e-3,
}


def thinned(network: nn.Module, most: int) -> nn.Module:
    """At most `most` blocks of one shape in a row."""
    for parent in list(network.modules()):
        if not isinstance(parent, nn.Sequential | nn.ModuleList):
            continue
        kept: dict[str, nn.Module] = {}
        for _, run in groupby(parent.named_children(), key=lambda item: _shape(item[1])):
            children = list(run)
            kept |= dict(children[:most] if list(children[0][1].parameters()) else children)
        parent._modules = dict(kept)
    return network


def _shape(module: nn.Module) -> object:
    return type(module), tuple((name, tuple(tensor.shape)) for name, tensor in module.named_parameters())


def filled(network: nn.Module) -> nn.Module:
    """Memory for weights that have none yet: small random numbers, norms that change nothing."""
    constants = {id(buffer): buffer for buffer in network.buffers() if not buffer.is_meta}
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.is_meta:
                values = torch.empty(parameter.shape)
                fan = max(1, parameter[0].numel()) if parameter.ndim > 1 else 1
                values = values.uniform_(-1, 1) * (3 / fan) ** 0.5 if parameter.ndim > 1 else values.fill_(1.0)
                module._parameters[name] = nn.Parameter(values * (0.0 if name == "bias" else 1.0))
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_meta and id(buffer) not in constants:
                ones = name in ("running_var", "logit_scale")
                module._buffers[name] = torch.full(buffer.shape, float(ones)).to(buffer.dtype)
    return network.eval()


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    with without_memory():
        network = thinned(MODELS[name].build({}), 2)
        if sum(parameter.numel() for parameter in network.parameters()) > HUGE:
            network = thinned(network, 1)
    return filled(narrowed(network))


def narrowed(network: nn.Module) -> nn.Module:
    """The hidden layers of a classifier of several, a hundred million weights in some, made thin."""
    head = getattr(network, "classifier", None)
    linear = [part for part in head.modules() if isinstance(part, nn.Linear)] if head is not None else []
    for first, second in pairwise(linear):
        first.weight = nn.Parameter(first.weight[:THIN])
        first.bias = nn.Parameter(first.bias[:THIN])
        second.weight = nn.Parameter(second.weight[:, :THIN])
        first.out_features = second.in_features = THIN
    return network


def side_of(name: str, network: nn.Module) -> int:
    """Pixels of the images: small, or what a network of fixed size wants."""
    return int(getattr(network, "image_size", 0)) or next(
        (side for key, side in SIDES.items() if name.startswith(key)), 64
    )


def pictures(side: int) -> ImageSet:
    values = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(1))
    return ImageSet("noise", values.to(torch.uint8), None, (0.5,) * 3, (0.25,) * 3)


def problem_of(network: nn.Module, data: ImageSet) -> Problem:
    settings = settings_for("uniform", QUICK)
    student, teacher = copy.deepcopy(network), network.requires_grad_(False)
    layers = prunable_layers(student)
    zeros = round(SPARSITY * sum(layer.weights for layer in layers))
    return Problem(student, teacher, layers, data, SPARSITY, zeros, settings, seed=0)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if catalogue()[name].parameters > LARGE else []) for name in NAMES],
)
def test_it_is_pruned_exactly_and_restored(name: str) -> None:
    network = built(name)
    data = pictures(side_of(name, network))
    layers = prunable_layers(network)
    assert not left_alone(network)
    assert blocks(network)
    assert all(count > 0 for count in uses(network, layers, data.inputs()[:1]))
    matrices = {id(parameter) for parameter in network.parameters() if parameter.ndim in (2, 4)}
    dense = matrices - {id(layer.weight) for layer in layers}
    # what else has rows and columns: positions, and biases of their differences
    assert len(dense) <= 4 + sum("position" in key for key, _ in network.named_parameters())

    task = problem_of(network, data)
    names = task.student.state_dict().keys()
    told_silently(solve(task))
    assert sum(layer.weights - int(layer.weight.count_nonzero()) for layer in task.layers) == task.zeros
    assert all(bool(layer.weight.isfinite().all()) for layer in task.layers)
    assert any(
        not torch.equal(mine[mine != 0], theirs[mine != 0])
        for mine, theirs in zip([layer.weight for layer in task.layers], task.dense, strict=True)
    )
    assert task.student.state_dict().keys() == names
    assert all(layer.weight is layer.module.weight for layer in task.layers)
    for part in task.student.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
        assert not part.training
        assert "forward" not in vars(part)
    restored = network.state_dict()
    task.student.load_state_dict(restored)
    with torch.no_grad():
        torch.testing.assert_close(task.student(data.inputs()), network(data.inputs()), rtol=1e-3, atol=1e-3)
