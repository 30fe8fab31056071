"""The step of the thresholds in the currency of the budget.

A threshold that grows prunes `s_l = n_l dr_l/dt_l` weights per unit (the *supply*, known through the bridge) and costs
`G_l = dL_rec/dt_l`. So one more zero in layer `l` costs `c_l = G_l / s_l`, and the Lagrange condition of
`min L_rec  subject to  sum_l n_l r_l = R* N` is that all `c_l` are equal: their common value is the price of a zero.
The plain gradient mixes `c_l` with a supply that differs by orders of magnitude between layers, and no fixed `lambda`
in `L_rec + lambda L_c` is the price. Here both terms are divided by supply and price and become of order one:

    d log t_l  =  -rate * ( clip((c_l - c) / mean|c|, -1, 1)  +  lambda * L_c'(R) )

with `c` and `mean|c|` averaged with weights `s_l t_l`, the zeros that a joint scaling of all thresholds would gain.
Where zeros have a worth (multiply-adds that each saves), the supply is counted in that: `s_l = u_l n_l dr_l/dt_l`, and
`c` is the price of a multiply-add.

The clip is a trust region: no layer's threshold moves by more than `rate` for its own cost in one step.
"""

from __future__ import annotations

from torch import Tensor

SMALLEST_GAIN = 1e-6
"""Weights; below, a layer's cost would be the quotient of two numbers of no meaning."""


def priced(cost_gradient: Tensor, control_gradient: Tensor, supply: Tensor, thresholds: Tensor, total: int) -> Tensor:
    """Direction of ascent in `log t`, `[L]`.

    `cost_gradient` is `dL_rec/dt`, `control_gradient` is `lambda dL_c/dt`, `supply` is `u n dr/dt`, all `[L]` per
    weight unit; `total` is `sum u n`, with `u = 1` unless zeros have a worth. A layer without supply (no weight
    near its threshold) is moved by the control alone.
    """
    gain = supply * thresholds
    has_supply = gain > SMALLEST_GAIN
    safe = supply.where(has_supply, supply.new_ones(()))
    cost = (cost_gradient / safe).where(has_supply, supply.new_zeros(()))
    share = gain / gain.sum().clamp_min(1e-30)
    centre, scale = (share * cost).sum(), (share * cost.abs()).sum()
    excess = ((cost - centre) / scale.clamp_min(1e-30)).clamp(-1, 1).where(has_supply, supply.new_zeros(()))
    slope = total * control_gradient.sum() / supply.sum().clamp_min(1e-30)
    return excess + slope
