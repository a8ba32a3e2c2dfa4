"""What is selected after a take was made or shown: its camera, so that the Graph Editor has its curves, and no key."""

import bpy
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.direct import parts
from bl_ext.user_default.dollygrip.takes import copies, takes
from blender.sample_takes import add_take, orbit


@pytest.fixture
def cube(scene) -> bpy.types.Object:
    """An object that is selected and active."""
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    scene.collection.objects.link(cube)
    cube.select_set(True)
    bpy.context.view_layer.objects.active = cube
    return cube


def chosen() -> tuple[list[bpy.types.Object], bpy.types.Object]:
    return list(bpy.context.selected_objects), bpy.context.view_layer.objects.active


def test_a_new_take_a_new_shot_and_a_shown_one_are_what_is_selected(scene, cube):
    add_take(scene)
    first = scene.camera
    assert chosen() == ([first], first)
    bpy.ops.dollygrip.new_shot()
    second = scene.camera
    assert second != first and chosen() == ([second], second)
    scene.dollygrip.shot_index = scene.objects.find(first.name)
    assert chosen() == ([first], first)
    cube.select_set(True)
    first.dollygrip_shot.take_index = 0
    assert chosen() == ([first], first)


def test_a_take_of_a_shot_that_is_not_shown_selects_nothing(scene, cube):
    add_take(scene)
    shown = scene.camera
    other = takes.new_camera(scene)
    takes.enlist(other, copies.duplicate(shown, takes.shown(shown)))
    cube.select_set(True)
    other.dollygrip_shot.take_index = 0
    assert scene.camera == shown and set(chosen()[0]) == {shown, cube}


def test_in_edit_mode_and_outside_of_the_view_layer_the_selection_stays(scene, cube):
    bpy.ops.object.mode_set(mode="EDIT")
    add_take(scene)
    assert chosen()[1] == cube and bpy.context.mode == "EDIT_MESH"
    bpy.ops.object.mode_set(mode="OBJECT")
    elsewhere = bpy.data.collections.new("Cameras")
    scene.collection.children.link(elsewhere)
    scene.collection.objects.unlink(scene.camera)
    elsewhere.objects.link(scene.camera)
    bpy.context.view_layer.layer_collection.children["Cameras"].exclude = True
    scene.camera.dollygrip_shot.take_index = 0
    assert chosen() == ([cube], cube)


@pytest.mark.parametrize("rig", ["dolly", "tripod"])
def test_new_keys_are_not_selected_so_that_the_preview_range_counts(scene, rig):
    action = add_take(scene, lambda t: orbit(t**3))
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 5, 15
    assert parts.chosen_frames(scene, scene.camera) == (5, 15, "the preview range")
    bpy.ops.dollygrip.apply_physics(rig=rig)
    points = [point for curve in compat.take_curves(action) for point in curve.keyframe_points]
    assert not any(p.select_control_point or p.select_left_handle or p.select_right_handle for p in points)
    assert parts.chosen_frames(scene, scene.camera) == (5, 15, "the preview range")
