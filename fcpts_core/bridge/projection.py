"""The exact projection: thresholds and a number of zeros in, masks with exactly that many zeros out.

    key(w) = |w| / t_l  for a weight w of layer l;      the `zeros` smallest keys over all layers are pruned

That is what one common factor on all thresholds does: `|w| < scale t_l` is `key < scale`. Ties are broken by layer
order, then by index. Beyond the plain ranking:

* weights that are exactly zero come first, whatever their threshold: no kept weight is ever zero;
* a threshold of 0 comes last: such a layer is pruned, smallest magnitudes first, only when all others are exhausted;
* a layer gives at most its ceiling, `floor(cap n_l)` or as many as it has already unless told otherwise; what it may
  not give, the next in the ranking give;
* where zeros have a worth (see `budget`), as many of the ranking go as reach the goal, and then those come back that
  the goal does not need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcpts_core.bridge.budget import check_zeros, fewest, most_zeros, worth_of
from fcpts_core.bridge.inverse import between
from fcpts_core.density.sample import checked, flat
from fcpts_core.errors import InputError

SMALLEST_DIVISOR = 1e-200
"""Stands for a threshold of 0: keys of weights in single precision then lie beyond all others, and in their order."""

ALREADY_ZERO = -1.0


@dataclass(frozen=True, eq=False)
class Projection:
    """Masks shaped like the weights, True = kept; thresholds that agree with them; the factor on the thresholds given.

    The threshold of a layer is `scale t_l` where that reproduces its mask as `|w| >= threshold`; otherwise (the layer
    is at its cap, or `t_l` is 0) it lies between the largest magnitude pruned and the smallest kept.
    """

    masks: tuple[Tensor, ...]
    thresholds: tuple[float, ...]
    scale: float


def project(
    weights: Sequence[Tensor],
    thresholds: Sequence[float] | Tensor,
    zeros: int,
    layer_cap: float = 1.0,
    *,
    worth: Sequence[int] = (),
    ceilings: Sequence[int] | None = None,
) -> Projection:
    """Prunes exactly `zeros` weights over all layers by `|w| / t_l`; weights of any shape, one threshold `>= 0` each.

    With a `worth` for each layer's zeros, `zeros` is what they are to be worth together. `ceilings` `[L]` bound the
    zeros of each layer beside the cap; where they do not leave room for the goal, the cap alone does.

    The work is done on the CPU in double precision, so the same weights give the same masks on every device. Raises
    InputError if so many zeros cannot be reached, or if a weight or a threshold is not finite.
    """
    given: list[float] = thresholds.detach().cpu().tolist() if isinstance(thresholds, Tensor) else list(thresholds)
    keys = [_keys(tensor, t) for tensor, t in zip(weights, given, strict=True)]
    sizes, already = [key.size for key in keys], [_zeros_in(key) for key in keys]
    check_zeros(zeros, sizes, already, layer_cap, worth)
    for key, most in zip(keys, _ceilings(zeros, sizes, already, layer_cap, worth, ceilings), strict=True):
        if most < key.size:
            key[~_smallest([key], most).chosen[0]] = np.inf
    choice = _worthy(keys, zeros, already, worth) if worth else _smallest(keys, zeros)
    scale = between(max(choice.last, 0.0), choice.following, torch.float64)
    return Projection(
        masks=tuple(map(_mask, weights, choice.chosen)),
        thresholds=tuple(map(_threshold, weights, choice.chosen, [scale * t for t in given])),
        scale=scale,
    )


def project_counts(weights: Sequence[Tensor], counts: Sequence[int]) -> tuple[Tensor, ...]:
    """Masks, True = kept, that prune exactly the `counts[l]` smallest `|w|` of each layer, ties by index."""
    masks = []
    for tensor, count in zip(weights, counts, strict=True):
        key = _keys(tensor, 1.0)
        if not _zeros_in(key) <= count <= key.size:
            raise InputError(
                f"{count} zeros were asked of a layer of {key.size} weights, {_zeros_in(key)} of which are zero "
                f"already: expected {_zeros_in(key)} to {key.size}."
            )
        masks.append(_mask(tensor, _smallest([key], count).chosen[0]))
    return tuple(masks)


@dataclass(frozen=True, eq=False)
class _Choice:
    """Which keys were chosen, a mask like each array of them; the largest chosen key and the smallest left out."""

    chosen: list[NDArray[np.bool_]]
    last: float
    following: float


def _smallest(keys: Sequence[NDArray[np.float64]], count: int) -> _Choice:
    """Chooses the `count` smallest of all keys together; among equal ones the earlier array and index."""
    ordered = np.concatenate(keys)
    ranks = [rank for rank in (count - 1, count) if 0 <= rank < ordered.size]
    ordered.partition(ranks)
    last = float(ordered[count - 1]) if count > 0 else -math.inf
    following = float(ordered[count]) if count < ordered.size else math.inf
    chosen = [key < last for key in keys]
    missing = count - sum(int(np.count_nonzero(taken)) for taken in chosen)
    for key, taken in zip(keys, chosen, strict=True):
        if missing == 0:
            break
        tied = np.flatnonzero(key == last)[:missing]
        taken[tied] = True
        missing -= tied.size
    return _Choice(chosen, last, following)


def _worthy(keys: Sequence[NDArray[np.float64]], goal: int, already: Sequence[int], worth: Sequence[int]) -> _Choice:
    """Chooses the smallest keys up to the first that reaches the goal, then leaves out what the goal does not need."""
    ordered = np.concatenate(keys)
    ranking = ordered.argsort(kind="stable")
    layers = np.repeat(np.arange(len(keys)), [key.size for key in keys])[ranking]
    reached = np.searchsorted(np.cumsum(np.array(worth)[layers]), goal)
    count = max(int(reached) + 1 if goal > 0 else 0, sum(already))
    taken = np.bincount(layers[:count], minlength=len(keys)).tolist()
    chosen = [
        _smallest([key], one).chosen[0] for key, one in zip(keys, fewest(taken, already, goal, worth), strict=True)
    ]
    last = float(ordered[ranking[count - 1]]) if count > 0 else -math.inf
    following = float(ordered[ranking[count]]) if count < ordered.size else math.inf
    return _Choice(chosen, last, following)


def _ceilings(
    goal: int,
    sizes: Sequence[int],
    already: Sequence[int],
    layer_cap: float,
    worth: Sequence[int],
    wished: Sequence[int] | None,
) -> Sequence[int]:
    """The most zeros that each layer may give."""
    most = most_zeros(sizes, already, layer_cap)
    if wished is None:
        return most
    lower = [max(min(one, other), zeros) for one, other, zeros in zip(most, wished, already, strict=True)]
    return lower if worth_of(lower, worth) >= goal else most


def _keys(weights: Tensor, threshold: float) -> NDArray[np.float64]:
    if not 0.0 <= threshold < math.inf:
        raise InputError(f"A threshold is {threshold}: expected a finite number in weight units, 0 or larger.")
    sample = checked(weights)
    keys = np.abs(sample)
    keys /= max(threshold, SMALLEST_DIVISOR)
    if np.count_nonzero(sample) < sample.size:
        keys[sample == 0] = ALREADY_ZERO
    return keys


def _zeros_in(keys: NDArray[np.float64]) -> int:
    return int(np.count_nonzero(keys == ALREADY_ZERO))


def _mask(weights: Tensor, pruned: NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(~pruned).reshape(weights.shape).to(weights.device)


def _threshold(weights: Tensor, pruned: NDArray[np.bool_], candidate: float) -> float:
    """The candidate, as the weights' type can hold it, if it separates pruned from kept; else one that does."""
    magnitudes = np.abs(flat(weights))
    below = float(np.max(magnitudes, where=pruned, initial=-math.inf))
    above = float(np.min(magnitudes, where=~pruned, initial=math.inf))
    rounded = float(torch.tensor(candidate, dtype=torch.float64).to(weights.dtype))
    return rounded if below < rounded <= above else between(max(below, 0.0), above, weights.dtype)
