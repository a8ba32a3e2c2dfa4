"""A camera that looks up or down, or stands aslant, pans, orbits and rises by the vertical, as on a tripod."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip_backend.predictor import Constraints, Keyframe
from dollygrip_backend.predictor.level import UPRIGHT, Level

PICTURE, DEPTH = np.full((72, 128, 3), 128, np.uint8), np.full((72, 128), 5.0)
levels = st.builds(Level, st.floats(-1.1, 1.1), st.floats(-1.5, 1.5))
TILTED = [Level(-0.45, 0.0), Level(0.5, 0.15)]


def sky(level: Level) -> tuple[float, ...]:
    return tuple(level.matrix.T @ [0, -1, 0])


def taken(shipped, prompt: str, level: Level, **options):
    """Rotations (T, 3, 3) and positions (T, 3) of a take along level axes."""
    [take] = shipped(PICTURE, prompt, depth=DEPTH, view_degrees=50.0, up=sky(level), **options)
    assert np.allclose(take.c2w[0], np.eye(4), atol=1e-9), "frame 0 is the reference"
    return level.matrix @ take.rotations, take.positions @ level.matrix.T


@given(levels)
def test_it_is_known_by_where_the_sky_is(level):
    assert np.allclose(Level.of(3 * np.array(sky(level))).angles, level.angles, atol=1e-9)


@given(levels, st.tuples(*[st.floats(-0.6, 0.6)] * 3).map(np.array))
def test_angles_and_rotations_go_both_ways(level, vector):
    rotation = matrix_from_rotvec(vector[None])
    channels = np.concatenate([np.zeros((1, 3)), level.turned(rotation), np.zeros((1, 1))], 1)
    assert np.allclose(level.poses(channels)[0][0, :3, :3], rotation[0], atol=1e-9)


def test_straight_down_its_own_axes_count_as_level():
    assert Level.of([0, 0, -1]) == Level.of([0, -1, 0]) == UPRIGHT


@pytest.mark.parametrize("level", TILTED)
def test_a_pan_keeps_the_horizon_as_it_was(shipped, level):
    rotations, positions = taken(shipped, "pan left 60 degrees", level)
    slant = rotations[:, 1, 0]
    assert np.abs(slant - slant[0]).max() < 0.01 and np.abs(positions).max() < 0.01
    heading = np.degrees(np.arctan2(*rotations[-1, [0, 2], 2]) - np.arctan2(*rotations[0, [0, 2], 2]))
    assert heading == pytest.approx(-60, abs=1)
    assert rotations[-1, 1, 2] == pytest.approx(rotations[0, 1, 2], abs=0.01), "it looks as far down as before"


@pytest.mark.parametrize("level", TILTED)
def test_an_orbit_stays_at_its_height_and_on_its_subject(shipped, level):
    rotations, positions = taken(shipped, "orbit left 90 degrees", level)
    subject = level.matrix @ [0, 0, 5.0]
    to = subject - positions
    cosine = np.einsum("ti,ti->t", to, rotations[:, :, 2]) / np.linalg.norm(to, axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 2
    assert np.abs(positions[:, 1]).max() < 0.02
    assert np.linalg.norm(to[:, [0, 2]], axis=1) == pytest.approx(np.hypot(*subject[[0, 2]]), rel=0.02)


@pytest.mark.parametrize("level", TILTED)
def test_a_crane_rises_straight_up_and_a_push_goes_where_it_looks(shipped, level):
    _, positions = taken(shipped, "crane up 2 metres", level)
    assert positions[-1] == pytest.approx([0, -2, 0], abs=0.05)
    rotations, positions = taken(shipped, "push in 2 metres", level)
    assert positions[-1] == pytest.approx(2 * rotations[0, :, 2], abs=0.1)


@pytest.mark.parametrize("level", TILTED)
def test_keyframes_and_paths_are_met_in_frame_0s_axes(shipped, level):
    turned = matrix_from_rotvec(np.array([[0.1, -0.3, 0.05]]))[0]
    key = Keyframe(48, np.array([0.4, -0.2, 1.0]), turned)
    [take] = shipped(PICTURE, "drift left", depth=DEPTH, up=sky(level), constraints=Constraints((key,)))
    assert np.allclose(take.positions[48], key.position, atol=1e-6)
    assert np.allclose(take.rotations[48], turned, atol=1e-6)
    path = np.linspace(0, 1, 50)[:, None] * [1.0, -0.5, 2.0]
    [take] = shipped(PICTURE, "look ahead", depth=DEPTH, up=sky(level), constraints=Constraints(path=path))
    assert np.allclose(take.positions[-1], path[-1], atol=1e-6)
    ahead = path[-1] / np.linalg.norm(path[-1])
    assert take.rotations[-1, :, 2] @ ahead > 0.9999
    assert abs((level.matrix @ take.rotations[-1])[1, 0]) < 1e-6, "its horizon is level in the end"


def test_a_way_up_that_is_none_is_named(shipped):
    with pytest.raises(InputError, match="no direction"):
        shipped(PICTURE, "push in", up=(0.0, 0.0, 0.0))
