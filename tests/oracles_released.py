"""`fcpts-released` once more, in the plainest way: dictionaries, gradients written out, bins counted one by one.

One step, batch norm of both networks in training mode, `m = |w| >= t`:

    g = dKL/d(w m)          dL/dw = g m + 3e-4 w        w <- w - lr v,      v <- 0.9 v + dL/dw
    theta <- theta - lr u,  u <- 0.9 u + sign(R - R*) n_l / N (p(t) + p(-t)) t (1 - t),    t = 1 / (1 + e^-theta)
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

TEMPERATURE, MOMENTUM, DECAY, RATE = 4.0, 0.9, 3e-4, 0.01


class SlowReleased:
    """The state of a run of so many steps; `zeros` are those of each layer at the start."""

    def __init__(self, network: nn.Module, layers: list[str], zeros: list[int], target: float, steps: int) -> None:
        self.network, self.teacher = copy.deepcopy(network).train(), copy.deepcopy(network).train()
        self.parameters = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
        self.buffers = {name: tensor.clone() for name, tensor in network.named_buffers()}
        self.velocity = {name: torch.zeros_like(tensor) for name, tensor in self.parameters.items()}
        self.pruned = [f"{layer}.weight" for layer in layers]
        self.theta = {name: self._theta(name, count) for name, count in zip(self.pruned, zeros, strict=True)}
        self.speed = dict.fromkeys(self.pruned, 0.0)
        self.binned = {name: self.parameters[name].flatten().tolist() for name in self.pruned}
        self.target, self.steps, self.done = target, steps, 0

    def _theta(self, name: str, zeros: int) -> float:
        """Between the magnitudes on either side of the cut, or just above the largest; never quite 0 or 1."""
        ordered = [0.0, *sorted(self.parameters[name].abs().flatten().tolist())]
        t = 1.01 * ordered[-1] if zeros == len(ordered) - 1 else (ordered[zeros] + ordered[zeros + 1]) / 2
        t = min(max(t, 1e-6), 1 - 1e-6)
        return math.log(t / (1 - t))

    def threshold(self, name: str) -> float:
        return 1 / (1 + math.exp(-self.theta[name]))

    def step(self, batch: Tensor) -> tuple[float, float]:
        """The loss of the batch, and `R`."""
        masks = {name: (self.parameters[name].abs() >= self.threshold(name)).float() for name in self.pruned}
        seen = {name: (w * masks[name] if name in masks else w.clone()) for name, w in self.parameters.items()}
        leaves = {name: tensor.requires_grad_() for name, tensor in seen.items()}
        student = functional_call(self.network, {**leaves, **self.buffers}, (batch,)) / TEMPERATURE
        with torch.no_grad():
            teacher = self.teacher(batch) / TEMPERATURE
        p, q = teacher.exp() / teacher.exp().sum(1, keepdim=True), student.exp() / student.exp().sum(1, keepdim=True)
        loss = TEMPERATURE**2 * (p * (p / q).log()).sum() / len(batch)
        grads = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))

        lr = RATE * 0.5 * (1 + math.cos(math.pi * self.done / self.steps))
        total = sum(self.parameters[name].numel() for name in self.pruned)
        sparsity = sum(int((masks[name] == 0).sum()) for name in self.pruned) / total
        for name in self.pruned:
            push = math.copysign(self.parameters[name].numel() / total, sparsity - self.target) * self._slope(name)
            t = self.threshold(name)
            self.speed[name] = MOMENTUM * self.speed[name] + push * t * (1 - t)
            self.theta[name] -= lr * self.speed[name]
        for name, w in self.parameters.items():
            grad = grads[name] * masks.get(name, 1) + (DECAY * w if w.ndim > 1 else 0)
            self.velocity[name] = MOMENTUM * self.velocity[name] + grad
            self.parameters[name] = w - lr * self.velocity[name]
        self.done += 1
        return loss.item(), sparsity

    def _slope(self, name: str) -> float:
        """`p(t) + p(-t)` of the weights as they were at the start, by 100 bins from the least to the largest."""
        weights, t = self.binned[name], self.threshold(name)
        low, high = min(weights), max(weights)
        if low == high:
            low, high = low - 0.5, high + 0.5
        width = (high - low) / 100

        def bin_of(x: float) -> int:
            return 99 if x == high else math.floor((x - low) / width)

        near = sum((bin_of(w) == bin_of(t)) + (bin_of(w) == bin_of(-t)) for w in weights)
        return near / (len(weights) * width)
