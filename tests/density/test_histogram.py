"""The released code's density: bins counted one by one, unit mass, constant within a bin."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from fcpts_core.density import histogram

WEIGHTS = {
    "normal": torch.randn(500, generator=torch.Generator().manual_seed(1)),
    "half zero": torch.tensor([0.0, 0.0, 0.5, -0.25]),
    "constant": torch.full((3, 2), 0.25),
    "all zero": torch.zeros(4),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_each_bin_holds_its_weights(case: str) -> None:
    weights = WEIGHTS[case].double().flatten()
    density = histogram(WEIGHTS[case], bins=10)
    edges = density.lo + density.bandwidth * np.arange(11)
    for low, high in pairwise(edges):
        last = high == edges[-1]
        held = int(((weights >= low) & ((weights <= high + 1e-12) if last else (weights < high))).sum())
        middle = torch.tensor((low + high) / 2)
        assert density.pdf_at(middle).item() * density.bandwidth * len(weights) == pytest.approx(held)


@pytest.mark.parametrize("case", WEIGHTS)
def test_unit_mass_from_the_least_to_the_largest(case: str) -> None:
    density = histogram(WEIGHTS[case])
    assert float(density.heights.sum()) * density.bandwidth == pytest.approx(1)
    ends = torch.tensor([density.lo, density.lo + 100 * density.bandwidth], dtype=torch.float64)
    assert density.lo <= WEIGHTS[case].min()
    assert ends[1] >= WEIGHTS[case].max() - 1e-6
    assert density.pdf_at(ends + torch.tensor([-1e-3, 1e-3])).tolist() == [0, 0]
    if case != "constant" and case != "all zero":
        assert (density.pdf_at(WEIGHTS[case]) > 0).all()


def test_the_slope_is_the_density_on_both_sides() -> None:
    density = histogram(WEIGHTS["normal"])
    t = torch.linspace(0, 5, 40)
    assert torch.equal(density.slope(t), density.pdf_at(t) + density.pdf_at(-t))
    assert density.slope(t).dtype == t.dtype
    assert density.slope(torch.tensor(50.0)).item() == 0
