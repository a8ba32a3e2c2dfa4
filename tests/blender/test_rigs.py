"""Rigs of a take: the view does not change, and nothing is left behind. Geometry, as Blender evaluates it."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.live import sampling
from bl_ext.user_default.dollygrip.rigs import collisions, rigs
from bl_ext.user_default.dollygrip.shots import shots
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import (
    DEPTH,
    FRAMES,
    MOVES,
    START,
    add_take,
    assert_same_view,
    circle,
    counts,
    keys_of,
    orbit,
    out_and_back,
    parent_of,
    seen,
)

from dollygrip.errors import InputError
from dollygrip.rotations import angle_between


@pytest.mark.parametrize("unit", [1.0, 0.01])
@pytest.mark.parametrize("scale", [None, 1.0, 2.5])
@pytest.mark.parametrize("move", MOVES)
def test_conversions_keep_the_camera(scene, move, scale, unit):
    """Curves, path, aim, path, curves: the same view at every frame, and in the end the very same keys and data."""
    scene.unit_settings.scale_length = unit
    action = add_take(scene, MOVES[move])
    if scale:
        parent_of(scene, scale)
    parent, before, kept = scene.camera.parent, seen(scene), (counts(), keys_of(action), takes.provenance(action))
    for kind in (rigs.PATH, rigs.AIM, rigs.PATH, rigs.AIM, rigs.PLAIN):
        assert bpy.ops.dollygrip.set_rig(kind=kind) == {"FINISHED"}
        assert rigs.kind_of(action) == kind
        assert_same_view(seen(scene), before)
    assert (counts(), keys_of(action), takes.provenance(action)) == kept
    assert scene.camera.parent == parent and not scene.camera.constraints


@pytest.mark.parametrize("handles", ["AUTO_CLAMPED", "VECTOR"])
@pytest.mark.parametrize("rests", ["keyed", "before its keys", "behind them"])
def test_a_camera_that_rests_rides_its_path_as_before(scene, rests, handles):
    """It holds between two keys in the middle and at the end, or on frames of its range that have no keys."""
    action = add_take(scene)
    last = action.frame_end
    for curve in compat.object_curves(action) if rests == "keyed" else ():
        if curve.data_path == "location":
            curve.keyframe_points.clear()
            for frame, value in (
                (START, 0),
                (30, 1 + curve.array_index),
                (45, 1 + curve.array_index),
                (70, 3),
                (last, 3),
            ):
                key = curve.keyframe_points.insert(frame, value)
                key.handle_left_type = key.handle_right_type = handles
    action.frame_start -= 5 * (rests == "before its keys")
    action.frame_end += 5 * (rests == "behind them")
    before, kept = seen(scene), keys_of(action)
    for kind in (rigs.PATH, rigs.PLAIN):
        bpy.ops.dollygrip.set_rig(kind=kind)
        assert_same_view(seen(scene), before)
    assert keys_of(action) == kept


def test_the_path_is_the_way_and_can_be_edited(scene):
    """The curve's points are the take's keys; moved ones move the camera, also after it is converted back."""
    action = add_take(scene)
    keys = len({point[0] for point in keys_of(action)["location", 0]})
    bpy.ops.dollygrip.set_rig(kind="PATH")
    path = rigs.helper_of(action)
    spline = path.data.splines[0]
    assert len(spline.bezier_points) == keys
    before = seen(scene)
    path.location.z += 0.7
    path.rotation_euler.z = 0.4
    spline.bezier_points[1].co.y += 0.3
    edited = seen(scene)
    assert np.linalg.norm(edited.positions - before.positions, axis=1).min() > 0.2
    bpy.ops.dollygrip.set_rig(kind="PLAIN")
    assert_same_view(seen(scene), edited)
    assert "Path" not in " ".join(bpy.data.objects.keys()) and len(bpy.data.curves) == 0


def test_the_speed_curve_times_the_path(scene):
    """Another offset curve, the same way: every position lies on the old path."""
    action = add_take(scene)
    bpy.ops.dollygrip.set_rig(kind="PATH")
    before = seen(scene)
    speed = compat.object_curves(action).find(rigs._OFFSET)
    for point in speed.keyframe_points:
        point.co.y, point.handle_left.y, point.handle_right.y = (
            0.5 * v for v in (point.co.y, point.handle_left.y, point.handle_right.y)
        )
    speed.update()
    after = seen(scene)
    gaps = np.linalg.norm(after.positions[:, None] - before.positions[None], axis=-1).min(1)
    steps = np.linalg.norm(np.diff(before.positions, axis=0), axis=1).max()
    assert gaps.max() < steps
    ways = [np.linalg.norm(np.diff(each.positions, axis=0), axis=1).sum() for each in (after, before)]
    assert ways[0] == pytest.approx(0.5 * ways[1], rel=0.01)


def test_a_still_subject_for_an_orbit_and_it_can_be_moved(scene):
    """An exact arc has its centre as the subject; moved, it stays in the middle and the horizon stays level."""
    action = add_take(scene, circle)
    bpy.ops.dollygrip.set_rig(kind="AIM")
    subject = rigs.helper_of(action)
    moving = np.ptp([(scene.frame_set(f), subject.matrix_world.translation[:])[1] for f in (START, START + 72)], axis=0)
    assert np.abs(moving).max() < 0.02 * DEPTH
    if subject.animation_data:
        subject.animation_data_clear()
    subject.location = (1.0, 5.0, 3.0)
    after = seen(scene)
    sight = np.array([1.0, -3.0, 5.0]) - after.positions
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    assert np.abs(after.rotations[:, :, 2] - sight).max() < 1e-5
    assert np.abs(after.rotations[:, 1, 0]).max() < 1e-5
    bpy.ops.dollygrip.set_rig(kind="PLAIN")
    assert_same_view(seen(scene), after)


def test_rolling_the_subject_rolls_the_camera(scene):
    action = add_take(scene, circle)
    bpy.ops.dollygrip.set_rig(kind="AIM")
    before = seen(scene)
    rigs.helper_of(action).rotation_euler.z += 0.3
    after = seen(scene)
    assert np.abs(after.rotations[:, :, 2] - before.rotations[:, :, 2]).max() < 1e-5
    assert np.degrees(angle_between(after.rotations, before.rotations)) == pytest.approx(np.degrees(0.3), abs=0.01)


def test_the_rig_goes_with_its_take(scene):
    """Another take is not led along the first one's path; the first one finds its path again."""
    for name, move in (("first", orbit), ("second", out_and_back)):
        add_take(scene, move, name)
    plain = seen(scene)
    state = scene.dollygrip
    state.take_index = 0
    parent = parent_of(scene, 1.5)
    first = seen(scene)
    state.take_index = 1
    second = seen(scene)
    assert not np.allclose(second.positions, plain.positions)
    state.take_index = 0
    bpy.ops.dollygrip.set_rig(kind="PATH")
    state.take_index = 1
    assert scene.camera.parent == parent and not scene.camera.constraints
    assert_same_view(seen(scene), second)
    bpy.ops.dollygrip.set_rig(kind="AIM")
    state.take_index = 0
    assert_same_view(seen(scene), first)
    state.take_index = 1
    assert_same_view(seen(scene), second)


def test_what_the_animator_adds_stays(scene):
    """A constraint of the animator's and a noise on the rotation count once, before and after."""
    action = add_take(scene)
    limit = scene.camera.constraints.new("LIMIT_LOCATION")
    limit.use_max_x, limit.max_x = True, 1.0
    compat.object_curves(action).find("rotation_euler", index=2).modifiers.new("NOISE").strength = 0.1
    before = seen(scene)
    for kind in ("PATH", "AIM", "PLAIN"):
        bpy.ops.dollygrip.set_rig(kind=kind)
        assert_same_view(seen(scene), before)
    assert [c.name for c in scene.camera.constraints] == [limit.name]


def test_what_cannot_be_rigged_says_why_and_changes_nothing(scene):
    action = add_take(scene, lambda t: (np.zeros((len(t), 3)), np.stack([0 * t, t, 0 * t], 1)), "locked")
    before, kept = seen(scene), counts()
    with pytest.raises(RuntimeError, match="stays where it is"):
        bpy.ops.dollygrip.set_rig(kind="PATH")
    assert_same_view(seen(scene), before, times=1e-3)
    assert counts() == kept and rigs.kind_of(action) == "PLAIN"
    add_take(scene, lambda t: (np.zeros((len(t), 3)), np.stack([-np.pi / 2 * t, 0 * t, 0 * t], 1)), "down")
    with pytest.raises(RuntimeError, match=f"straight down at frame {START + FRAMES - 1}"):
        bpy.ops.dollygrip.set_rig(kind="AIM")


@pytest.mark.parametrize("kind", ["PATH", "AIM"])
def test_a_rigged_take_is_copied_moved_in_time_and_deleted(scene, kind):
    """The copy has a path or subject of its own, time moves all of its curves, and nothing of it outlives it."""
    action = add_take(scene)
    before, kept = seen(scene), counts()
    bpy.ops.dollygrip.set_rig(kind=kind)
    assert bpy.ops.dollygrip.duplicate_take() == {"FINISHED"}
    copy = takes.shown(scene.camera)
    assert copy != action and rigs.helper_of(copy) != rigs.helper_of(action)
    rigs.helper_of(action).location.z += 1.0
    rigs.helper_of(action).animation_data_clear()
    assert_same_view(seen(scene), before)
    shots.slide(copy, START + 7)
    assert_same_view(camera.sample(bpy.context, START + 7, START + FRAMES + 6, scene.camera), before)
    assert bpy.ops.dollygrip.delete_take() == {"FINISHED"}
    assert takes.shown(scene.camera) == action
    bpy.ops.dollygrip.set_rig(kind="PLAIN")
    assert counts()["objects"] == kept["objects"] and counts()["curves"] == kept["curves"]


def test_each_conversion_is_one_undo_step(scene):
    """Undone and redone, by Blender itself: the same view, and no more data than before."""
    add_take(scene)
    parent_of(scene, 1.0)
    bpy.ops.ed.undo_push(message="start")
    before, data = seen(scene), [counts()]
    for kind in ("PATH", "AIM", "PLAIN"):
        assert bpy.ops.dollygrip.set_rig("EXEC_DEFAULT", True, kind=kind) == {"FINISHED"}
        data.append(counts())
    for step in ("undo", "undo", "undo", "redo", "redo", "undo"):
        getattr(bpy.ops.ed, step)()
        assert_same_view(seen(bpy.context.scene), before)
    assert counts() == data[1] and rigs.kind_of(takes.shown(bpy.context.scene.camera)) == "PATH"


def test_saved_and_opened_again(scene, tmp_path):
    add_take(scene)
    parent_of(scene, 1.0)
    before = seen(scene)
    bpy.ops.dollygrip.set_rig(kind="PATH")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    opened = bpy.context.scene
    assert_same_view(seen(opened), before)
    bpy.ops.dollygrip.set_rig(kind="PLAIN")
    assert_same_view(seen(opened), before)
    assert len(bpy.data.curves) == 0


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("how", ["keyed", "driven"])
def test_a_shot_that_is_animated_to_be_off_moves_as_blender_renders_it(scene, how, own):
    """In viewports Blender leaves it where it was switched off; its animated state comes back."""
    add_take(scene)
    shot, before, last = scene.camera, seen(scene), START + FRAMES - 1
    if how == "keyed":
        for frame, off in ((START, False), (START + 5, True)):
            shot.hide_viewport = off
            shot.keyframe_insert("hide_viewport", frame=frame)
    else:
        shot.driver_add("hide_viewport").driver.expression = f"frame > {START + 5}"
    if not own:
        bpy.ops.dollygrip.new_shot()
    for frame in (START, last):
        scene.frame_set(frame)
        assert_same_view(camera.sample(bpy.context, START, last, shot), before, times=1e-3)
        moved = rigs.poses(bpy.context, shot)[0][:, :3, 3]
        assert np.ptp(moved, axis=0) == pytest.approx(np.ptp(before.positions, axis=0)[[0, 2, 1]], abs=1e-4)
        [drawn] = sampling.sample(scene, shot, [takes.shown(shot)])
        assert np.allclose(drawn.positions[-1], moved[-1], atol=1e-4)
        assert shot.hide_viewport == (frame == last)


@pytest.mark.parametrize("how", ["disabled", "excluded", "in a disabled collection"])
def test_a_shot_that_is_off_is_refused_and_not_taken_to_stand_still(scene, how):
    """While another camera is the scene's, Blender does not move it; hidden by its eye alone it does."""
    add_take(scene)
    shot, before = scene.camera, seen(scene)
    bpy.ops.dollygrip.new_shot()
    shelf = bpy.data.collections.new("Shelf")
    scene.collection.children.link(shelf)
    shelf.objects.link(shot)
    scene.collection.objects.unlink(shot)
    last = START + FRAMES - 1
    shot.hide_set(True)
    assert_same_view(camera.sample(bpy.context, START, last, shot), before, times=1e-3)
    if how == "disabled":
        shot.hide_viewport = True
    elif how == "excluded":
        bpy.context.view_layer.layer_collection.children["Shelf"].exclude = True
    else:
        shelf.hide_viewport = True
    asked = [
        lambda: camera.sample(bpy.context, START, last, shot),
        lambda: rigs.poses(bpy.context, shot),
        lambda: list(collisions.check(bpy.context, shot, 0.1)),
    ]
    for ask in asked:
        with pytest.raises(InputError, match=f"{shot.name} is disabled in viewports, or not in this view layer"):
            ask()
    scene.camera = shot
    assert_same_view(camera.sample(bpy.context, START, last, shot), before, times=1e-3)
