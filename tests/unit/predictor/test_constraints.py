"""Constraints are met exactly whatever the network says, and bad ones are named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip_backend.predictor import Constraints, Keyframe
from dollygrip_backend.predictor.constraints import spread
from dollygrip_backend.predictor.level import UPRIGHT
from dollygrip_backend.predictor.pacing import pace
from dollygrip_backend.predictor.plan import read_plan

FRAMES = 81
STEADY = pace(read_plan("dolly_in"))
small = st.floats(-0.8, 0.8)
vectors = st.tuples(small, small, small).map(np.array)


@given(st.dictionaries(st.integers(1, FRAMES - 1), st.tuples(vectors, vectors), min_size=1, max_size=4), st.data())
@settings(deadline=None)
def test_keyframes_are_met(keys, data):
    scale = data.draw(st.floats(0.2, 30))
    constraints = Constraints(
        tuple(Keyframe(frame, p * scale, matrix_from_rotvec(r[None])[0]) for frame, (p, r) in keys.items())
    )
    constraints.check(FRAMES, scale)
    drawn = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (FRAMES, 7)), 0)
    c2w, _ = UPRIGHT.poses(constraints.met(drawn - drawn[0], scale, STEADY))
    assert np.allclose(c2w[0], np.eye(4))
    for frame, (p, r) in keys.items():
        np.testing.assert_allclose(c2w[frame, :3, 3], p, atol=1e-9)
        np.testing.assert_allclose(c2w[frame, :3, :3], matrix_from_rotvec(r[None])[0], atol=1e-9)


def test_a_path_is_walked_from_end_to_end():
    t = np.linspace(0, 1, 400)
    path = np.stack([np.sin(3 * t), -0.2 * t, 2 * t], 1)
    constraints = Constraints(path=path)
    constraints.check(FRAMES, 1.0)
    met = constraints.met(np.zeros((FRAMES, 7)), 1.0, STEADY)[:, :3]
    np.testing.assert_allclose(met[[0, -1]], path[[0, -1]], atol=1e-9)
    away = np.linalg.norm(met[:, None] - path[None], axis=-1).min(1)
    assert away.max() < 0.01
    assert np.all(np.diff(met[:, 2]) > 0)


@given(st.lists(st.integers(1, 80), min_size=1, max_size=5, unique=True))
def test_a_correction_starts_at_zero_passes_its_offsets_and_rests_after_the_last(at):
    at = np.sort(np.array(at))
    offsets = np.random.default_rng(1).normal(0, 1, (len(at), 2))
    curve = spread(at, offsets, FRAMES)
    np.testing.assert_allclose(curve[at], offsets, atol=1e-12)
    assert np.all(curve[0] == 0)
    np.testing.assert_allclose(curve[at[-1] :], np.broadcast_to(offsets[-1], (FRAMES - at[-1], 2)), atol=1e-12)


@pytest.mark.parametrize(
    ("constraints", "says"),
    [
        (Constraints((Keyframe(0, np.zeros(3)),)), "frame 0 of 81"),
        (Constraints((Keyframe(81, np.zeros(3)),)), "frame 81 of 81"),
        (Constraints((Keyframe(5, np.zeros(3)), Keyframe(5, np.ones(3)))), "Two keyframes are at frame 5"),
        (Constraints((Keyframe(5, np.array([0, np.nan, 0])),)), "no finite position"),
        (Constraints((Keyframe(5, np.zeros(3), np.ones((3, 3))),)), "rotation that is none"),
        (Constraints((Keyframe(5, np.zeros(3), np.diag([-1.0, 1, 1])),)), "mirrored"),
        (Constraints(path=np.zeros((1, 3))), "at least two"),
        (Constraints(path=np.zeros((5, 3))), "no length"),
        (Constraints(path=np.array([[1.0, 0, 0], [2, 0, 0]])), "begins 1 away"),
    ],
)
def test_bad_constraints_are_named(constraints, says):
    with pytest.raises(InputError, match=says):
        constraints.check(81, 2.0)
