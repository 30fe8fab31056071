"""An invented run: the event stream of a learning that never happened, for tests of what draws it.

Layer `l` holds Laplace-distributed weights of scale `s_l`, so `r(t) = 1 - exp(-t / s_l)` and `t(r) = -s_l log(1 - r)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import (
    Curve,
    Event,
    Finished,
    Layer,
    LayerResult,
    Phase,
    Result,
    Started,
    Stepped,
    Surveyed,
)

POINTS = 129


def layers(number: int) -> tuple[Layer, ...]:
    """A stack of convolutions that widens, then one linear layer."""
    shapes = [(16 * 2 ** (3 * i // number), 16 * 2 ** (3 * i // number), 3, 3) for i in range(number - 1)]
    rows = [Layer(f"layer{1 + 3 * i // number}.{i}.conv", "Conv2d", s, math.prod(s)) for i, s in enumerate(shapes)]
    return (*rows, Layer("linear", "Linear", (10, shapes[-1][0]), 10 * shapes[-1][0]))


def scale(layer: int) -> float:
    return 0.02 + 0.03 * math.exp(-layer / 8)


def curve(layer: int) -> Curve:
    s = scale(layer)
    reach = 7 * s
    xs = [-reach + 2 * reach * i / (POINTS - 1) for i in range(POINTS)]
    return Curve(-reach, reach, tuple(math.exp(-abs(x) / s) / (2 * s) for x in xs), atom=0.0, bandwidth=s / 10)


def allocation(rows: tuple[Layer, ...], target: float, tilt: float) -> tuple[float, ...]:
    """Keep ratios proportional to `n_l ** -tilt`, scaled to the budget."""
    kept = [row.weights**-tilt for row in rows]
    factor = (1 - target) * sum(r.weights for r in rows) / sum(r.weights * k for r, k in zip(rows, kept, strict=True))
    return tuple(max(0.0, 1 - factor * k) for k in kept)


def events(number: int = 22, steps: int = 60, config: RunConfig | None = None) -> Iterator[Event]:
    """All events of a run over `number` layers: three phases, `steps` steps, a survey at every tenth of them."""
    config = config or RunConfig()
    rows = layers(number)
    total = sum(row.weights for row in rows)
    target = config.sparsity
    begin, end = allocation(rows, target, 0.45), allocation(rows, target, 0.2)
    yield Phase("measuring the dense model")
    yield Started(
        config=config.to_json(),
        layers=rows,
        weights=total,
        target_sparsity=target,
        target_zeros=round(target * total),
        steps=steps,
        dense_accuracy=0.9917,
        calibration_images=1024,
        test_images=360,
        references={
            "uniform": (target,) * number,
            "erk": begin,
            "global-magnitude": allocation(rows, target, 0.6),
        },
    )
    curves = tuple(curve(index) for index in range(number))
    yield Surveyed(0, curves)
    yield Phase("learning thresholds and weights")
    sparsities = begin
    for step in range(1, steps + 1):
        share = step / steps
        sparsities = tuple(b + (e - b) * share for b, e in zip(begin, end, strict=True))
        reached = sum(r * row.weights for r, row in zip(sparsities, rows, strict=True)) / total
        miss = 0.03 * math.exp(-6 * share) + 0.001 * abs(math.sin(step))
        reconstruction = 0.9 * math.exp(-4 * share) * (1 + 0.15 * math.sin(1.7 * step)) + 0.03
        yield Stepped(
            step=step,
            reconstruction=reconstruction,
            control=miss,
            total=reconstruction + miss,
            sparsity=reached - miss,
            scheduled_target=target,
            learning_rate=0.05 * (1 + math.cos(math.pi * share)) / 2,
            layer_sparsity=sparsities,
            thresholds=tuple(-scale(i) * math.log1p(-min(r, 0.9999)) for i, r in enumerate(sparsities)),
            seconds=0.1 * step,
        )
        if step % max(1, steps // 10) == 0:
            yield Surveyed(step, curves)
    yield Phase("measuring the sparse model")
    yield Finished(result(config, rows, sparsities, steps))


def result(config: RunConfig, rows: tuple[Layer, ...], sparsities: tuple[float, ...], steps: int) -> Result:
    total = sum(row.weights for row in rows)
    zeros = round(config.sparsity * total)
    table = tuple(
        LayerResult(
            row.name, row.shape, row.weights, round(r * row.weights), r, -scale(i) * math.log1p(-min(r, 0.9999))
        )
        for i, (row, r) in enumerate(zip(rows, sparsities, strict=True))
    )
    return Result(
        model=config.model,
        method=config.method,
        target_sparsity=config.sparsity,
        sparsity=zeros / total,
        zeros=zeros,
        weights=total,
        dense_accuracy=0.9917,
        accuracy=0.9889,
        agreement=0.9917,
        calibration_images=1024,
        test_images=360,
        steps=steps,
        seconds=0.1 * steps + 2,
        seconds_per_step=0.1,
        peak_rss_mb=412.0,
        layers=table,
    )
