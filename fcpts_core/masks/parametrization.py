"""The pruned weight as a parametrization of its layer: `module.weight` reads `w * m(w, t)` while it is on.

It hangs on by `torch.nn.utils.parametrize` and comes off cleanly: afterwards the module has a plain parameter again,
under its own name, and nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fcpts_core.bridge import THRESHOLDS, layer_scale
from fcpts_core.density import Density, Histogram, estimate, histogram
from fcpts_core.masks.estimators import ESTIMATORS, masked
from fcpts_core.masks.remade import known
from fcpts_core.models.layers import PrunableLayer


class Pruned(nn.Module):
    """Learned mask of one layer: its threshold, its density and the running curvature of its weights.

    `curvature` has the weight's shape and starts at zero. The density is an estimate of the weights as they were at
    the last `refresh`.
    """

    curvature: Tensor

    def __init__(
        self,
        layer: PrunableLayer,
        threshold: float,
        estimator: str,
        bandwidth: str,
        threshold_map: str = "softplus",
        density: str = "kernel",
    ) -> None:
        super().__init__()
        self.layer = layer.name
        self.estimator = ESTIMATORS[estimator]
        self.rule, self.kind = bandwidth, density
        weight = layer.weight.detach()
        self.threshold = THRESHOLDS[threshold_map].from_value(threshold, layer_scale(weight)).to(weight.device)
        self.register_buffer("curvature", torch.zeros_like(weight), persistent=False)
        self.density = self._estimate(weight)

    def forward(self, weight: Tensor) -> Tensor:
        threshold = self.threshold()
        value = self.estimator(weight, threshold, self.density.bandwidth, self.curvature)
        return known(value, partial(masked, weight.detach(), threshold.detach()))

    @torch.no_grad()
    def refresh(self, weight: Tensor) -> None:
        """Estimate the density of these weights anew."""
        self.density = self._estimate(weight.detach())

    def _estimate(self, weight: Tensor) -> Density | Histogram:
        return histogram(weight) if self.kind == "histogram" else estimate(weight, self.rule)

    @torch.no_grad()
    def observe(self, grad: Tensor, memory: float, step: int) -> None:
        """Take one more gradient into the running mean of its square, `f <- memory f + (1 - memory) g^2`, unbiased."""
        weight = (1 - memory) / (1 - memory ** (step + 1))
        self.curvature.lerp_(grad.square(), weight)


@contextmanager
def pruned(layers: Sequence[PrunableLayer], masks: Sequence[nn.Module]) -> Iterator[None]:
    """The layers with these masks on for a while; afterwards their weights are the unmasked ones again.

    All modules that share a weight wear its mask.
    """
    with ExitStack() as stack:
        for layer, mask in zip(layers, masks, strict=True):
            for module in layer.modules:
                parametrize.register_parametrization(module, "weight", mask, unsafe=True)
                stack.callback(parametrize.remove_parametrizations, module, "weight", leave_parametrized=False)
        yield


@contextmanager
def zeros_kept(layers: Sequence[PrunableLayer], dense: Sequence[Tensor]) -> Iterator[None]:
    """For a while, weights that are exactly zero in `dense` take no gradient: what a model came without stays away."""
    with ExitStack() as stack:
        for layer, weight in zip(layers, dense, strict=True):
            nonzero = weight != 0
            if not bool(nonzero.all()):
                stack.callback(layer.weight.register_hook(nonzero.mul).remove)
        yield


def original(layer: PrunableLayer) -> nn.Parameter:
    """The layer's trainable weights, without the mask, whether one is on or not."""
    if parametrize.is_parametrized(layer.module, "weight"):
        found = layer.module.parametrizations["weight"].original  # type: ignore[union-attr, index]
    else:
        found = layer.module.weight
    assert isinstance(found, nn.Parameter)
    return found
