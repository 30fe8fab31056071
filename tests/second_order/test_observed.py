"""Damping by what one half of the images says of the other: against solving with rows, and where it must go."""

import pytest
import torch
from torch import Tensor

from fcpts_core.masks.patterns import Pattern
from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.observed import SHARES, USUAL, Observed


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def observed(*halves: tuple[Tensor, Tensor], dense: Tensor, centred: bool = False) -> Observed:
    first, second = Moments(centred), Moments(centred)
    for moments, (a, b) in zip((first, second), halves, strict=False):
        moments.add(a, b)
    return Observed((first, second), dense)


def half_gone(scores: Tensor) -> Tensor:
    return Pattern().choose(scores, scores.numel() // 2)


def missed(known: tuple[tuple[Tensor, Tensor], ...], dense: Tensor, mask: Tensor, share: float) -> float:
    """With the rows themselves: fitted by `lstsq` with rows for the damping, judged by squares."""
    total = 0.0
    for (a, b), (other_a, other_b) in (known, known[::-1]):
        count, width = a.shape[1:]
        pull = (count * share * float(a.square().mean())) ** 0.5 * torch.eye(width, dtype=torch.float64)
        for row, kept in zip(dense[0], mask[0], strict=True):
            left = torch.cat([a[0], pull])[:, kept]
            weights = torch.linalg.lstsq(left, torch.cat([b[0], pull]) @ row).solution
            total += float((other_a[0][:, kept] @ weights - other_b[0] @ row).square().mean())
    return total


@pytest.mark.parametrize("rows", [6, 20, 400])
@pytest.mark.parametrize("seed", range(3))
def test_the_damping_is_the_one_that_misses_the_least_of_the_other_half(rows: int, seed: int) -> None:
    mix, dense = normal(8, 8, seed=seed), normal(1, 4, 8, seed=seed + 1)
    halves = []
    for half in range(2):
        b = normal(1, rows, 8, seed=10 * seed + 2 + half) @ mix
        halves.append((b + 0.3 * normal(1, rows, 8, seed=10 * seed + 4 + half), b))
    both = torch.cat([a for a, _ in halves], dim=1)
    mask = half_gone(dense.abs() * both.square().mean(dim=1).sqrt())
    errors = {share: missed((halves[0], halves[1]), dense, mask, share) for share in SHARES}
    assert observed(*halves, dense=dense).damping(half_gone) == min(errors, key=errors.__getitem__)


def test_few_rows_are_trusted_less_than_many() -> None:
    """Inputs that hang together: others can make up for what is gone, if it is known how."""
    dense, mix = normal(1, 8, 30), normal(30, 30, seed=3)
    few, many = (
        observed(*((a, a) for a in (normal(1, rows, 30, seed=1) @ mix, normal(1, rows, 30, seed=2) @ mix)), dense=dense)
        for rows in (12, 3000)
    )
    assert few.damping(half_gone) > 10 * many.damping(half_gone)


def test_without_another_half_it_is_the_usual_one() -> None:
    rows = normal(1, 9, 4)
    assert observed((rows, rows), dense=normal(1, 2, 4)).damping(half_gone) == USUAL
    nothing = 0 * rows
    assert observed((nothing, nothing), (nothing, nothing), dense=normal(1, 2, 4)).damping(half_gone) == USUAL


def test_moments_of_two_halves_are_those_of_all() -> None:
    a, b, c, d = (normal(2, 7, 3, seed=seed) for seed in range(4))
    known = observed((a, b), (c, d), dense=normal(2, 2, 3), centred=True)
    together = Moments(centred=True)
    together.add(torch.cat([a, c], dim=1), torch.cat([b, d], dim=1))
    assert known.moments.count == 14
    torch.testing.assert_close(known.moments.H, together.H)
    torch.testing.assert_close(known.moments.C, together.C)
    for half in known.halves:
        assert half.count == 7  # adding them up has left them alone
