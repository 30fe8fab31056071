"""Supports: the surgeon's rule against solving anew, every support against magnitude, and problems with no inverse."""

import pytest
import torch
from torch import Tensor

from fcpts_core.masks.patterns import Pattern, pattern
from fcpts_core.second_order import obs as surgery
from fcpts_core.second_order.admm import Choose
from fcpts_core.second_order.moments import Moments
from fcpts_core.second_order.problem import LeastSquares, solve_on
from fcpts_core.second_order.supports import SUPPORTS
from tests.oracles_second_order import best_support, least, surgeon

ALL = pytest.mark.parametrize("name", SUPPORTS)


def task(
    groups: int = 1, out: int = 4, d: int = 9, *, centred: bool = False, seed: int = 0, rows: int = 60
) -> LeastSquares:
    """Inputs that hang together, of unequal size, a little different in the sparse model."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    dense = normal(groups, rows, d) @ normal(groups, d, d) * (0.2 + torch.rand(d, generator=generator))
    dense = dense.abs() if centred else dense  # as behind a ReLU
    moments = Moments(centred)
    moments.add(dense + 0.1 * normal(groups, rows, d), dense)
    return LeastSquares.of(moments, normal(groups, out, d), 0.01)


def choosing(zeros: int, kind: Pattern | None = None) -> Choose:
    return lambda scores: (kind or Pattern()).choose(scores, zeros)


@ALL
@pytest.mark.parametrize("text", ["unstructured", "2:4", "block:2"])
def test_there_are_exactly_so_many_zeros(name: str, text: str) -> None:
    given, kind = task(2, 4, 8), pattern(text)

    def choose(scores: Tensor) -> Tensor:
        return kind.choose(scores.reshape(8, 8), 40).reshape(scores.shape)

    mask = SUPPORTS[name](given, choose)
    assert mask.shape == given.W0.shape
    assert int((~mask).sum()) == 40
    if text == "2:4":
        assert bool((mask.reshape(-1, 4).sum(dim=1) <= 2).all())
    if text == "block:2":
        assert torch.equal(mask[:, 0::2], mask[:, 1::2])


@ALL
@pytest.mark.parametrize("zeros", [0, 36])
def test_all_or_nothing(name: str, zeros: int) -> None:
    given = task()
    assert int(SUPPORTS[name](given, choosing(zeros)).sum()) == 36 - zeros


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_obs_goes_the_way_of_the_surgeon(centred: bool, seed: int) -> None:
    given = task(2, 3, 7, centred=centred, seed=seed)
    slow = torch.stack(
        [torch.stack([surgeon(h, g, 7) for g in rows]) for h, rows in zip(given.H, given.G, strict=True)]
    )
    for zeros in range(0, 43, 5):
        mask = SUPPORTS["obs"](given, choosing(zeros))
        assert torch.equal(mask, Pattern().choose(slow, zeros))


def test_obs_is_the_best_support_of_most_tiny_rows_and_never_far_from_it() -> None:
    exact = 0
    for seed in range(10):
        given = task(1, 1, 7, seed=seed)
        support = SUPPORTS["obs"](given, choosing(4))[0, 0].nonzero().flatten().tolist()
        best = best_support(given.H[0], given.G[0, 0], 3)
        found = least(given.H[0], given.G[0, 0], support)
        exact += found == pytest.approx(best)
        assert found <= 0.8 * best  # both are below zero
    assert exact >= 5


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_several_at_once_are_nearly_as_good_as_one_by_one(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = task(1, 6, 64, rows=300)
    mask = SUPPORTS["obs"](given, choosing(6 * 48))
    monkeypatch.setattr(surgery, "AT_ONCE", 64 // at_once)
    quick = SUPPORTS["obs"](given, choosing(6 * 48))
    assert given.error(solve_on(given, quick)) <= 0.98 * given.error(solve_on(given, mask))  # both below zero


def test_rows_go_together_or_apart_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    given = task(2, 6, 20)
    together = SUPPORTS["obs"](given, choosing(150))
    monkeypatch.setattr(surgery, "MEMORY", 1)
    assert torch.equal(SUPPORTS["obs"](given, choosing(150)), together)


@ALL
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("wide", [False, True])
def test_no_support_is_worse_than_that_of_magnitude(
    name: str, share: float, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wide:
        monkeypatch.setattr(surgery, "WIDE", 10)
        monkeypatch.setattr(surgery, "SWEEP", 7)
    for seed in range(5):
        given = task(2, 8, 27, seed=seed, rows=200)
        choose = choosing(round(share * 432))
        found, plain = (solve_on(given, SUPPORTS[other](given, choose)) for other in (name, "magnitude"))
        assert given.error(found) <= given.error(plain)


@ALL
@pytest.mark.parametrize("wide", [False, True])
def test_inputs_that_say_nothing_or_the_same_twice_do_no_harm(
    name: str, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wide:
        monkeypatch.setattr(surgery, "WIDE", 4)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(1, 3, 12, generator=generator, dtype=torch.float64)
    rows[..., 4] = 0
    rows[..., 6] = rows[..., 5]
    dense = torch.randn(1, 5, 12, generator=generator, dtype=torch.float64)
    for inputs, weights, damping in ((rows, dense, 1e-9), (0 * rows, dense, 0.01), (rows, 0 * dense, 0.01)):
        moments = Moments()
        moments.add(inputs, inputs)
        given = LeastSquares.of(moments, weights, damping)
        mask = SUPPORTS[name](given, choosing(33))
        assert int(mask.sum()) == 27
        assert bool(solve_on(given, mask).isfinite().all())


def test_obs_takes_a_singular_matrix_as_it_is() -> None:
    rows = torch.ones(1, 1, 6, dtype=torch.float64)
    given = LeastSquares(rows.transpose(1, 2) @ rows, torch.ones(1, 2, 6, dtype=torch.float64), torch.ones(1, 2, 6))
    assert int(SUPPORTS["obs"](given, choosing(10)).sum()) == 2


def test_what_the_dense_layer_does_not_have_goes_first() -> None:
    given = task()
    holes = torch.arange(36).view(1, 4, 9) % 4 == 0
    given = LeastSquares(given.H, given.G, given.W0 * ~holes)
    assert not SUPPORTS["obs"](given, choosing(9))[holes].any()
