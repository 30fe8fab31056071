"""Densities of a ResNet-50's layers beside scipy, and the exact projection of all its weights beside a full sort.

`python -m tests.bench.bench_density`. Weights are random with the shapes of the real network (25.5 M in 54 layers). One
thread; the best of a few runs counts, since the machine may be busy with other things.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from scipy.stats import gaussian_kde
from torch import Tensor

from fcpts_core.bridge import project
from fcpts_core.density import BANDWIDTHS, Density, estimate, resample

POINTS = 256


def resnet50_shapes() -> Iterator[tuple[int, ...]]:
    """Every convolution and the classifier, in network order."""
    yield (64, 3, 7, 7)
    inputs = 64
    for planes, blocks in zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True):
        for block in range(blocks):
            yield (planes, inputs, 1, 1)
            yield (planes, planes, 3, 3)
            yield (4 * planes, planes, 1, 1)
            if block == 0:
                yield (4 * planes, inputs, 1, 1)
            inputs = 4 * planes
    yield (1000, 2048)


def resnet50_weights() -> list[Tensor]:
    """Weights with the deviation of He's initialisation and tails as heavy as those of trained layers."""
    student = torch.distributions.StudentT(5.0)
    return [student.sample(shape) * math.sqrt(1.2 / math.prod(shape[1:])) for shape in resnet50_shapes()]


def estimate_all(weights: Sequence[Tensor], rule: str = "silverman") -> list[Density]:
    return [estimate(tensor, rule) for tensor in weights]


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def row(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:<58} {seconds * 1e3:>12,.2f} ms  {note}")


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    weights = resnet50_weights()
    total = sum(tensor.numel() for tensor in weights)
    print(f"{len(weights)} layers, {total:,} weights\n")

    for rule in BANDWIDTHS:
        seconds = best_of(3, partial(estimate_all, weights, rule))
        row(f"estimate, all layers, {rule}", seconds, "bound 1,500 ms" if rule == "silverman" else "")
    densities = estimate_all(weights)
    row(f"resample to {POINTS} points, all layers", best_of(3, lambda: [resample(density) for density in densities]))
    beside_scipy(weights[0], total)

    print()
    for size in (16, 432, 2048, 36_864):
        row(f"estimate, one layer of {size:,} weights", best_of(50, partial(estimate, torch.randn(size))))
    row("slope of one threshold", best_of(50, partial(densities[0].slope, torch.tensor(0.05))))

    print()
    zeros, ones = round(0.9 * total), [1.0] * len(weights)
    row("project, all layers, 90 % zeros", best_of(3, lambda: project(weights, ones, zeros)), "bound 3,000 ms")
    row("project, all layers, 90 % zeros, cap 0.95", best_of(3, lambda: project(weights, ones, zeros, 0.95)))
    magnitudes = np.concatenate([tensor.abs().flatten().numpy() for tensor in weights])
    row("numpy, a stable sort of all magnitudes", best_of(1, lambda: np.argsort(magnitudes, kind="stable")))


def beside_scipy(weights: Tensor, total: int) -> None:
    """The same curve from scipy, whose cost is the product of weights and points; the largest difference, too."""
    density = estimate(weights)
    sample = weights.double().flatten().numpy()
    x = np.linspace(float(density.grid[0]), float(density.grid[-1]), POINTS)
    scipy = gaussian_kde(sample, bw_method=density.bandwidth / sample.std(ddof=1))
    seconds = best_of(3, lambda: scipy(x))
    ours = best_of(10, lambda: estimate(weights).pdf_at(torch.from_numpy(x)))
    difference = float(np.abs(scipy(x) - density.pdf_at(torch.from_numpy(x)).numpy()).max() / scipy(x).max())
    name = f"one layer of {sample.size:,} weights at {POINTS} points"
    row(f"estimate, {name}", ours)
    row(f"scipy,    {name}", seconds, f"differs by {difference:.1e} of the peak")
    row("scipy, all layers, scaled up by the number of weights", seconds * total / sample.size, "not run")


if __name__ == "__main__":
    main()
