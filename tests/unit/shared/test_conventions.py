import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import rotations

from dollygrip.conventions import (
    Sensor,
    blender_from_c2w,
    c2w_from_blender,
    intrinsics_from_lens,
    lens_from_intrinsics,
)
from dollygrip.errors import TrajectoryError

sensors = st.builds(
    Sensor,
    size=st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
    width=st.floats(5, 70),
    height=st.floats(5, 70),
    fit=st.sampled_from(["AUTO", "HORIZONTAL", "VERTICAL"]),
    aspect=st.tuples(st.floats(1, 2), st.floats(1, 2)),
)


@given(rotations(), st.floats(1e-3, 1e3))
def test_axes_and_units_convert_there_and_back(r, unit_scale):
    c2w = np.tile(np.eye(4), (len(r), 1, 1))
    c2w[:, :3, :3], c2w[:, :3, 3] = r, np.arange(len(r))[:, None] + [1.0, -2.0, 3.0]
    assert np.allclose(c2w_from_blender(blender_from_c2w(c2w, unit_scale), unit_scale), c2w, atol=1e-9)


def test_a_level_blender_camera_looks_forward_with_gravity_down():
    """Blender's camera rotated 90 degrees about X stands upright and looks along Blender's +Y."""
    level = np.eye(4)
    level[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    level[:3, 3] = [10, 20, 30]
    c2w = c2w_from_blender(level[None])[0]
    assert np.allclose(c2w[:3, :3], np.eye(3))
    assert np.allclose(c2w[:3, 3], [10, -30, 20])  # Blender's height is -y, its +Y is z


@given(rotations(count=4), st.floats(0.01, 50))
def test_a_scaled_parent_does_not_change_what_the_camera_sees(r, scale):
    world = np.tile(np.eye(4), (4, 1, 1))
    world[:, :3, :3] = r
    scaled = world.copy()
    scaled[:, :3, :3] *= scale
    assert np.allclose(c2w_from_blender(scaled), c2w_from_blender(world), atol=1e-9)


@given(sensors, st.floats(8, 400), st.floats(-1, 1), st.floats(-1, 1))
def test_lens_and_shift_come_back(sensor, lens, shift_x, shift_y):
    shift = np.array([[shift_x, shift_y]])
    intrinsics = intrinsics_from_lens(np.array([lens]), shift, sensor)
    found_lens, found_shift = lens_from_intrinsics(intrinsics, sensor)
    assert found_lens[0] == pytest.approx(lens, rel=1e-9)
    assert np.allclose(found_shift, shift, atol=1e-9)


def test_a_pixel_aspect_that_the_scene_lacks_is_refused():
    mixed = np.array([[500.0, 500.0, 320, 180]] * 2 + [[600.0, 500.0, 320, 180]])
    with pytest.raises(TrajectoryError, match=r"frame 2 have the aspect 1\.2000, the scene's 1\.0000"):
        lens_from_intrinsics(mixed, Sensor((640, 360)))
