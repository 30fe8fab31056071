"""How the support of a layer is found, by name: the problem and a choice by scores in, a mask out."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from fcpts_core.second_order.admm import Choose, admm
from fcpts_core.second_order.obs import obs
from fcpts_core.second_order.problem import LeastSquares

Support = Callable[[LeastSquares, Choose], Tensor]
"""`(problem, choose) -> mask [groups, out, d]`, True = kept."""


def magnitude(problem: LeastSquares, choose: Choose) -> Tensor:
    """The largest `|w|` of the dense weights, whatever the inputs."""
    return choose(problem.W0.abs())


SUPPORTS: dict[str, Support] = {"magnitude": magnitude, "admm": admm, "obs": obs}
