"""Joins: value and velocity at every knot whatever comes in, nothing added where nothing is amiss, no leap between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.keyframes import fit_between
from dollygrip.rotations import angle_between, matrix_from_rotvec, rotvec_from_matrix
from dollygrip.splice import Knot, correction, splice, splice_values
from dollygrip.splines import cubic_spline

SEEDS = st.integers(0, 2**32 - 1)
FRAMES = st.integers(30, 200)


def moves(seed: int, frames: int, size: float = 1.0) -> np.ndarray:
    """Smooth random rigid poses (T, 4, 4) a fortieth of a turn apart at most."""
    rng = np.random.default_rng(seed)
    at = np.linspace(0, 4, frames)
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, :3, 3] = cubic_spline(rng.normal(scale=size, size=(5, 3)), at)
    poses[:, :3, :3] = matrix_from_rotvec(cubic_spline(rng.normal(scale=0.4, size=(5, 3)), at))
    return poses


def pose(rng: np.random.Generator, turn: float) -> np.ndarray:
    out = np.eye(4)
    out[:3, :3] = matrix_from_rotvec(rng.normal(scale=turn, size=3))
    out[:3, 3] = rng.normal(size=3)
    return out


def rates(poses: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Velocity and spin at a frame, by one-sided differences of third order into the part."""
    step = 1 if frame < len(poses) / 2 else -1
    near = poses[[frame + step * i for i in range(4)]]
    weights = step * np.array([-11, 18, -9, 2]) / 6
    return weights @ near[:, :3, 3], weights @ rotvec_from_matrix(near[0, :3, :3].T @ near[:, :3, :3])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEEDS, FRAMES, st.sampled_from([0.05, 0.6, 1.5]), st.sampled_from([0.2, 1.0]))
def test_both_borders_are_met_in_value_and_velocity(seed, frames, turn, ease):
    """Sampled so densely that differences of third order tell velocities to a thousandth."""
    rng = np.random.default_rng(seed)
    dense, speed = 20 * frames, 0.1 / frames
    knots = [
        Knot(f, pose(rng, turn), rng.normal(scale=speed, size=3), rng.normal(scale=speed, size=3))
        for f in (0, dense - 1)
    ]
    out = splice(moves(seed, dense), knots, ease * dense)
    for knot in knots:
        assert np.allclose(out[knot.frame], knot.pose, atol=1e-9)
        velocity, spin = rates(out, knot.frame)
        assert np.abs(velocity - knot.velocity).max() < 0.01 * speed
        assert np.abs(spin - knot.spin).max() < 0.01 * speed
    assert np.allclose(np.swapaxes(out[:, :3, :3], 1, 2) @ out[:, :3, :3], np.eye(3), atol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, FRAMES, st.integers(1, 4))
def test_poses_between_are_met_and_an_exact_part_is_left_alone(seed, frames, count):
    rng = np.random.default_rng(seed)
    part = moves(seed, frames)
    at = sorted({0, frames - 1, *rng.integers(1, frames - 1, count).tolist()})
    out = splice(part, [Knot(f, pose(rng, 0.7)) if f else Knot(0, part[0]) for f in at], 20)
    other = splice(part, [Knot(f, part[f]) for f in at], 20)
    assert np.allclose(other, part, atol=1e-9)
    rng = np.random.default_rng(seed)
    rng.integers(1, frames - 1, count)
    for f in at[1:]:
        assert np.allclose(out[f], pose(rng, 0.7), atol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, FRAMES)
def test_a_free_end_keeps_the_move_as_a_whole(seed, frames):
    """Only the start is given: the part is moved rigidly, and a velocity dies away without bending the rest."""
    rng = np.random.default_rng(seed)
    part, start = moves(seed, frames), pose(rng, 1.0)
    moved = splice(part, [Knot(0, start)], 10)
    assert np.allclose(moved, start @ np.linalg.inv(part[0]) @ part, atol=1e-9)
    velocity = rng.normal(scale=0.01, size=3)
    late = splice(part, [Knot(0, start, velocity, np.zeros(3))], 10)
    steps, wanted = (np.diff(poses[12:, :3, 3], axis=0) for poses in (late, moved))
    assert np.allclose(steps, wanted, atol=1e-9)
    own = np.gradient(moved[:, :3, 3], axis=0, edge_order=2)[0]
    assert np.allclose(late[-1, :3, 3] - moved[-1, :3, 3], 10 / 2 * (velocity - own), atol=1e-9), "it coasts"


def test_the_correction_is_smooth_at_its_knots():
    """Value, slope and second derivative from both sides of every knot agree."""
    rng = np.random.default_rng(4)
    at, fine = [0, 400, 1000], 1200
    offsets = np.concatenate([np.zeros((1, 2)), rng.normal(size=(2, 2))])
    slopes = [rng.normal(scale=0.01, size=2), None, rng.normal(scale=0.01, size=2)]
    curve = correction(at, offsets, slopes, fine, 150)
    first, second = np.diff(curve, axis=0), np.diff(curve, 2, axis=0)
    assert np.allclose(curve[at], offsets)
    assert np.allclose(first[0], slopes[0], rtol=0.01) and np.allclose(first[999], slopes[2], rtol=0.02)
    assert np.abs(np.diff(second, axis=0)).max() < 0.1 * np.abs(second).max(), "no step in the second derivative"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, FRAMES)
def test_values_such_as_the_lens_are_joined_alike(seed, frames):
    rng = np.random.default_rng(seed)
    values = cubic_spline(rng.normal(size=(5, 1)), np.linspace(0, 4, frames))
    wanted, slopes = np.array([values[0], rng.normal(size=1)]), [np.zeros(1), rng.normal(scale=0.1, size=1)]
    out = splice_values(values, (0, frames - 1), wanted, slopes, frames)
    assert np.allclose(out[[0, -1]], wanted)
    weights = np.array([-11, 18, -9, 2]) / 6
    assert weights @ out[:4] == pytest.approx(slopes[0], abs=0.05)
    assert -weights @ out[:-5:-1] == pytest.approx(slopes[1], abs=0.05)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, st.integers(2, 200), st.sampled_from([1e-3, 0.02, 0.3]))
def test_the_fit_keeps_its_bound_its_ends_and_what_is_fixed(seed, frames, tolerance):
    rng = np.random.default_rng(seed)
    values = cubic_spline(rng.normal(size=(4, 3)), np.linspace(0, 3, frames))
    slopes = rng.normal(scale=3 / frames, size=3), None
    fixed = [frames // 2]

    def violation(fit, true):
        return np.linalg.norm(fit - true, axis=1) / tolerance

    keys, found = fit_between(values, slopes, violation, fixed)
    assert keys[0] == 0 and keys[-1] == frames - 1 and frames // 2 in keys and (np.diff(keys) > 0).all()
    assert np.array_equal(found[0], slopes[0])
    fit = np.empty_like(values)
    for a, b, left, right in zip(keys[:-1], keys[1:], found[:-1], found[1:], strict=True):
        u = np.linspace(0, 1, b - a + 1)[:, None]
        fit[a : b + 1] = (
            values[a] * (1 - u) ** 2 * (1 + 2 * u)
            + values[b] * u * u * (3 - 2 * u)
            + (b - a) * u * (1 - u) * (left * (1 - u) - right * u)
        )
    assert violation(fit, values).max() <= 1 + 1e-6


def test_a_smooth_part_needs_few_keys():
    part = moves(3, 81)
    values = np.concatenate([part[:, :3, 3], rotvec_from_matrix(part[:, :3, :3])], 1)
    keys, _ = fit_between(values, (None, None), lambda fit, true: np.abs(fit - true).max(1) / 0.01)
    assert len(keys) <= 10


def test_rotations_are_corrected_the_short_way():
    """A border that differs by a little less than half a turn is reached without a detour."""
    part = np.tile(np.eye(4), (101, 1, 1))
    end = np.eye(4)
    end[:3, :3] = matrix_from_rotvec([0, 3.0, 0])
    out = splice(part, [Knot(0, np.eye(4)), Knot(100, end)], 30)
    steps = angle_between(out[:-1, :3, :3], out[1:, :3, :3])
    assert steps.sum() == pytest.approx(3.0, abs=1e-6)
