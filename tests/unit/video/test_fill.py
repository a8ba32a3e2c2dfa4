"""The classical fill and the dilation of holes."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip_backend.video.fill import fill_holes, grow


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 0.99))
@settings(max_examples=30, deadline=None)
def test_what_is_known_stays_and_what_is_filled_lies_between_the_known(seed, height, width, share):
    random = torch.Generator().manual_seed(seed)
    rgb, disparity = torch.rand(height, width, 3, generator=random) * 255, torch.rand(height, width, generator=random)
    hole = torch.rand(height, width, generator=random) < share
    filled, depth = fill_holes(rgb, disparity, hole)
    assert torch.equal(filled[~hole], rgb[~hole]) and torch.equal(depth[~hole], disparity[~hole])
    assert filled.isfinite().all() and depth.isfinite().all()
    if not hole.all():
        for channel in range(3):
            known = rgb[..., channel][~hole]
            assert filled[..., channel].min() >= known.min() - 0.1
            assert filled[..., channel].max() <= known.max() + 0.1


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_many_images_at_once_are_filled_as_each_alone(seed, height, width):
    random = torch.Generator().manual_seed(seed)
    shape = (4, height, width)
    rgb, disparity = torch.rand(*shape, 3, generator=random) * 255, torch.rand(shape, generator=random)
    hole = torch.rand(shape, generator=random) < torch.tensor([0.0, 0.3, 0.9, 1.0])[:, None, None]
    filled, depth = fill_holes(rgb, disparity, hole)
    for number in range(4):
        alone, alone_depth = fill_holes(rgb[number], disparity[number], hole[number])
        torch.testing.assert_close(filled[number], alone)
        torch.testing.assert_close(depth[number], alone_depth)
        assert torch.equal(grow(hole, 2)[number], grow(hole[number], 2))


def test_a_hole_at_a_depth_edge_is_filled_from_the_far_side():
    rgb, disparity = torch.zeros(32, 64, 3), torch.full((32, 64), 0.1)
    rgb[:, :28], disparity[:, :28] = torch.tensor([255.0, 0, 0]), 1.0  # near and red
    rgb[:, 36:] = torch.tensor([0.0, 0, 255])  # far and blue
    hole = torch.zeros(32, 64, dtype=torch.bool)
    hole[:, 28:36] = True
    filled, depth = fill_holes(rgb, disparity, hole)
    assert filled[:, 28:36, 2].mean() > 200 and filled[:, 28:36, 0].mean() < 60
    assert depth[:, 28:36].mean() < 0.3


def test_nothing_known_is_grey_and_infinitely_far():
    filled, depth = fill_holes(torch.zeros(4, 4, 3), torch.full((4, 4), -1.0), torch.ones(4, 4, dtype=torch.bool))
    assert (filled == 127.5).all() and (depth == 0).all()


@given(st.integers(0, 3), st.integers(0, 8), st.integers(0, 8))
def test_growing_one_pixel_gives_a_square(pixels, row, column):
    mask = torch.zeros(9, 9, dtype=torch.bool)
    mask[row, column] = True
    y, x = np.mgrid[0:9, 0:9]
    square = (np.abs(y - row) <= pixels) & (np.abs(x - column) <= pixels)
    assert (grow(mask, pixels).numpy() == square).all()
