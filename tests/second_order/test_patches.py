"""A layer as one matrix product a group, and the exact least squares on a support."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.observed import Observed
from fcpts_core.second_order.patches import rows, unfoldable, weight_rows
from fcpts_core.second_order.problem import LeastSquares, solve_on

CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "plain": dict(kernel_size=3),
    "padded": dict(kernel_size=3, padding=1),
    "padded unequally": dict(kernel_size=(3, 5), padding=(0, 2)),
    "same": dict(kernel_size=(5, 3), padding="same", dilation=2),
    "valid": dict(kernel_size=3, padding="valid"),
    "reflect": dict(kernel_size=3, padding=2, padding_mode="reflect"),
    "circular": dict(kernel_size=3, padding="same", padding_mode="circular"),
    "replicate": dict(kernel_size=3, padding=(1, 0), padding_mode="replicate", stride=2),
    "strided": dict(kernel_size=3, stride=(2, 3), padding=1),
    "dilated": dict(kernel_size=3, dilation=(2, 1), padding=2),
    "grouped": dict(kernel_size=3, groups=2, padding=1),
    "depthwise": dict(kernel_size=3, groups=4, stride=2),
    "1x1": dict(kernel_size=1),
    "no bias": dict(kernel_size=3, bias=False),
}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moments_of(sparse: Tensor, dense: Tensor, centred: bool = False) -> Moments:
    moments = Moments(centred)
    moments.add(sparse, dense)
    return moments


def product(module: nn.Conv2d | nn.Linear, inputs: Tensor, positions: int = 10**6) -> Tensor:
    """`[groups, rows, out / groups]`, the bias included."""
    found = rows(module, inputs, positions, torch.Generator().manual_seed(0)) @ weight_rows(module, module.weight).mT
    if module.bias is None:
        return found
    return found + module.bias.view(len(found), 1, -1)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_is_a_product_of_rows(name: str) -> None:
    torch.manual_seed(0)
    module = nn.Conv2d(4, 8, **CONVOLUTIONS[name]).double()
    inputs = normal(3, 4, 9, 10)
    expected = module(inputs)  # [B, out, h, w]
    expected = expected.view(3, module.groups, 8 // module.groups, -1).permute(1, 0, 3, 2).flatten(1, 2)
    assert unfoldable(module)
    torch.testing.assert_close(product(module, inputs), expected)


@pytest.mark.parametrize("shape", [(5, 6), (5, 3, 6), (5, 2, 3, 6)])
def test_a_linear_layer_is_a_product_of_rows(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = nn.Linear(6, 4).double()
    torch.testing.assert_close(product(module, normal(*shape)), module(normal(*shape)).reshape(1, -1, 4))


def test_at_most_so_many_positions_of_each_image_the_same_for_the_same_chance() -> None:
    module, inputs = nn.Conv2d(2, 3, 3).double(), normal(4, 2, 6, 6)
    few = product(module, inputs, positions=5).detach()
    every = product(module, inputs).detach().view(1, 4, 16, 3)
    assert few.shape == (1, 20, 3)
    for image, chosen in enumerate(few.view(4, 5, 3)):
        found = [[torch.allclose(row, other) for other in every[0, image]].index(True) for row in chosen]
        assert len(set(found)) == 5
    assert torch.equal(few, product(module, inputs, positions=5))


def test_other_layers_are_not_known() -> None:
    assert not unfoldable(nn.Conv1d(2, 2, 1))
    assert not unfoldable(nn.ConvTranspose2d(2, 2, 1))


@pytest.mark.parametrize("centred", [False, True])
def test_moments_are_means_over_all_rows_however_they_come(centred: bool) -> None:
    sparse, dense = normal(2, 12, 5), normal(2, 12, 5, seed=1)
    moments = Moments(centred)
    for a, b in zip(sparse.split(5, dim=1), dense.split(5, dim=1), strict=True):
        moments.add(a, b)
    a, b = (part - centred * part.mean(dim=1, keepdim=True) for part in (sparse, dense))
    assert moments.count == 12
    assert (moments.means is not None) == centred
    torch.testing.assert_close(moments.H, a.mT @ a / 12)
    torch.testing.assert_close(moments.C, a.mT @ b / 12)


def test_moments_of_inputs_that_hardly_differ_are_those_of_their_differences() -> None:
    """In single precision `A'A - a a'` would be nothing but rounding here, and not even positive."""
    rows = 1000 + 0.01 * normal(1, 300, 5)
    moments = Moments(centred=True)
    for part in rows.float().split(70, dim=1):
        moments.add(part, part)
    expected = rows.float().double()[0].T.cov(correction=0)
    torch.testing.assert_close(moments.H[0], expected, rtol=1e-2, atol=1e-7)
    assert float(torch.linalg.eigvalsh(moments.H).min()) > 0


def test_moments_of_nothing_do_not_exist() -> None:
    with pytest.raises(ValueError, match="No rows"):
        _ = Moments().H


@pytest.mark.parametrize("centred", [False, True])
def test_the_solution_is_that_of_the_rows_themselves(centred: bool) -> None:
    """`torch.linalg.lstsq` on the inputs; damping is rows that say that the weights should stay.

    An offset is one more weight there, of an input that is always one, which no damping holds back.
    """
    sparse, dense, weights = normal(2, 30, 6), normal(2, 30, 6, seed=1), normal(2, 3, 6, seed=2)
    sparse, dense = sparse.abs(), dense.abs()
    mask = normal(2, 3, 6, seed=3) > 0
    moments = moments_of(sparse, dense, centred)
    found = solve_on(LeastSquares.of(moments, weights, 0.1), mask)
    offset = Observed((moments, Moments(centred)), weights).offset(found)
    for group in range(2):
        spread = sparse[group].var(dim=0, correction=0) if centred else (sparse[group] ** 2).mean(dim=0)
        pull = math.sqrt(30 * 0.1 * float(spread.mean())) * torch.eye(6, dtype=torch.float64)
        ones = torch.cat([torch.ones(30), torch.zeros(6)]).double().unsqueeze(1)
        for row in range(3):
            support = mask[group, row]
            left = torch.cat([torch.cat([sparse[group], pull])[:, support], ones[:, : int(centred)]], dim=1)
            right = torch.cat([dense[group], pull]) @ weights[group, row]
            expected = torch.linalg.lstsq(left, right).solution
            torch.testing.assert_close(found[group, row, support], expected[: int(support.sum())])
            assert not bool(found[group, row, ~support].any())
            assert (offset is None) != centred
            if offset is not None:
                torch.testing.assert_close(offset.view(2, 3)[group, row], expected[-1])


def test_nothing_better_lies_near_the_solution() -> None:
    given = LeastSquares.of(moments_of(normal(1, 40, 5), normal(1, 40, 5, seed=4)), normal(1, 2, 5), 0.01)
    mask = torch.tensor([[[True, False, True, True, False], [False] * 5]])
    best = solve_on(given, mask)
    assert torch.equal(best != 0, mask)
    for seed in range(20):
        assert given.error(best) <= given.error(best + 0.01 * normal(1, 2, 5, seed=seed) * mask)


def test_nothing_pruned_and_nothing_changed_upstream_leaves_the_weights() -> None:
    inputs, weights = normal(1, 20, 4), normal(1, 3, 4, seed=1)
    given = LeastSquares.of(moments_of(inputs, inputs), weights, 0.01)
    torch.testing.assert_close(solve_on(given, torch.ones(1, 3, 4, dtype=torch.bool)), weights)


def test_a_matrix_that_cannot_be_inverted_is_solved_all_the_same() -> None:
    ones = torch.ones(1, 3, 3, dtype=torch.float64)
    given = LeastSquares(ones, torch.ones(1, 1, 3, dtype=torch.float64), ones[:, :1])
    found = solve_on(given, torch.ones(1, 1, 3, dtype=torch.bool))
    assert float(found.sum()) == pytest.approx(1)
