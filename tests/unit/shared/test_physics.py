"""What a rig lets through: its bounds hold, a possible move is left alone, and what gives way is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip.physics import RIGS, Limits, _banded_solver, constrain, excess, project
from dollygrip.rotations import angle_between, matrix_from_rotvec
from dollygrip.trajectory import Trajectory

FPS = 24.0
RIG = st.sampled_from(sorted(RIGS))


def move(frames: int, seed: int, vigour: float, depth: float = 3.0) -> Trajectory:
    """A smooth random move and turn with some jitter; vigour 1 is about a scene depth and a radian."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, frames)[:, None]
    waves = sum(np.sin(np.pi * k * t + rng.uniform(0, 6, 6)) * rng.normal(0, 1 / k, 6) for k in (1, 2, 3))
    values = vigour * (waves + rng.normal(0, 0.002, (frames, 6)))
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, 3] = depth * values[:, :3]
    c2w[:, :3, :3] = matrix_from_rotvec(values[:, 3:])
    return Trajectory(c2w, np.tile([500.0, 500, 320, 180], (frames, 1)), (640, 360), FPS, depth)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(RIG, st.integers(1, 90), st.integers(0, 99), st.sampled_from([0.01, 0.2, 1.0]))
def test_the_bounds_hold_and_hold_again(name, frames, seed, vigour):
    """Within every limit afterwards; frame 0 and the lens stay; the second time nothing changes, bit for bit."""
    rig, before = RIGS[name], move(frames, seed, vigour)
    after, said = constrain(before, rig)
    assert excess(after, rig) == {}
    assert np.allclose(after.c2w[0], before.c2w[0], atol=1e-9)
    assert np.array_equal(after.intrinsics, before.intrinsics) and len(after) == len(before)
    assert bool(said) == bool(excess(before, rig))
    again, nothing = constrain(after, rig)
    assert np.array_equal(again.c2w, after.c2w) and nothing == []


def test_room_is_left_for_a_fit_of_curves():
    """Of accelerations and jerks a share is used, never of the speed; what is said is about the support itself."""
    before = move(73, 5, 1.0)
    said = [constrain(before, RIGS["dolly"], share)[1][0] for share in (1.0, 0.6)]
    assert said[0] == said[1]
    over = excess(constrain(before, RIGS["dolly"], 0.6)[0], RIGS["dolly"])
    assert over == {}
    values = np.cumsum(np.ones((97, 1)), 0) * 0.9 / FPS
    assert project(values, Limits(1.0, 0.1, 0.1), FPS) is values, "an even move needs none"


@pytest.mark.parametrize("name", ["dolly", "crane", "steadicam", "handheld", "drone", "car"])
def test_the_end_is_kept_where_it_can_be_reached(name):
    """A sudden half-way jump becomes an ease to the very same end pose."""
    rig, frames = RIGS[name], 97
    share = np.repeat([0.0, 1.0], [48, 49])[:, None]
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, 3] = 2.0 * share * [0.2, 0, 0.3]
    c2w[:, :3, :3] = matrix_from_rotvec(share * [0.2, 0.5, 0.1])
    before = Trajectory(c2w, np.tile([500.0, 500, 320, 180], (frames, 1)), (640, 360), FPS, 2.0)
    after, said = constrain(before, rig)
    assert excess(before, rig) and said
    assert np.linalg.norm(after.positions[-1] - before.positions[-1]) < 1e-9
    assert np.degrees(angle_between(after.rotations[-1], before.rotations[-1])) < 0.05
    assert not any("end could not" in line for line in said)


def test_a_tripod_does_not_travel_but_pans():
    before = move(81, 3, 0.3)
    after, said = constrain(before, RIGS["tripod"])
    assert np.ptp(after.positions, axis=0).max() < 1e-12
    assert np.degrees(angle_between(after.rotations[0], after.rotations[-1])) > 5
    assert any("end could not be reached" in line for line in said)


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        (9.27e-5, "0.093 mm"),
        (0.00346, "3.5 mm"),
        (0.0346, "3.5 cm"),
        (3.4567, "3.5 m"),
        (123.4, "120 m"),
        (0.0, "0 mm"),
    ],
)
def test_lengths_are_said_by_two_digits_in_the_unit_that_suits_them(drift, said):
    """Of a camera on a tripod that drifts so far while it turns too fast."""
    t = np.linspace(0, 1, 49)[:, None]
    c2w = np.tile(np.eye(4), (49, 1, 1))
    c2w[:, :3, 3], c2w[:, :3, :3] = drift * t * [1.0, 0, 0], matrix_from_rotvec(2.5 * t * [0, 1.0, 0])
    before = Trajectory(c2w, np.tile([500.0, 500, 320, 180], (49, 1)), (640, 360), FPS, 4.0)
    moved = next(line for line in constrain(before, RIGS["tripod"])[1] if "moved" in line)
    assert moved.startswith(f"The camera moved by up to {said} and ")


def test_a_move_too_far_keeps_its_shape():
    """An arc four times too fast becomes a smaller arc, not a line."""
    t = np.linspace(0, np.pi, 97)
    limits = Limits.of(0.5, 0.5, 0.2)
    arc = np.stack([1 - np.cos(t), np.sin(t)], 1) * 4 * 0.5 * 4 / np.pi
    made = project(arc, limits, FPS)
    height, width = np.ptp(made[:, 1]), np.linalg.norm(made[-1] - made[0])
    assert 0.3 < height / width < 0.6


def test_the_nearest_move_is_found():
    """No possible move near it is nearer to the wish: neither a step toward the wish leads to one nor one aside."""
    rng = np.random.default_rng(0)
    wish = np.cumsum(rng.normal(0, 0.01, (60, 2)), 0) + np.linspace(0, 0.5, 60)[:, None]
    limits = Limits.of(0.5, 0.8, 0.3)
    made = project(wish, limits, FPS)
    t = np.linspace(0, 1, 60)[:, None]
    toward = [share * (wish - made) for share in (0.1, 0.5, 0.9)]
    aside = [0.01 * np.sin(np.pi * k * t) * rng.normal(0, 1, 2) for k in (1, 2, 3, 5, 8, 13, 21) for _ in range(2)]
    others = [project(made + step, limits, FPS) for step in toward + aside]
    assert max(np.abs(other - made).max() for other in others) > 1e-3, "they are other moves"
    assert min(((other - wish) ** 2).sum() for other in others) > 0.9999 * ((made - wish) ** 2).sum()


@pytest.mark.parametrize("count", [4, 63, 64, 65, 200])
def test_the_banded_solver_is_exact(count):
    rng = np.random.default_rng(count)
    weight, strength = rng.uniform(0.5, 2, count), {1: 0.7, 2: 3.0, 3: 11.0}
    matrix = np.diag(weight)
    for k, s in strength.items():
        d = np.diff(np.eye(count), k, axis=0)
        matrix += s * d.T @ d
    rhs = rng.normal(size=(count, 3))
    assert np.allclose(matrix @ _banded_solver(weight, strength)(rhs), rhs, atol=1e-9)


def test_limits_grow_with_depth_and_reject_negatives():
    before = move(60, 1, 0.2)
    scaled = before.placed(before.c2w[0], 7.0)
    one, seven = (constrain(each, RIGS["dolly"])[0] for each in (before, scaled))
    ratio = (seven.positions - seven.positions[0]) / 7
    assert np.abs(ratio - (one.positions - one.positions[0])).max() < 1e-6
    with pytest.raises(InputError, match="negative"):
        project(np.zeros((5, 1)), Limits(-1.0, 1.0, 1.0), FPS)
