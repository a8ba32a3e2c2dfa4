"""Takes of one camera that need it set differently: each is seen as it was made, whichever was shown before."""

from math import radians

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.direct import adopt
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import FRAMES, START, add_take, assert_same_view, orbit, seen

from dollygrip.conventions import Sensor
from dollygrip.rotations import angle_between

SETTINGS = "dollygrip_settings"


@pytest.fixture
def own(scene) -> bpy.types.Object:
    """An animator's own camera with Euler angles in the order ZXY, adopted as a shot."""
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(made)
    scene.camera, made.rotation_mode = made, "ZXY"
    for frame, angles in ((START, (1.4, 0.1, 0.2)), (START + 40, (0.5, 0.8, -0.9)), (START + FRAMES, (1.2, -0.7, 1.0))):
        made.location, made.rotation_euler = (frame / 10, 0.0, 1.0), angles
        made.keyframe_insert("location", frame=frame)
        made.keyframe_insert("rotation_euler", frame=frame)
    scene.frame_start, scene.frame_end = START, START + FRAMES - 1
    adopt.adopt(bpy.context, made)
    return made


def show(scene, index: int):
    scene.camera.dollygrip_shot.take_index = index
    return seen(scene)


def test_an_order_of_angles_stays_with_its_take(scene, own):
    """The animator's take in ZXY, a refitted copy in XYZ, and back, however often."""
    before = seen(scene)
    bpy.ops.dollygrip.duplicate_take()
    assert bpy.ops.dollygrip.refit(position=0.001, angle=radians(0.01)) == {"FINISHED"}
    assert own.rotation_mode == "XYZ"
    for index in (0, 1, 0):
        assert_same_view(show(scene, index), before)


def test_a_new_take_of_a_camera_in_another_order_is_seen_as_predicted(scene, own):
    before = seen(scene)
    added = takes.dense(add_take(scene, orbit))
    turned = angle_between(seen(scene).rotations, added.rotations).max()
    assert turned <= camera.ANGLE_TOLERANCE
    assert_same_view(show(scene, 0), before)


def add_small(scene) -> bpy.types.Action:
    """A take on a sensor 14 mm wide."""
    t = np.linspace(0, 1, FRAMES)
    trajectory = takes.dense(takes.shown(scene.camera))
    trajectory.c2w[:, 0, 3] += t
    sensor = Sensor(camera.render_size(scene), 14.0, 8.0, "HORIZONTAL")
    return takes.add(scene, camera.fit(trajectory, camera.Placement(None, sensor, 1.0, START, 24.0)), "small", {})


def test_a_sensor_stays_with_its_take(scene):
    add_take(scene, orbit)
    wide = seen(scene)
    add_small(scene)
    small = seen(scene)
    for index, before in ((0, wide), (1, small), (0, wide)):
        assert_same_view(show(scene, index), before)


def test_an_animators_change_of_the_sensor_is_kept(scene):
    """Also in a copy, and where the take is chosen that is shown."""
    add_take(scene, orbit)
    add_small(scene)
    show(scene, 0)
    scene.camera.data.sensor_width = 24.9
    changed = show(scene, 0)
    assert scene.camera.data.sensor_width == pytest.approx(24.9)
    bpy.ops.dollygrip.duplicate_take()
    for index in (2, 1, 2, 1, 0):
        after = show(scene, index)
        if index != 1:
            assert_same_view(after, changed)


def test_an_action_that_was_picked_by_hand_is_set_right_by_a_click(scene, own):
    before = takes.dense(add_take(scene, orbit))
    show(scene, 0)
    compat.assign_take(own, own.dollygrip_shot.takes[1].action)
    assert angle_between(show(scene, 1).rotations, before.rotations).max() <= camera.ANGLE_TOLERANCE


def test_an_action_without_settings_leaves_the_camera_as_it_is(scene, own):
    add_take(scene, orbit)
    for entry in own.dollygrip_shot.takes:
        del entry.action[SETTINGS]
    del own["dollygrip_set_for"]
    own.rotation_mode = "ZYX"
    before = seen(scene)
    show(scene, 0)
    assert own.rotation_mode == "ZYX"
    assert_same_view(show(scene, 1), before)
