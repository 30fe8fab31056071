"""The support by the rule of the Optimal Brain Surgeon, as in OBC (Frantar and Alistarh, NeurIPS 2022).

Each row starts at its unconstrained optimum `w = g H^-1`. Taking one weight out and moving the others to make up for it

    costs  w_p^2 / [H_S^-1]_pp          and leaves          w <- w - H_S^-1[:, p] w_p / [H_S^-1]_pp

with `S` the weights still in. A row loses its cheapest weight again and again until none is left; what each one cost on
its way out is its score, so the smallest scores of all rows together are the cheapest weights of the layer, and a
pattern chooses by the same scores.

Speed: rows go together, several weights of each at a time. They are picked one after the other among twice as many
candidates, in exact order there, and `H_S^-1` follows in one update by the Schur complement
`H_S^-1 - H_S^-1[:, q] [H_S^-1]_qq^-1 H_S^-1[q, :]`. Rows of more than `WIDE` weights would need that matrix once for
each row: they are scored in sweeps from left to right that all rows share, as in SparseGPT (Frantar and Alistarh,
ICML 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor

from fcpts_core.second_order.admm import Choose
from fcpts_core.second_order.problem import LeastSquares

WIDE = 1500  # weights of a row
AT_ONCE = 64  # of its weights a row loses one such part at a time
MEMORY = 2**23  # numbers in the inverses of the rows that go together
SWEEP = 128  # columns between two updates of all that are to the right
TINY = 1e-10  # of the unit diagonal, so that nothing is singular


def obs(problem: LeastSquares, choose: Choose) -> Tensor:
    """The mask `[groups, out, d]`, True = kept."""
    H, W, dense = _with_unit_diagonal(problem)
    inverse = _inverse(H)
    optimum = W @ inverse
    scores = torch.zeros_like(W)
    for group in range(len(H)):
        rows, exists = optimum[group], dense[group] != 0
        if H.shape[-1] > WIDE:
            share = 1 - float(choose(problem.W0.abs()).float().mean())
            scores[group] = _swept(inverse[group], rows, exists, share)
        else:
            for part in torch.arange(len(rows), device=H.device).split(max(1, MEMORY // H.shape[-1] ** 2)):
                scores[group, part] = _traced(inverse[group], rows[part], exists[part])
    return choose(scores)


def _with_unit_diagonal(problem: LeastSquares) -> tuple[Tensor, Tensor, Tensor]:
    """`H` and `G` in coordinates in which `H` has a unit diagonal, and the dense weights: costs are the same there."""
    scale = problem.H.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    scale = scale.where(scale > 0, torch.ones_like(scale))
    H = problem.H / (scale.unsqueeze(2) * scale.unsqueeze(1))
    return H, problem.G / scale.unsqueeze(1), problem.W0


def _inverse(H: Tensor) -> Tensor:
    """`H^-1`, for a singular `H` too."""
    eye = torch.eye(H.shape[-1], dtype=H.dtype, device=H.device)
    factor, failed = torch.linalg.cholesky_ex(H + TINY * eye)
    inverse: Tensor = factor.cholesky_inverse()
    if failed.any():
        values, vectors = torch.linalg.eigh(H)
        inverse = (vectors / values.clamp(min=TINY).unsqueeze(1)) @ vectors.mT
    return inverse


def _traced(inverse: Tensor, rows: Tensor, exists: Tensor) -> Tensor:
    """What each weight of these rows `[R, d]` costs on its way out, `[R, d]`.

    Costs never fall along the way of a row, so that the cheapest of all rows are the first of each. What does not exist
    goes first and costs nothing.
    """
    count, width = exists.shape
    w, inner = rows.clone(), inverse.expand(count, -1, -1).clone()
    row = torch.arange(count, device=w.device)
    index = torch.arange(width, device=w.device).expand(count, -1)  # the column that each of these is
    waiting, missing = torch.ones_like(exists), ~exists
    scores, so_far = w.new_zeros(count, width), w.new_zeros(count)
    at_once = max(1, width // AT_ONCE)
    for left in range(width, 0, -at_once):
        if 2 * left <= waiting.shape[1]:  # half of them are gone: make all smaller
            here = waiting.nonzero()[:, 1].view(count, -1)
            inner = inner[row[:, None, None], here[:, :, None], here[:, None, :]]
            w, index, waiting, missing = (one.gather(1, here) for one in (w, index, waiting, missing))
        picked = min(at_once, left)
        cost = _costs(w, inner).masked_fill(missing, 0).masked_fill(~waiting, torch.inf)
        candidates = cost.topk(min(2 * at_once, left), dim=1, largest=False).indices
        order, costs = _one_by_one(w, inner, candidates, missing, picked)
        for position in range(picked):
            # Growing a little at each step, so that ties keep the order of the way.
            so_far = torch.maximum(so_far * (1 + 1e-12), costs[:, position])
            scores[row, index[row, order[:, position]]] = so_far
        _take_out(w, inner, order)
        waiting = waiting.scatter(1, order, False)
    return scores


def _costs(w: Tensor, inner: Tensor) -> Tensor:
    # With a unit diagonal of H no diagonal of an inverse is below 1.
    return w.square() / inner.diagonal(dim1=1, dim2=2).clamp(min=1)


def _one_by_one(w: Tensor, inner: Tensor, candidates: Tensor, missing: Tensor, picked: int) -> tuple[Tensor, Tensor]:
    """The `picked` cheapest of the candidates `[R, m]` in greedy order, and what each costs, both `[R, picked]`."""
    row = torch.arange(len(w), device=w.device)
    small = inner[row[:, None, None], candidates[:, :, None], candidates[:, None, :]]
    values, missing = w.gather(1, candidates), missing.gather(1, candidates)
    gone = torch.zeros_like(missing)
    order, costs = [], []
    for _ in range(picked):
        cost = _costs(values, small).masked_fill(missing, 0).masked_fill(gone, torch.inf)
        cheapest, at = cost.min(dim=1)
        pivot = small[row, at, at].clamp(min=1)
        column = small[row, at]
        values = values - column * (values[row, at] / pivot).unsqueeze(1)
        small = small - column.unsqueeze(2) * column.unsqueeze(1) / pivot[:, None, None]
        gone[row, at] = True
        order.append(candidates[row, at])
        costs.append(cheapest)
    return torch.stack(order, dim=1), torch.stack(costs, dim=1)


def _take_out(w: Tensor, inner: Tensor, gone: Tensor) -> None:
    """Hold the weights `gone` `[R, s]` at zero, in place, by the Schur complement."""
    row = torch.arange(len(w), device=w.device)[:, None]
    lines = inner[row, gone]  # [R, s, d], as good as columns
    factor, _ = torch.linalg.cholesky_ex(lines.gather(2, gone.unsqueeze(1).expand(-1, gone.shape[1], -1)))
    half = torch.linalg.solve_triangular(factor, lines, upper=False)
    push = torch.linalg.solve_triangular(factor, w.gather(1, gone).unsqueeze(2), upper=False)
    w -= (half.mT @ push).squeeze(2)
    inner.baddbmm_(half.mT, half, alpha=-1)


def _swept(inverse: Tensor, rows: Tensor, exists: Tensor, share: float) -> Tensor:
    """Costs `[R, d]` of the weights, each at the turn of its column.

    What is taken out is made up for by the columns to the right alone, whose inverse, `H^-1` without the columns that
    have had their turn, is the same for all rows: the rows of its Cholesky factor. A first sweep takes the `share`
    cheapest out of every stretch of columns; what those cost altogether is the limit of the second.
    """
    factor = torch.linalg.cholesky_ex(inverse)[0].mT
    first = _sweep(factor, rows, exists, share, None)
    return _sweep(factor, rows, exists, share, _dearest(first, share))


def _sweep(factor: Tensor, rows: Tensor, exists: Tensor, share: float, limit: Tensor | None) -> Tensor:
    w, scores, pivots = rows.clone(), torch.zeros_like(rows), factor.diagonal()
    for begin in range(0, scores.shape[1], SWEEP):
        end = min(begin + SWEEP, scores.shape[1])
        cut = limit
        if cut is None:
            cut = _dearest((w[:, begin:end] / pivots[begin:end]) ** 2 * exists[:, begin:end], share)
        errors = torch.zeros_like(w[:, begin:end])
        for column in range(begin, end):
            error = w[:, column] / pivots[column]
            scores[:, column] = error**2 * exists[:, column]
            errors[:, column - begin] = error * (scores[:, column] <= cut)
            w[:, column:end] -= errors[:, column - begin, None] * factor[column, column:end]
        w[:, end:] -= errors @ factor[begin:end, end:]
    return scores


def _dearest(costs: Tensor, share: float) -> Tensor:
    """The highest cost among the `share` lowest, below all costs if that is none."""
    count = round(share * costs.numel())
    return costs.flatten().kthvalue(count).values if count else costs.new_tensor(-1.0)
