"""Outlines of an estimated depth: nothing hangs between near and far, and they lie where the picture has them."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip_backend.scene.outlines import aligned, snapped


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 3.0), st.floats(-0.5, 0.5), st.integers(8, 24))
def test_snapping_leaves_no_value_between_near_and_far(jump, base, column):
    ramp = torch.full((1, 20, 32), base)
    ramp[:, :, column:] = base + jump
    ramp[:, :, column - 1] = base + 0.6 * jump  # the blurred edge of a network
    out = snapped(ramp, 2)
    assert torch.minimum((out - base).abs(), (out - base - jump).abs()).max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05))
def test_snapping_leaves_slopes_alone(across, down):
    plane = across * torch.arange(32.0)[None, None] + down * torch.arange(20.0)[None, :, None]
    assert torch.equal(snapped(plane, 2), plane)


def test_the_depth_edge_moves_to_the_edge_of_the_image():
    """A coarse depth whose edge lies two thirds of a cell beside the image's."""
    detailed = torch.zeros(1, 3, 60, 96)
    detailed[..., 50:] = 1.0
    picture = torch.nn.functional.interpolate(detailed, (10, 16), mode="bilinear", antialias=True)
    depth = torch.zeros(10, 16)
    depth[..., 8:] = 1.0  # at column 48 of the image
    sharp = aligned(depth, torch.ones(10, 16, dtype=torch.bool), picture, detailed)[0][5:-5]
    assert torch.allclose(sharp, (torch.arange(96) >= 50).float().expand(50, -1), atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 3.0), st.integers(2, 4), st.integers(10, 20))
def test_an_edge_that_is_blurred_over_several_pixels_is_cut(jump, width, column):
    ramp = (jump * ((torch.arange(40.0) - column) / width).clamp(0, 1)).expand(1, 20, -1)
    out = snapped(ramp, 2)
    assert torch.minimum(out.abs(), (out - jump).abs()).max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 2.0))
def test_before_fur_every_pixel_is_near_or_far_and_none_stands_alone(seed, jump):
    depth = torch.zeros(24, 40)
    depth[:, 20:] = jump
    noise = torch.rand(1, 3, 96, 160, generator=torch.Generator().manual_seed(seed)) * 0.2
    detailed = torch.where(torch.arange(160) < 80, 0.3, 0.6) + noise
    picture = torch.nn.functional.interpolate(detailed, (24, 40), mode="bilinear", antialias=True)
    fine = aligned(depth, torch.ones(24, 40, dtype=torch.bool), picture, detailed)[0]
    assert torch.minimum(fine.abs(), (fine - jump).abs()).max() < 1e-4
    far = (fine > jump / 2).float()[None]
    around = torch.nn.functional.avg_pool2d(far, 3, 1, 1, count_include_pad=False)
    assert ((far - around).abs() < 0.8).all()
