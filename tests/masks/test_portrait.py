"""What the layer inspector says of a layer, on layers small enough to count by hand."""

from __future__ import annotations

import pytest
import torch

from fcpts_core.masks.portrait import LayerPortrait, mask_picture


def toy() -> LayerPortrait:
    """Three filters of two input channels, 2x2: filter 1 is empty, input channel 0 is used by filter 0 alone."""
    before = torch.arange(1.0, 25.0).reshape(3, 2, 2, 2)
    after = torch.zeros_like(before)
    after[0, 0, 0, 0], after[0, 1, 1, 1], after[2, 1, 0, 0] = 2.0, 8.0, -42.0
    return LayerPortrait.between(before, after)


def test_zeros_and_dead_filters_are_counted() -> None:
    seen = toy()
    assert seen.zeros == 21
    assert seen.dead_filters == (1,)
    assert seen.dead_inputs == ()
    assert seen.filter_shares().tolist() == [6 / 8, 1.0, 7 / 8]


def test_a_dead_input_channel_is_one_that_no_filter_uses() -> None:
    seen = LayerPortrait.between(torch.ones(2, 3), torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.0, 1.0]]))
    assert seen.dead_inputs == (1,)
    assert seen.dead_filters == ()


def test_how_far_weights_moved_is_measured_on_the_kept_ones() -> None:
    assert toy().moved == pytest.approx((1 + 0 + 63) / (1 + 8 + 21))
    assert LayerPortrait.at(torch.randn(4, 4), 0.5).moved == 0.0


def test_a_threshold_keeps_what_is_at_least_as_large() -> None:
    seen = LayerPortrait.at(torch.tensor([[0.1, -0.5], [0.5, -0.7]]), 0.5)
    assert seen.kept.tolist() == [[False, True], [True, True]]
    assert seen.zeros == 1


def test_the_picture_has_a_tile_for_every_filter_and_input_channel() -> None:
    picture = mask_picture(toy())
    assert picture.shape == (3 * 3, 2 * 3)
    assert picture[0, 0] == pytest.approx(2 / 42)
    assert picture[1, 4] == pytest.approx(8 / 42)
    assert picture[6, 3] == 1.0
    assert int((picture < 0).sum()) == toy().zeros
    assert (picture[2] == 0).all()
    assert (picture[:, 2] == 0).all()


def test_a_matrix_is_its_own_picture() -> None:
    seen = LayerPortrait.at(torch.tensor([[0.1, -0.5], [0.5, -1.0]]), 0.5)
    assert mask_picture(seen).tolist() == [[-1.0, 0.5], [0.5, 1.0]]


@pytest.mark.parametrize("shape", [(5, 1, 3, 3), (4, 2, 3), (2, 2, 2, 2, 2), (7,)])
def test_layers_of_any_shape_have_a_picture(shape: tuple[int, ...]) -> None:
    seen = LayerPortrait.at(torch.randn(shape), 0.5)
    picture = mask_picture(seen)
    assert picture.ndim == 2
    assert int((picture < 0).sum()) == seen.zeros
    assert int((picture > 0).sum()) == seen.kept.numel() - seen.zeros


def test_an_empty_layer_has_a_picture_too() -> None:
    seen = LayerPortrait.between(torch.ones(2, 2), torch.zeros(2, 2))
    assert (mask_picture(seen) == -1).all()
    assert seen.dead_filters == (0, 1)
