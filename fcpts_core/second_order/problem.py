"""One layer's least squares, and how well a solution does.

    minimise over W with at most k non-zeros      tr(W H W') - 2 tr(W G')      (= |A W' - B W0'|^2 / rows + constant)

`W` `[groups, out, d]`, `H` `[groups, d, d]`, `G = W0 C'` `[groups, out, d]`. `H` is damped by a share of its mean
diagonal, so it can be inverted however few rows it was made of; with `G` damped likewise (`+ damping W0`) the dense
weights stay the solution where nothing is known.

A layer that may add an offset `o` to its outputs gets rows less their means `a`, `b` (centred moments): for any `W` the
best offset is the one that gives every output its mean in the dense layer, `o = W0 b - W a`, and what it leaves is just
this problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fcpts_core.second_order.moments import Moments


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """`H`, `G` and the dense weights `W0`."""

    H: Tensor
    G: Tensor
    W0: Tensor

    @classmethod
    def of(cls, moments: Moments, dense: Tensor, damping: float) -> LeastSquares:
        """The damped problem in double precision."""
        dense = dense.double()
        H, C = moments.H, moments.C
        amount = damping * H.diagonal(dim1=1, dim2=2).mean(dim=1, keepdim=True)[..., None]
        amount = amount.where(amount > 0, torch.ones_like(amount))
        eye = torch.eye(H.shape[-1], dtype=torch.float64, device=H.device)
        return cls(H + amount * eye, dense @ C.transpose(1, 2) + amount * dense, dense)

    def error(self, weights: Tensor) -> float:
        """The objective, up to the constant that does not depend on the weights."""
        return float(((weights @ self.H - 2 * self.G) * weights).sum())


def solve_on(problem: LeastSquares, mask: Tensor) -> Tensor:
    """The exact minimiser with non-zeros only where `mask` is True, row by row: `w_S = H_SS^-1 G_S`."""
    solution = torch.zeros_like(problem.W0)
    for group, rows in enumerate(mask):
        for row, kept in enumerate(rows):
            support = kept.nonzero().squeeze(1)
            if len(support):
                inner = problem.H[group].index_select(0, support).index_select(1, support)
                right = problem.G[group, row, support].unsqueeze(1)
                factor, failed = torch.linalg.cholesky_ex(inner)
                found = torch.linalg.lstsq(inner, right).solution if failed else torch.cholesky_solve(right, factor)
                solution[group, row, support] = found.squeeze(1)
    return solution
