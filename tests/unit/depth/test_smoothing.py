"""Smoothing within surfaces: evens out what the picture shows as one, keeps what it or the depth sets apart."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.scene.smoothing import smoothed

SHAPE = (24, 40)
ALL = torch.ones(SHAPE, dtype=torch.bool)
GREY = torch.full((3, *SHAPE), 0.5)


def noise(seed: int, size: float) -> torch.Tensor:
    return size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 1000), st.floats(0.01, 0.5))
def test_it_adds_nothing_and_stays_between_the_least_and_the_most(seed, size):
    rough, picture = noise(seed, size), torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(seed + 1))
    smooth = smoothed(rough, ALL, picture)
    assert abs(float(smooth.mean() - rough.mean())) < 1e-3 * size
    assert rough.min() - 1e-3 * size <= smooth.min() and smooth.max() <= rough.max() + 1e-3 * size


@given(st.integers(0, 1000))
def test_unevenness_on_an_even_thing_goes(seed):
    assert smoothed(noise(seed, 0.03), ALL, GREY).std() < 0.4 * 0.03


def test_an_outline_of_the_picture_and_a_jump_of_the_depth_stay_sharp():
    left = torch.arange(SHAPE[1]) < 20
    picture = torch.where(left, 0.2, 0.8).expand(3, *SHAPE)
    slight = torch.where(left, 0.0, 0.1).expand(SHAPE).clone()
    assert np.isclose(float(torch.diff(smoothed(slight, ALL, picture), dim=1)[:, 19].mean()), 0.1, atol=0.005)
    jump = torch.where(left, 0.0, 1.0).expand(SHAPE).clone()
    assert np.isclose(float(torch.diff(smoothed(jump, ALL, GREY), dim=1)[:, 19].mean()), 1.0, atol=0.01)


def test_the_sky_has_no_say():
    ground = ALL.clone()
    ground[:10] = False
    depth = torch.where(ground, 1.0, 1.1)
    assert torch.allclose(smoothed(depth, ground, GREY), depth, atol=1e-5)
