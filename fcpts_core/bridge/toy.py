"""Gradient descent on two thresholds that one can follow with a pocket calculator: two layers, one budget.

Weights of layer `l` are Laplace distributed with scale `s_l`, so the bridge has a closed form:

    r_l = 1 - exp(-t_l / s_l)                          dr_l/dt_l = p(t_l) + p(-t_l) = (1 - r_l) / s_l
    L = sum c_l r_l^2  +  lambda |R - R*|              R = sum n_l r_l / N
    dL/dt_l = (2 c_l r_l + lambda sign(R - R*) n_l / N) dr_l/dt_l
    t_l <- t_l - rate dL/dt_l

`c_l` says how much it hurts to prune the layer. It stands for the reconstruction loss, which in a real run is measured.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

RATE = 0.1
TARGET = 0.8
CONTROL = 1.0
"""`lambda`, as in the paper."""


@dataclass(frozen=True)
class ToyLayer:
    """`weights` is `n_l`, `scale` is `s_l`, `cost` is `c_l`."""

    name: str
    weights: int
    scale: float
    cost: float


LAYERS = (ToyLayer("A", 100, 0.5, 0.15), ToyLayer("B", 300, 0.25, 0.05))
TOTAL = sum(layer.weights for layer in LAYERS)


@dataclass(frozen=True)
class ToyRow:
    """One layer in one step: forward `threshold` and `sparsity`; backward the three factors and their product."""

    threshold: float
    sparsity: float
    task: float
    control: float
    slope: float

    @property
    def gradient(self) -> float:
        """`dL/dt = (task + control) slope`."""
        return (self.task + self.control) * self.slope


@dataclass(frozen=True)
class ToyStep:
    """Everything of one step; `rows` are those of `LAYERS`."""

    step: int
    rows: tuple[ToyRow, ...]
    sparsity: float
    reconstruction: float
    control: float

    @property
    def loss(self) -> float:
        return self.reconstruction + self.control


def start(seed: int = 0) -> tuple[float, ...]:
    """Thresholds to begin with: 0.1 and 0.1, or others for another seed."""
    if seed == 0:
        return (0.1,) * len(LAYERS)
    draw = random.Random(seed)
    return tuple(round(layer.scale * draw.uniform(0.1, 1.0), 2) for layer in LAYERS)


def look(thresholds: tuple[float, ...], step: int = 0) -> ToyStep:
    """Forward and backward at these thresholds."""
    sparsities = [1 - math.exp(-t / layer.scale) for t, layer in zip(thresholds, LAYERS, strict=True)]
    reached = sum(layer.weights * r for layer, r in zip(LAYERS, sparsities, strict=True)) / TOTAL
    rows = tuple(
        ToyRow(
            threshold=t,
            sparsity=r,
            task=2 * layer.cost * r,
            control=math.copysign(CONTROL, reached - TARGET) * layer.weights / TOTAL,
            slope=(1 - r) / layer.scale,
        )
        for t, r, layer in zip(thresholds, sparsities, LAYERS, strict=True)
    )
    reconstruction = sum(layer.cost * r**2 for layer, r in zip(LAYERS, sparsities, strict=True))
    return ToyStep(step, rows, reached, reconstruction, CONTROL * abs(reached - TARGET))


def moved(row: ToyRow) -> float:
    """The threshold after one step of gradient descent; never below 0."""
    return max(row.threshold - RATE * row.gradient, 0.0)


def descend(steps: int, seed: int = 0) -> tuple[ToyStep, ...]:
    """The start and what each of `steps` steps leads to."""
    found = [look(start(seed))]
    for step in range(1, steps + 1):
        found.append(look(tuple(map(moved, found[-1].rows)), step))
    return tuple(found)
