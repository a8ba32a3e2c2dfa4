"""Refit in the real bpy: what the camera shows afterwards, fitted to which source, in one step that can be undone."""

from math import radians

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera, pose_channels
from bl_ext.user_default.dollygrip.takes import takes, written
from blender.sample_takes import DEPTH, FRAMES, MOVES, START, add_take, orbit, seen

from dollygrip.rotations import angle_between

ANGLE, POSITION = camera.ANGLE_TOLERANCE, camera.POSITION_TOLERANCE


def refit(**options) -> set[str]:
    return bpy.ops.dollygrip.refit(**options)


def off(after, before) -> tuple[float, float]:
    """Largest difference in position, in scene depths, and in angle, in radians."""
    far = np.linalg.norm(after.positions - before.positions, axis=1).max() / DEPTH
    return far, angle_between(after.rotations, before.rotations).max()


def count(action) -> int:
    return max(len(c.keyframe_points) for c in compat.object_curves(action))


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("rotation", ["XYZ", "QUATERNION"])
def test_the_evaluated_camera_keeps_the_bounds_that_were_asked(scene, move, rotation):
    action = add_take(scene, MOVES[move])
    counts = []
    for position, angle in ((0.05, radians(0.02)), (0.2, radians(0.15)), (2.0, radians(1))):
        assert refit(position=position, angle=angle, rotation=rotation) == {"FINISHED"}
        far, turned = off(seen(scene), takes.dense(action))
        assert far <= position / 100 and turned <= angle
        counts.append(count(action))
        paths = {c.data_path for c in compat.object_curves(action)}
        assert paths == {"location", "rotation_euler" if rotation == "XYZ" else "rotation_quaternion"}
    assert counts == sorted(counts, reverse=True) and counts[-1] < counts[0]


@pytest.mark.parametrize("rotation", ["XYZ", "QUATERNION"])
@pytest.mark.parametrize("edited", [True, False])
def test_locked_keys_keep_their_poses_and_stay_locked(scene, rotation, edited):
    """However coarse the fit: at locked frames the camera stands where it stood, to single precision."""
    action = add_take(scene)
    curves = compat.object_curves(action)
    keys = sorted({round(p.co.x) for c in curves for p in c.keyframe_points})
    locked = keys[1]
    for curve in curves:
        for point in curve.keyframe_points:
            if round(point.co.x) == locked:
                point.type = "EXTREME"
                point.co.y += 0.1 * edited
        curve.update()
    before = seen(scene).c2w[locked - START]
    assert refit(position=5.0, angle=radians(4), rotation=rotation) == {"FINISHED"}
    assert np.abs(seen(scene).c2w[locked - START] - before).max() < 1e-6
    marked = {round(p.co.x) for c in compat.object_curves(action) for p in c.keyframe_points if p.type == "EXTREME"}
    assert marked == {locked}
    refit(position=5.0, angle=radians(4))
    assert np.abs(seen(scene).c2w[locked - START] - before).max() < 2e-6, "again and again"


def test_unedited_takes_come_from_the_prediction_again_and_again(scene):
    """A coarse fit loses nothing: the next fine one is as close to the dense camera as if it were the first."""
    action = add_take(scene)
    dense = takes.dense(action)
    refit(position=5.0, angle=radians(3))
    refit(rotation="QUATERNION")
    refit(rotation="XYZ")
    assert not written.is_edited(action)
    assert np.array_equal(takes.dense(action).c2w, dense.c2w)
    refit(position=0.01, angle=radians(0.01))
    far, turned = off(seen(scene), dense)
    assert far <= 1e-4 and turned <= radians(0.01)


def test_edited_curves_are_what_is_fitted(scene):
    action = add_take(scene)
    curve = compat.object_curves(action).find("location", index=2)
    point = curve.keyframe_points[len(curve.keyframe_points) // 2]
    point.co.y += 0.5 * DEPTH
    curve.update()
    assert written.is_edited(action)
    edited = seen(scene)
    assert off(edited, takes.dense(action))[0] > 0.3
    for rotation in ("XYZ", "QUATERNION", "KEEP"):
        before = seen(scene)
        assert refit(rotation=rotation) == {"FINISHED"}
        far, turned = off(seen(scene), before)
        assert far <= POSITION and turned <= ANGLE
    assert written.is_edited(action), "the edit is in no dense camera"
    assert scene.camera.rotation_mode == "QUATERNION"


@pytest.mark.parametrize("edit", ["value", "handle", "interpolation", "deleted key", "deleted curve"])
def test_any_edit_is_noticed_and_sliding_is_none(scene, edit):
    action = add_take(scene)
    curve = compat.object_curves(action).find("location", index=0)
    for each in compat.take_curves(action):
        for point in each.keyframe_points:
            for name in ("co", "handle_left", "handle_right"):
                getattr(point, name).x += 137
        each.update()
    assert not written.is_edited(action)
    point = curve.keyframe_points[1]
    if edit == "value":
        point.co.y += 0.01
    elif edit == "handle":
        point.handle_right.y += 0.01
    elif edit == "interpolation":
        point.interpolation = "LINEAR"
    elif edit == "deleted key":
        curve.keyframe_points.remove(point)
    else:
        compat.object_curves(action).remove(curve)
    assert written.is_edited(action)


def test_the_dense_camera_survives_saving_appending_and_refits_there(scene, tmp_path):
    action = add_take(scene)
    dense, name, shot = takes.dense(action), action.name, scene.camera.name
    refit(position=3.0, angle=radians(2))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    loaded = bpy.data.actions[name]
    assert np.array_equal(takes.dense(loaded).c2w, dense.c2w) and not written.is_edited(loaded)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    bpy.ops.wm.append(directory=str(tmp_path / "a.blend" / "Object"), filename=shot)
    scene = bpy.context.scene
    scene.camera = bpy.data.objects[shot]
    appended = takes.shown(scene.camera)
    assert np.array_equal(takes.dense(appended).c2w, dense.c2w)
    assert np.array_equal(takes.dense(appended).intrinsics, dense.intrinsics)
    assert off(seen(scene), dense)[1] > ANGLE
    assert refit() == {"FINISHED"}
    far, turned = off(seen(scene), dense)
    assert far <= POSITION and turned <= ANGLE


def test_modifiers_locks_and_parents_stay(scene):
    """A noise modifier is neither baked nor lost; under a scaled parent the bound is one of the world."""
    action = add_take(scene)
    parent = bpy.data.objects.new("Crane", None)
    parent.scale = [5.0] * 3
    scene.collection.objects.link(parent)
    scene.camera.parent = parent
    curve = compat.object_curves(action).find("location", index=0)
    before = seen(scene)
    noise = curve.modifiers.new("NOISE")
    noise.strength, curve.lock = 3.0, True
    assert refit(position=0.02, angle=radians(0.02)) == {"FINISHED"}
    curve = compat.object_curves(action).find("location", index=0)
    assert curve.lock and len(curve.modifiers) == 1
    curve.modifiers[0].mute = True
    assert off(seen(scene), before)[0] <= 5 * POSITION + 2e-4, "five times the first fit's error, and the new one's"


def test_what_cannot_be_refitted_is_said_and_changes_nothing(scene):
    action = add_take(scene)
    before = count(action)
    for options, said in (
        ({"position": 0.0}, "may not be off by 0 %"),
        ({"angle": 2.0}, "may not be off by 114"),
    ):
        with pytest.raises(RuntimeError, match=said):
            refit(**options)
    compat.object_curves(action).find("rotation_euler", index=0).modifiers.new("NOISE")
    with pytest.raises(RuntimeError, match="another rotation mode would lose"):
        refit(rotation="QUATERNION")
    bpy.ops.dollygrip.set_rig(kind="PATH")
    with pytest.raises(RuntimeError, match="has a rig"):
        refit()
    bpy.ops.dollygrip.set_rig(kind="PLAIN")
    assert count(action) == before
    scene.camera = None
    assert not bpy.ops.dollygrip.refit.poll()


def test_takes_of_both_rotation_modes_are_shown_as_they_are(scene):
    """Switching between a take in quaternions and one in Euler angles shows each as its own."""
    add_take(scene, MOVES["circle"], "euler")
    add_take(scene, orbit, "quaternion")
    refit(rotation="QUATERNION")
    shot = scene.camera
    for index in (0, 1, 0):
        shot.dollygrip_shot.take_index = index
        far, turned = off(seen(scene), takes.dense(takes.shown(shot)))
        assert far <= POSITION and turned <= ANGLE
    assert shot.rotation_mode == "XYZ"


def test_no_flip_through_full_turns_and_straight_up(scene):
    """Two full turns, and a look through the zenith: neighbouring frames never differ by a jump of the channels."""

    def turns(t):
        return 0 * t[:, None] * np.ones(3), np.stack([0 * t, 4 * np.pi * t, 0 * t], 1)

    def zenith(t):
        return np.stack([t, 0 * t, t], 1), np.stack([np.pi * 0.9 * t, 0 * t, 0 * t], 1)

    for move in (turns, zenith):
        action = add_take(scene, move)
        dense = takes.dense(action)
        steps = angle_between(dense.rotations[1:], dense.rotations[:-1]).max()
        for rotation in ("XYZ", "QUATERNION"):
            refit(rotation=rotation)
            far, turned = off(seen(scene), dense)
            assert far <= POSITION and turned <= ANGLE
            names = pose_channels.names_of(scene.camera)[3:]
            curves = [compat.object_curves(action).find(path, index=i) for path, i in names]
            values = np.array([[c.evaluate(START + f) for c in curves] for f in range(FRAMES)])
            assert np.abs(np.diff(values, axis=0)).max() <= 3 * steps


def test_one_undo_step(scene):
    bpy.context.preferences.edit.use_global_undo = True
    action = add_take(scene)
    name, shot = action.name, scene.camera.name
    bpy.ops.ed.undo_push(message="Take")
    before = count(action)
    bpy.ops.dollygrip.refit("EXEC_DEFAULT", True, position=3.0, angle=radians(3), rotation="QUATERNION")
    assert count(bpy.data.actions[name]) < before
    bpy.ops.ed.undo()
    action = bpy.data.actions[name]
    assert count(action) == before and bpy.data.objects[shot].rotation_mode == "XYZ"
    assert {c.data_path for c in compat.object_curves(action)} == {"location", "rotation_euler"}
    assert not written.is_edited(action)
