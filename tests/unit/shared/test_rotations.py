import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import rotations

from dollygrip.rotations import (
    angle_between,
    continuous_quaternions,
    euler_xyz_from_matrix,
    matrix_from_euler_xyz,
    matrix_from_quaternion,
    matrix_from_rotvec,
    quaternion_from_matrix,
    rotvec_from_matrix,
)


@given(rotations())
def test_every_representation_gives_the_matrix_back(r):
    for there, back in (
        (quaternion_from_matrix, matrix_from_quaternion),
        (rotvec_from_matrix, matrix_from_rotvec),
        (euler_xyz_from_matrix, matrix_from_euler_xyz),
    ):
        assert np.allclose(back(there(r)), r, atol=1e-9)


@given(rotations(count=40))
def test_neighbouring_quaternions_lie_in_one_hemisphere(r):
    q = continuous_quaternions(quaternion_from_matrix(r))
    assert np.all(np.sum(q[1:] * q[:-1], 1) >= 0)
    assert np.allclose(matrix_from_quaternion(q), r, atol=1e-9)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.5, 6))
def test_euler_angles_do_not_flip_on_a_smooth_turn(tilt, pan, turns):
    """Two full pans in small steps: no angle jumps, and the pan channel keeps counting beyond half a turn."""
    steps = np.linspace(0, turns, 400)
    euler = np.stack([np.full(400, np.pi / 2 + 0.2 * np.sin(tilt)), np.zeros(400), pan + steps], 1)
    found = euler_xyz_from_matrix(matrix_from_euler_xyz(euler))
    assert np.abs(np.diff(found, axis=0)).max() < 0.05
    assert abs(found[-1, 2] - found[0, 2] - turns) < 1e-6


@pytest.mark.parametrize("sign", [1, -1])
def test_euler_angles_at_gimbal_lock_still_give_the_rotation(sign):
    euler = np.stack([[0.3, sign * np.pi / 2, z] for z in np.linspace(0, 1, 5)])
    r = matrix_from_euler_xyz(euler)
    assert np.allclose(matrix_from_euler_xyz(euler_xyz_from_matrix(r)), r, atol=1e-9)


@given(st.floats(1e-9, 3.1))
def test_angle_between_is_exact_for_tiny_and_large_angles(angle):
    turned = matrix_from_rotvec(np.array([[0.0, angle, 0.0]]))
    assert angle_between(np.eye(3)[None], turned)[0] == pytest.approx(angle, rel=1e-6)
