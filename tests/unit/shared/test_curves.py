from math import radians

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import smooth_trajectories

from dollygrip.curves import evaluate, fit_channels
from dollygrip.rotations import angle_between, euler_xyz_from_matrix, matrix_from_euler_xyz


def played(fitted, name: str, count: int, frames: np.ndarray) -> np.ndarray:
    return np.stack([evaluate(fitted[name, i], frames) for i in range(count)], 1)


@given(smooth_trajectories(), st.integers(-50, 1000), st.sampled_from([0.002, 0.02]))
def test_the_curves_stay_within_the_bounds_at_every_frame(trajectory, start, tolerance):
    location, euler = trajectory.positions, euler_xyz_from_matrix(trajectory.rotations)
    lens, bound = trajectory.intrinsics[:, 0], tolerance * trajectory.scene_depth
    fitted = fit_channels(location, euler, lens, np.zeros((len(location), 2)), start, bound)
    frames = start + np.arange(len(location))
    assert np.linalg.norm(played(fitted, "location", 3, frames) - location, axis=1).max() <= bound * 1.001
    turned = matrix_from_euler_xyz(played(fitted, "rotation_euler", 3, frames))
    assert angle_between(turned, trajectory.rotations).max() <= radians(0.15) * 1.02
    assert np.abs(evaluate(fitted["lens", 0], frames) / lens - 1).max() <= 0.00201


@given(smooth_trajectories(min_frames=10))
def test_keys_lie_on_the_camera_and_first_and_last_frames_are_keys(trajectory):
    location, euler = trajectory.positions, euler_xyz_from_matrix(trajectory.rotations)
    shift = np.zeros((len(location), 2))
    fitted = fit_channels(location, euler, trajectory.intrinsics[:, 0], shift, 1, 0.002 * trajectory.scene_depth)
    keys = fitted["location", 0]
    if len(keys.frames) > 1:
        assert keys.frames[0] == 1 and keys.frames[-1] == len(location)
    assert np.allclose(keys.values, location[keys.frames.astype(int) - 1, 0], atol=1e-12)
    assert np.all(np.diff(keys.frames) > 0)


def test_an_eased_dolly_needs_few_keys_and_still_channels_one():
    s = np.linspace(0, 1, 81)
    eased = s**3 * (10 - 15 * s + 6 * s * s)
    location = np.stack([np.zeros(81), eased, np.full(81, 1.6)], 1)
    fitted = fit_channels(location, np.zeros((81, 3)), np.full(81, 35.0), np.zeros((81, 2)), 1, 0.002)
    assert len(fitted["location", 1].frames) <= 5
    for still in (("location", 0), ("location", 2), ("rotation_euler", 1), ("lens", 0), ("shift_x", 0)):
        assert len(fitted[still].frames) == 1


def test_jitter_is_followed_key_by_key_rather_than_smoothed_away():
    location = np.random.default_rng(3).normal(size=(60, 3))
    fitted = fit_channels(location, np.zeros((60, 3)), np.full(60, 35.0), np.zeros((60, 2)), 0, 1e-4)
    assert np.linalg.norm(played(fitted, "location", 3, np.arange(60)) - location, axis=1).max() <= 1e-4


def test_one_frame_is_one_key():
    fitted = fit_channels(np.ones((1, 3)), np.zeros((1, 3)), np.array([50.0]), np.zeros((1, 2)), 7, 0.01)
    assert [list(keys.frames) for keys in fitted.values()] == [[7.0]] * 9
