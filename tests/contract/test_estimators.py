"""What every estimator of the mask's gradient owes the layers it hangs on."""

import pytest
import torch
from torch import Tensor

from fcpts_core.masks.estimators import ESTIMATORS

LAYERS = {
    "convolution": torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)),
    "one weight": torch.tensor([[0.3]]),
    "all zero": torch.zeros(2, 3),
    "at the threshold": torch.tensor([0.25, -0.25, 0.25]),
    "far away": torch.tensor([1e6, -1e6]),
}

pytestmark = [pytest.mark.parametrize("name", ESTIMATORS), pytest.mark.parametrize("case", LAYERS)]


def masked(name: str, weights: Tensor, threshold: Tensor) -> Tensor:
    return ESTIMATORS[name](weights, threshold, 0.1, torch.ones_like(weights))


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0, 1e9])
def test_forward_keeps_what_is_not_below_the_threshold(case: str, name: str, t: float) -> None:
    weights = LAYERS[case]
    kept = torch.where(weights.abs() >= t, weights, torch.zeros_like(weights))
    assert torch.equal(masked(name, weights, torch.tensor(t)), kept)


def test_backward_is_finite_and_shaped_like_what_it_belongs_to(case: str, name: str) -> None:
    weights = LAYERS[case].clone().requires_grad_()
    threshold = torch.tensor(0.25, requires_grad=True)
    masked(name, weights, threshold).square().sum().backward()
    assert weights.grad is not None
    assert weights.grad.shape == weights.shape
    assert weights.grad.isfinite().all()
    assert threshold.grad is None or (threshold.grad.shape == () and bool(threshold.grad.isfinite()))


def test_without_a_gradient_nothing_comes_back(case: str, name: str) -> None:
    weights = LAYERS[case].clone().requires_grad_()
    threshold = torch.tensor(0.25, requires_grad=True)
    (0 * masked(name, weights, threshold)).sum().backward()
    assert weights.grad is not None
    assert not weights.grad.any()


def test_kept_weights_always_learn_pruned_ones_unless_the_masks_take_no_gradient(case: str, name: str) -> None:
    weights = LAYERS[case].clone().requires_grad_()
    masked(name, weights, torch.tensor(0.4)).sum().backward()
    assert weights.grad is not None
    learns = weights.grad != 0
    kept = weights.abs() >= 0.4
    assert learns[kept].all()
    assert not learns[~kept].any() if name == "none" else learns[~kept & (weights != 0)].all()


def test_signs_do_not_matter(case: str, name: str) -> None:
    """A mirrored layer with a mirrored gradient pushes its threshold the same way."""
    pushes = []
    for sign in (1, -1):
        threshold = torch.tensor(0.25, requires_grad=True)
        weights = (sign * LAYERS[case]).requires_grad_()
        masked(name, weights, threshold).square().sum().backward()
        pushes.append(0.0 if threshold.grad is None else threshold.grad.item())
    assert pushes[0] == pytest.approx(pushes[1])
