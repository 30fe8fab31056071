"""The support by the alternating direction method of multipliers, ALPS (Meng et al., NeurIPS 2024).

    W <- (H + rho)^-1 (G - V + rho D)       one eigendecomposition serves every rho
    D <- the k entries of W + V / rho that are largest in magnitude, the others zero
    V <- V + rho (W - D)

`rho` grows, faster while the support still changes much, until it changes no more. All is done in coordinates in which
`H` has a unit diagonal: there a weight's magnitude is its share of the output, as in pruning by `|w| * |x|`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fcpts_core.second_order.problem import LeastSquares

Choose = Callable[[Tensor], Tensor]
"""Scores `[groups, out, d]` in, mask of the same shape out, True = kept."""

START = 0.01  # of the unit diagonal; with 0.1 the supports of wide pointwise layers are decided too early
EVERY = 3
MOST = 300


def admm(problem: LeastSquares, choose: Choose) -> Tensor:
    """The mask `[groups, out, d]`, True = kept."""
    scale = problem.H.diagonal(dim1=1, dim2=2).sqrt()
    H = problem.H / (scale.unsqueeze(2) * scale.unsqueeze(1))
    G = problem.G / scale.unsqueeze(1)
    values, vectors = torch.linalg.eigh(H)
    rho = START
    D = problem.W0 * scale.unsqueeze(1)
    mask = choose(D.abs())
    V = torch.zeros_like(D)
    kept = int(mask.sum())
    before = mask
    for iteration in range(1, MOST + 1):
        W = ((G - V + rho * D) @ vectors / (values + rho).unsqueeze(1)) @ vectors.transpose(1, 2)
        D = W + V / rho
        mask = choose(D.abs())
        D = D * mask
        V = V + rho * (W - D)
        if iteration % EVERY == 0:
            changed = int((mask ^ before).sum()) / 2
            before = mask
            if changed == 0 and rho > 1:
                break
            rho *= 1.3 if changed >= 0.1 * kept else 1.2 if changed >= 0.005 * kept else 1.1
    return mask
