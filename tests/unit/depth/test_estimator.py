"""The estimator's contract, on a tiny untrained network: shapes, errors, crisp edges."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip_backend.scene.depth import DepthEstimator, network_size
from dollygrip_backend.scene.depth_network import STRIDE, DepthNetwork


@pytest.fixture(scope="module")
def tiny() -> DepthEstimator:
    torch.manual_seed(0)
    return DepthEstimator(DepthNetwork(channels=(8, 16, 32), blocks=1, attention=1), Nobody(), Nobody())


@pytest.mark.parametrize("size", [(97, 61), (61, 97), (160, 96), (16, 16), (33, 400), (901, 333)])
def test_depth_fits_an_image_of_any_size(tiny, size):
    width, height = size
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    estimate = tiny.estimate(image)
    assert estimate.depth.shape == (height, width) and estimate.depth.dtype == np.float32
    assert np.isfinite(estimate.depth).any() and estimate.depth.min() > 0
    assert 5 < estimate.view_degrees < 170


def test_the_same_image_gives_the_same_depth(tiny):
    image = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    np.testing.assert_array_equal(tiny.estimate(image).depth, tiny.estimate(image.copy()).depth)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((50, 60), np.uint8),
        np.zeros((50, 60, 4), np.uint8),
        np.zeros((50, 60, 3), np.float32),
        np.zeros((8, 60, 3), np.uint8),
    ],
)
def test_what_is_not_a_colour_image_is_refused_by_its_shape(tiny, image):
    with pytest.raises(InputError, match=rf"{image.shape[1]}|{image.shape[0]}"):
        tiny.estimate(image)


@given(st.integers(16, 6000), st.integers(16, 6000))
def test_the_network_sees_every_image_at_about_one_size(width, height):
    w, h = network_size(width, height)
    assert w % STRIDE == 0 and h % STRIDE == 0
    assert 0.7 * 160 * 96 < w * h < 1.35 * 160 * 96
    if 0.4 < width / height < 2.5:
        assert abs(np.log(w / h) - np.log(width / height)) < 0.2


class Nobody(torch.nn.Module):
    """A face detector that finds none."""

    def find(self, image):
        return []


class Says(torch.nn.Module):
    """A network of one answer: surfaces at 4 m, sky in the upper part of the picture."""

    def __init__(self, sky: float):
        super().__init__()
        self.sky = sky

    def forward(self, picture):
        count, _, height, width = picture.shape
        upper = torch.arange(height) < self.sky * height
        logits = torch.where(upper, 9.0, -9.0)[None, :, None].expand(count, height, width)
        # Of the sky a network says anything.
        log_depth = torch.where(logits > 0, -3.0, float(np.log(4)))
        return log_depth, logits, torch.zeros(count)


@pytest.mark.parametrize("size", [(160, 96), (901, 333)])
@pytest.mark.parametrize("sky", [0.25, 0.75])
def test_the_sky_is_infinitely_far_and_moves_no_surface(sky, size):
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    image[: round(sky * height)] = 200
    depth = DepthEstimator(Says(sky), Nobody(), Nobody()).estimate(image).depth
    horizon = np.isfinite(depth).argmax(0)
    assert np.abs(horizon - sky * height).max() < 0.02 * height
    assert depth[np.isfinite(depth)] == pytest.approx(4, rel=1e-4)


def test_of_a_picture_of_nothing_but_sky_something_is_a_surface():
    depth = DepthEstimator(Says(1.0), Nobody(), Nobody()).estimate(np.full((96, 160, 3), 200, np.uint8)).depth
    assert np.isfinite(depth).any()


class Unsure(torch.nn.Module):
    """A network that gives sky the same odds above, at `above` metres, and below, at 4; between is a surface at 4."""

    def __init__(self, odds: float, above: float):
        super().__init__()
        self.odds, self.above = odds, above

    def forward(self, picture):
        count, _, height, width = picture.shape
        depth, logits = torch.full((height, width), 4.0), torch.full((height, width), -9.0)
        depth[: height // 3], logits[: height // 3] = self.above, self.odds
        logits[2 * height // 3 :] = self.odds  # as near as the rest
        return depth.log().expand(count, -1, -1), logits.expand(count, -1, -1), torch.zeros(count)


@given(odds=st.floats(0.2, 2.7), above=st.floats(66, 80))
def test_with_the_same_odds_the_far_is_sky_and_the_near_a_surface(odds, above):
    image = np.full((96, 160, 3), 90, np.uint8)
    image[:32] = 200
    depth = DepthEstimator(Unsure(odds, above), Nobody(), Nobody()).estimate(image).depth
    assert np.isinf(depth[:28]).all() and depth[36:] == pytest.approx(4, rel=1e-3)


def test_what_is_surely_sky_is_sky_however_near_it_is_put():
    image = np.full((96, 160, 3), 90, np.uint8)
    image[:32] = 200
    assert np.isinf(DepthEstimator(Unsure(3.5, 4.0), Nobody(), Nobody()).estimate(image).depth[:28]).all()
