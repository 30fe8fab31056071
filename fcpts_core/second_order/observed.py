"""What is known of one layer before it is pruned, and how far its least squares are to trust it.

Rows of few images know little of others: weights fitted to them without damping make up for what is pruned with chance
correlations, and a layer of many inputs has many of these. How much damping is right differs from layer to layer and
from network to network, so it is asked of the images: the rows of one half of them are fitted, those of the other half
say how well, and the other way round.

    damping = argmin over SHARES of  E_2(W_1) + E_1(W_2)          W_i fitted to half i, E_i the undamped objective there

on the support of the largest `|w|` times the deviation of its input, in `SAMPLE` output channels of each group.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fcpts_core.second_order.admm import Choose
from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.problem import LeastSquares, solve_on

SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
USUAL = 0.01
SAMPLE = 16


@dataclass(frozen=True, eq=False)
class Observed:
    """Moments of a layer's inputs in the two `halves` of the images, and its `dense` weights `[groups, out, d]`."""

    halves: tuple[Moments, Moments]
    dense: Tensor

    @property
    def moments(self) -> Moments:
        """Those of all images."""
        first, second = self.halves
        return first + second

    def solved(self, weights: Tensor) -> Observed:
        """What is known of the layer with these weights `[groups, out, d]`, were the network to stay as it is now."""
        first, second = self.halves
        return Observed((first.alone(), second.alone()), weights)

    def problem(self, damping: float = USUAL) -> LeastSquares:
        return LeastSquares.of(self.moments, self.dense, damping)

    def offset(self, weights: Tensor) -> Tensor | None:
        """What is to be added to the outputs with these weights, `[out of all groups]`; None where nothing may."""
        means = self.moments.means
        if means is None:
            return None
        a, b = (mean.unsqueeze(2) for mean in means)
        return (self.dense.double() @ b - weights @ a).flatten()

    def damping(self, choose: Choose, seed: int = 0) -> float:
        """The share of `SHARES` that fits the other half best; `USUAL` where there is no other half, or a tie."""
        if not all(half.count for half in self.halves):
            return USUAL
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(self.dense.shape[1], generator=generator)[:SAMPLE].to(self.dense.device)
        spread = self.moments.H.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt().unsqueeze(1)
        mask, dense = choose(self.dense.abs() * spread)[:, rows], self.dense[:, rows]
        errors = {share: self._missed(dense, mask, share) for share in (USUAL, *SHARES)}
        return min(errors, key=errors.__getitem__)

    def _missed(self, dense: Tensor, mask: Tensor, share: float) -> float:
        """How much of one half what is fitted to the other misses, both ways."""
        missed = 0.0
        for fitted, judge in (self.halves, self.halves[::-1]):
            weights = solve_on(LeastSquares.of(fitted, dense, share), mask)
            H, G = judge.H, dense.double() @ judge.C.transpose(1, 2)
            missed += LeastSquares(H, G, dense).error(weights)
        return missed
