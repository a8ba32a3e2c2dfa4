"""A shot that Blender itself has duplicated, Actions and all: a shot like any other, apart from the first one."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.rigs import rigs
from bl_ext.user_default.dollygrip.shots import shots
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import START, add_take, assert_same_view, circle, orbit, seen
from blender.test_direct import ask, redirected


@pytest.fixture(params=["Shift D", "full copy"])
def duplicated(request):
    """What duplicates the shot of a scene -> the scene that shows the duplicate."""

    def full_copy(_scene):
        bpy.ops.scene.new(type="FULL_COPY")
        return bpy.context.scene

    def shift_d(scene):
        bpy.ops.object.select_all(action="DESELECT")
        scene.camera.select_set(True)
        bpy.context.view_layer.objects.active = scene.camera
        bpy.ops.object.duplicate()
        scene.camera = bpy.context.object
        return scene

    return full_copy if request.param == "full copy" else shift_d


@pytest.fixture
def copied(scene, duplicated):
    """A scene that shows the duplicate of a shot with two takes, and the view of the first shot."""
    add_take(scene, circle, "first")
    add_take(scene, orbit, "second")
    original, before = scene.camera, seen(scene)
    second = duplicated(scene)
    assert takes.shown(second.camera) not in [e.action for e in original.dollygrip_shot.takes]
    return second, scene, original, before


def raised(camera) -> None:
    """An edit of the pose and one of the lens."""
    for owner, path in ((camera, "location"), (camera.data, "lens")):
        curve = [c for c in compat.curves_of(owner) if c.data_path == path][-1]
        for point in curve.keyframe_points:
            for name in ("co", "handle_left", "handle_right"):
                getattr(point, name).y += 1.0
        curve.update()


def assert_apart(copied) -> None:
    scene, first, original, before = copied
    own, shown = [e.action for e in scene.camera.dollygrip_shot.takes], takes.shown(scene.camera)
    assert shown in own and list(compat.lens_curves(shown)) == compat.curves_of(scene.camera.data)
    ids = [takes.provenance(a)["id"] for a in bpy.data.actions if takes.is_take(a)]
    assert len(ids) == len(set(ids)), "each take has an id of its own"
    bpy.context.window.scene, first.camera = first, original
    assert_same_view(seen(first), before)


def test_a_click_on_its_take_keeps_edits_of_the_copy(copied):
    scene, *_ = copied
    raised(scene.camera)
    edited = seen(scene)
    assert np.abs(edited.positions - copied[3].positions).max() > 0.9
    for index in (1, 0, 1):
        scene.camera.dollygrip_shot.take_index = index
    assert_same_view(seen(scene), edited)
    assert_apart(copied)


@pytest.mark.parametrize("rig", [rigs.PLAIN, rigs.PATH])
@pytest.mark.parametrize("edited_first", ["the copy", "the first shot"])
def test_takes_that_are_not_shown_are_not_shared_either(scene, duplicated, edited_first, rig):
    """Whichever of the two shots is edited first, the other's takes stay as they are, and so do their rigs."""
    add_take(scene, circle, "first")
    bpy.ops.dollygrip.set_rig(kind=rig)
    before = seen(scene)
    add_take(scene, orbit, "second")
    original = scene.camera
    second = duplicated(scene)
    copy = second.camera
    shots_of = [(scene, original), (second, copy)]
    if edited_first == "the first shot":
        shots_of.reverse()
    (there, other), (here, edited) = shots_of
    with bpy.context.temp_override(scene=here, view_layer=here.view_layers[0]):
        here.camera = edited
        edited.dollygrip_shot.take_index = 0
        raised(edited)
    with bpy.context.temp_override(scene=there, view_layer=there.view_layers[0]):
        there.camera = other
        other.dollygrip_shot.take_index = 0
        assert_same_view(seen(there), before)
    lists = [{entry.action for entry in camera.dollygrip_shot.takes} for camera in (original, copy)]
    assert [len(takes_of) for takes_of in lists] == [2, 2] and not set.intersection(*lists)
    helpers = [rigs.helper_of(action) for listed in lists for action in listed if rigs.helper_of(action)]
    assert len(helpers) == len(set(helpers)) == (2 if rig == rigs.PATH else 0)
    if rig == rigs.PATH:
        assert rigs.helper_of(copy.dollygrip_shot.takes[0].action) in list(second.objects)


def test_a_linked_scene_copy_shows_the_same_shot(scene):
    for move, name in ((circle, "first"), (orbit, "second")):
        add_take(scene, move, name)
    shot, listed = scene.camera, [entry.action for entry in scene.camera.dollygrip_shot.takes]
    bpy.ops.scene.new(type="LINK_COPY")
    second = bpy.context.scene
    assert second != scene and second.camera == shot
    for index in (0, 1, 0):
        second.dollygrip.take_index = index
    assert [entry.action for entry in shot.dollygrip_shot.takes] == listed and takes.shown(shot) == listed[0]


def test_it_can_be_redirected(copied, picture_path):
    scene, *_ = copied
    raised(scene.camera)
    before = seen(scene)
    ask(scene, picture_path, START + 10, START + 40)
    redirected(scene)
    after = seen(scene)
    assert np.abs(after.positions[:11] - before.positions[:11]).max() < 1e-6
    assert np.abs(after.positions[11:40] - before.positions[11:40]).max() > 0.05
    assert len(scene.camera.dollygrip_shot.takes) == 3
    assert_apart(copied)


def test_its_take_is_duplicated_with_its_edits(copied):
    scene, *_ = copied
    raised(scene.camera)
    edited = seen(scene)
    bpy.ops.dollygrip.duplicate_take()
    assert_same_view(seen(scene), edited)
    assert_apart(copied)


def test_a_path_is_not_shared(scene):
    action = add_take(scene, orbit)
    bpy.ops.dollygrip.set_rig(kind=rigs.PATH)
    original, before = scene.camera, seen(scene)
    original.select_set(True)
    bpy.context.view_layer.objects.active = original
    bpy.ops.object.duplicate()
    scene.camera = bpy.context.object
    scene.camera.dollygrip_shot.take_index = 0
    assert rigs.helper_of(takes.shown(scene.camera)) != rigs.helper_of(action)
    assert_same_view(seen(scene), before)
    bpy.ops.dollygrip.set_rig(kind=rigs.PLAIN)
    assert_same_view(seen(scene), before)
    scene.camera = original
    assert_same_view(seen(scene), before)


def test_a_shot_that_is_appended_again_has_takes_of_its_own(scene, tmp_path):
    action = add_take(scene, orbit)
    bpy.ops.dollygrip.set_rig(kind=rigs.PATH)
    original, before, known = scene.camera, seen(scene), takes.provenance(action)["id"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"), copy=True)
    bpy.ops.wm.append(directory=str(tmp_path / "film.blend" / "Object") + "/", filename=original.name)
    scene.camera = next(camera for camera in shots.of_scene(scene) if camera != original)
    for camera in (original, scene.camera):
        camera.dollygrip_shot.take_index = 0
    again = takes.shown(scene.camera)
    assert takes.provenance(action)["id"] == known == takes.provenance(again)["parent_take"]
    assert takes.provenance(again)["id"] != known and rigs.helper_of(again) != rigs.helper_of(action)
    assert_same_view(seen(scene), before)
    scene.camera = original
    assert_same_view(seen(scene), before)


@pytest.mark.parametrize("click", [True, False])
def test_an_action_that_was_copied_by_hand_is_a_take_beside_its_original(scene, click):
    """Whether it is found by a click in the list or by an operator on the take that is shown."""
    action = add_take(scene, orbit)
    shot, before = scene.camera, seen(scene)
    data, copy = shot.animation_data, action.copy()
    data.action = copy
    if compat.SLOTTED:
        data.action_slot = copy.slots[0]
    if click:
        shot.dollygrip_shot.take_index = 0
    else:
        bpy.ops.dollygrip.duplicate_take()
        assert takes.provenance(takes.shown(shot))["parent_take"] == takes.provenance(copy)["id"]
    listed = [entry.action for entry in shot.dollygrip_shot.takes]
    assert listed[:2] == [action, copy] and len(listed) == (2 if click else 3)
    shot.dollygrip_shot.take_index = 1
    assert takes.shown(shot) == copy
    assert_same_view(seen(scene), before)
    raised(shot)
    shot.dollygrip_shot.take_index = 0
    assert takes.shown(shot) == action
    assert_same_view(seen(scene), before)
    assert takes.provenance(copy)["parent_take"] == takes.provenance(action)["id"]
