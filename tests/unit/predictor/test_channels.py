"""Channels against poses: the one conversion between what the network writes and what Blender shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dollygrip_backend.predictor.channels import (
    KNOTS,
    angles_of_rotation,
    ending_at,
    low_pass,
    onward,
    resample,
    resting,
    rotation_of_angles,
)
from dollygrip_backend.predictor.level import UPRIGHT

angles = st.lists(st.tuples(st.floats(-3, 3), st.floats(-1.4, 1.4), st.floats(-3, 3)), min_size=1, max_size=5)


@given(angles)
def test_angles_survive_the_matrix(values):
    there = rotation_of_angles(np.array(values))
    back = rotation_of_angles(angles_of_rotation(there))
    np.testing.assert_allclose(back, there, atol=1e-9)


def test_axes_mean_what_the_crew_says():
    def forward(yaw=0.0, pitch=0.0, roll=0.0):
        return rotation_of_angles(np.array([[yaw, pitch, roll]]))[0]

    assert forward(yaw=0.3)[0, 2] > 0  # a pan right looks to +x
    assert forward(pitch=0.3)[1, 2] < 0  # a tilt up looks to -y, y is down
    assert forward(roll=0.3)[1, 0] > 0  # rolled clockwise, the camera's right side points down
    assert np.allclose(forward(yaw=0.4, pitch=0.5)[1, 0], 0)  # pan after tilt keeps the horizon level


def test_full_turns_are_kept_apart_by_the_channels():
    channels = np.zeros((64, 7))
    channels[:, 3] = np.linspace(0, 4 * np.pi, 64)
    c2w, ratio = UPRIGHT.poses(resample(channels, 400))
    steps = np.unwrap(np.arctan2(c2w[:, 0, 2], c2w[:, 2, 2]))
    assert abs(steps[-1] - 4 * np.pi) < 1e-6 and np.all(ratio == 1)


def test_the_low_pass_keeps_moves_and_sways_and_removes_jitter():
    time = np.linspace(0, 1, 64)[:, None]
    move = time**3 * (10 - 15 * time + 6 * time**2) + 0.2 * (1 - np.cos(2 * np.pi * 7 * time))
    jitter = np.random.default_rng(0).normal(0, 0.01, (64, 1))
    np.testing.assert_allclose(low_pass(64, KNOTS) @ move, move, atol=0.03)
    rough = np.abs(np.diff(jitter, 3, axis=0)).mean()
    assert np.abs(np.diff(low_pass(64, KNOTS) @ jitter, 3, axis=0)).mean() < 0.4 * rough


def test_resampling_is_exact_at_the_samples_and_reaches_the_end():
    channels = np.cumsum(np.random.default_rng(0).normal(0, 0.02, (64, 7)), 0)
    channels -= channels[0]
    np.testing.assert_allclose(resample(channels, 127)[::2], channels, atol=1e-12)
    assert resample(channels, 1).shape == (1, 7) and np.all(resample(channels, 1) == 0)


@given(st.integers(0, 2**31))
def test_a_corrected_take_ends_where_it_should_and_rests_where_it_rested(seed):
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, 64)[:, None]
    clean = np.clip(3 * time - 1, 0, 1) * rng.normal(0, 1, 7)  # moves in the middle third only
    end = clean[-1] + rng.normal(0, 0.05, 7)
    out = ending_at(clean, end)
    np.testing.assert_allclose(out[-1], end, atol=1e-9)
    assert np.all(out[:21] == clean[:21]) and np.allclose(np.diff(out[44:], axis=0), 0, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_a_take_lies_still_where_its_storyboard_rests_and_moves_where_that_moves(seed):
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, 64)[:, None]
    size = rng.choice([-1, 1], 7) * rng.uniform(0.5, 2, 7)
    storyboard = np.clip(3 * time - 1, 0, 1) * size  # moves in the middle third only
    stir = 0.012 * np.abs(size) * np.sin(40 * time + rng.uniform(0, 6, 7))
    out = resting(storyboard + stir, storyboard)
    at_rest = np.r_[0:15, 49:64]
    np.testing.assert_allclose(out[at_rest], storyboard[at_rest], atol=1e-12)
    np.testing.assert_array_equal(out[22:42], (storyboard + stir)[22:42])
    late = storyboard + 0.1 * size  # no stir: it has not arrived yet
    np.testing.assert_array_equal(resting(late, storyboard), late)


@given(st.integers(0, 2**32 - 1))
def test_what_goes_one_way_never_goes_back_and_the_rest_is_left_alone(seed):
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, 64)[:, None]
    storyboard = time * rng.choice([-1, 1], 7)
    storyboard[:, 2] = np.sin(np.pi * time[:, 0])  # there and back
    storyboard[:, 4] = 0
    channels = storyboard + np.cumsum(rng.normal(0, 0.05, (64, 7)), 0)
    out = onward(channels, storyboard)
    one_way = [0, 1, 3, 5, 6]
    assert np.all(np.diff(out[:, one_way], axis=0) * storyboard[-1, one_way] >= -1e-12)
    np.testing.assert_allclose(out[:, [2, 4]], channels[:, [2, 4]], atol=1e-12)
