"""Where a new shot's camera stands before its first take, and what it sees."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import START, add_take, assert_same_view
from mathutils import Matrix

from dollygrip.trajectory import Trajectory


def view(scene, frame: int) -> Trajectory:
    return camera.sample(bpy.context, frame, frame, scene.camera)


def depth_seen(shot: bpy.types.Object, ahead: float) -> bool:
    """Whether what stands so far ahead of a camera is between its clipping planes."""
    to_screen = np.array(shot.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=64, y=36))
    seen = to_screen @ [0.0, 0.0, -ahead, 1.0]
    return abs(seen[2] / seen[3]) < 1


def test_a_new_shot_sees_what_the_one_beside_it_sees_at_the_playhead(scene):
    add_take(scene)
    scene.frame_set(START + 40)
    first, before = scene.camera, view(scene, START + 40)
    bpy.ops.dollygrip.new_shot()
    assert scene.camera != first
    assert_same_view(view(scene, START + 40), before)
    assert_same_view(view(scene, START), before)  # it stands still


def test_a_new_shot_sees_what_the_animator_s_own_camera_sees(scene):
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    scene.collection.objects.link(own)
    scene.camera, own.data.lens, own.data.sensor_fit, own.data.sensor_height = own, 85, "VERTICAL", 20
    own.matrix_world = Matrix.Translation((3, -7, 2)) @ Matrix.Rotation(1.2, 4, "X") @ Matrix.Scale(2, 4)
    before = view(scene, 1)
    bpy.ops.dollygrip.new_shot()
    assert takes.is_camera(scene.camera) and tuple(scene.camera.scale) == (1, 1, 1)
    assert_same_view(view(scene, 1), before)


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_the_first_new_shot_stands_where_its_first_take_begins(ready, unit):
    ready.unit_settings.scale_length = unit
    bpy.ops.dollygrip.new_shot()
    before = view(ready, 1)
    assert before.c2w[0, 1, 3] == pytest.approx(-1.6), "at eye height"
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    assert np.allclose(view(ready, 1).c2w, before.c2w, atol=1e-3)


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_a_new_camera_is_drawn_as_large_in_any_unit(ready, unit):
    ready.unit_settings.scale_length = unit
    bpy.ops.dollygrip.predict_camera()
    assert ready.camera.data.display_size * unit == pytest.approx(bpy.data.cameras.new("Plain").display_size)


def test_a_camera_made_like_the_start_camera_sees_all_that_a_shot_may_come_to(ready):
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    ready.collection.objects.link(own)
    own.rotation_euler.x, own.data.clip_start, own.data.clip_end = 1.5, 1.0, 12.0
    ready.dollygrip.brief.start = own
    bpy.ops.dollygrip.predict_camera()
    made = ready.camera
    assert made != own and [depth_seen(made, ahead) for ahead in (0.2, 5.0, 900.0)] == [True, True, True]
    bpy.data.objects.remove(made)
    own.data.clip_start, own.data.clip_end = 0.01, 50_000.0
    bpy.ops.dollygrip.predict_camera()
    assert [depth_seen(ready.camera, ahead) for ahead in (0.02, 5.0, 40_000.0)] == [True, True, True]
