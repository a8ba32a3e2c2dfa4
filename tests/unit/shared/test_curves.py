from math import radians

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import smooth_trajectories

from dollygrip.curves import evaluate, fit_channels
from dollygrip.rotations import (
    angle_between,
    continuous_quaternions,
    euler_xyz_from_matrix,
    matrix_from_euler_xyz,
    matrix_from_quaternion,
    quaternion_from_matrix,
)


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


@given(smooth_trajectories(min_frames=10), st.sampled_from([0.0005, 0.002]))
def test_smooth_curves_keep_the_bounds_and_their_acceleration_does_not_jump(trajectory, tolerance):
    location, euler = trajectory.positions, euler_xyz_from_matrix(trajectory.rotations)
    still, bound = np.ones(len(location)), tolerance * trajectory.scene_depth
    shift = np.zeros((len(location), 2))
    fitted = fit_channels(location, euler, still, shift, 0, bound, radians(0.05), smooth=True)
    frames = np.arange(len(location))
    assert np.linalg.norm(played(fitted, "location", 3, frames) - location, axis=1).max() <= bound * 1.001
    turned = matrix_from_euler_xyz(played(fitted, "rotation_euler", 3, frames))
    assert angle_between(turned, trajectory.rotations).max() <= radians(0.05) * 1.02
    for keys in fitted.values():
        at, h = keys.frames[1:-1], 0.05
        sides = [[evaluate(keys, at + side * i * h) for i in range(4)] for side in (-1, 1)]
        before, after = ((2 * v[0] - 5 * v[1] + 4 * v[2] - v[3]) / h**2 for v in sides)  # exact for a cubic
        assert np.allclose(before, after, atol=1e-6 * (1 + np.abs(keys.values).max()))


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


@given(smooth_trajectories(), st.sampled_from([0.0005, 0.002, 0.05]), st.sampled_from([0.02, 0.15, 3.0]))
def test_bounds_hold_for_eulers_and_quaternions(trajectory, share, degrees):
    location, turned, bound = trajectory.positions, trajectory.rotations, share * trajectory.scene_depth
    still, frames = np.zeros((len(location), 2)), np.arange(len(location))
    for name, rotation in (
        ("rotation_euler", euler_xyz_from_matrix(turned)),
        ("rotation_quaternion", continuous_quaternions(quaternion_from_matrix(turned))),
    ):
        fitted = fit_channels(location, rotation, 35 + still[:, 0], still, 0, bound, radians(degrees))
        values = played(fitted, name, rotation.shape[1], frames)
        if name == "rotation_euler":
            seen = matrix_from_euler_xyz(values)
        else:
            seen = matrix_from_quaternion(values / np.linalg.norm(values, axis=1, keepdims=True))
        assert angle_between(seen, turned).max() <= radians(degrees)
        assert np.linalg.norm(played(fitted, "location", 3, frames) - location, axis=1).max() <= bound


@given(smooth_trajectories(min_frames=10))
def test_handles_are_aligned_a_third_long_and_never_overshoot(trajectory):
    """Both handles of a key lie on one line; between two keys a curve goes one way where the camera does."""
    location, euler = trajectory.positions, euler_xyz_from_matrix(trajectory.rotations)
    still = np.zeros((len(location), 2))
    fitted = fit_channels(location, euler, 35 + still[:, 0], still, 0, 0.002 * trajectory.scene_depth)
    dense = dict(zip(fitted, np.concatenate([location, euler], 1).T, strict=False))
    shared = [fitted[channel].frames for channel in dense if len(fitted[channel].frames) > 1]
    assert all(np.array_equal(frames, shared[0]) for frames in shared)
    for channel, samples in dense.items():
        keys = fitted[channel]
        before, after = keys.frames - keys.left[:, 0], keys.right[:, 0] - keys.frames
        slopes = (keys.values - keys.left[:, 1]) / before, (keys.right[:, 1] - keys.values) / after
        assert np.allclose(*slopes, atol=1e-9)
        if len(keys.frames) == 1:
            continue
        assert np.allclose(after[:-1], np.diff(keys.frames) / 3) and np.allclose(before[1:], np.diff(keys.frames) / 3)
        for a, b in zip(keys.frames[:-1].astype(int), keys.frames[1:].astype(int), strict=True):
            steps = np.diff(samples[a : b + 1])
            if np.all(steps >= 0) or np.all(steps <= 0):
                fine = np.diff(evaluate(keys, np.linspace(a, b, 50))) * np.sign(steps.sum())
                assert fine.min() >= -1e-12 * max(1, np.abs(samples).max())


def test_a_hold_is_level_and_begins_and_ends_with_a_key():
    ease = np.linspace(0, 1, 31) ** 2 * (3 - 2 * np.linspace(0, 1, 31))
    there = np.concatenate([ease, np.ones(30), 1 + ease])
    location = there[:, None] * [1.0, 0.5, 0.0]
    fitted = fit_channels(location, 0 * location, np.full(len(there), 35.0), 0 * location[:, :2], 0, 0.002)
    for channel in (("location", 0), ("location", 1)):
        keys = fitted[channel]
        inside = (keys.frames >= 29) & (keys.frames <= 62)
        assert len(keys.frames) == 4 and inside.sum() == 2
        assert np.array_equal(keys.left[inside, 1], keys.values[inside])
        assert np.array_equal(keys.right[inside, 1], keys.values[inside])


def test_one_frame_is_one_key():
    fitted = fit_channels(np.ones((1, 3)), np.zeros((1, 3)), np.array([50.0]), np.zeros((1, 2)), 7, 0.01)
    assert [list(keys.frames) for keys in fitted.values()] == [[7.0]] * 9
