"""Constraints of the animator's that turn the camera away from a new take are named; what is as it is to be is not."""

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import Outcome
from bl_ext.user_default.dollygrip.direct import parts
from bl_ext.user_default.dollygrip.rigs import rigs
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import add_take, orbit
from blender.test_direct import ask, redirected, view


def track(scene, camera) -> bpy.types.Constraint:
    target = bpy.data.objects.new("Star", None)
    target.location = (0, 12, 1.6)
    scene.collection.objects.link(target)
    made = camera.constraints.new("TRACK_TO")
    made.target = target
    return made


def limit(_scene, camera) -> bpy.types.Constraint:
    """One that does nothing here."""
    made = camera.constraints.new("LIMIT_LOCATION")
    made.use_max_z, made.max_z = True, 1000.0
    return made


def muted(scene, camera) -> None:
    track(scene, camera).mute = True


def handheld(_scene, _camera) -> None:
    bpy.ops.dollygrip.add_handheld(amount=1.0)


@pytest.mark.parametrize(
    ("constrain", "said"),
    [
        (track, "Track To moves Shot 01 otherwise: mute it to see the take."),
        (lambda *at: (limit(*at), track(*at)), "Limit Location and Track To move Shot 01 otherwise: mute the"),
        (limit, ""),
        (muted, ""),
        (handheld, ""),
    ],
)
def test_a_prediction_tells_what_turns_its_camera(ready, constrain, said):
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"} and "otherwise" not in ready.dollygrip.notice
    constrain(ready, ready.camera)
    ready.dollygrip.brief.takes = 2
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"} and len(ready.dollygrip.take_list) == 3
    assert said in ready.dollygrip.notice and ready.dollygrip.notice.count("otherwise") == bool(said)


@pytest.mark.parametrize("rig", [rigs.PATH, rigs.AIM])
def test_the_rig_of_the_take_before_is_none_of_them(ready, rig):
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.set_rig(kind=rig)
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"} and "otherwise" not in ready.dollygrip.notice


@pytest.mark.parametrize("shot", [True, False])
def test_a_redirection_tells_it_too(scene, picture_path, shot):
    """Also of a camera that becomes a shot only now."""
    if shot:
        add_take(scene, orbit)
    else:
        scene.camera = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
        scene.collection.objects.link(scene.camera)
        scene.frame_end = 90
        for frame, scene.camera.location.y in ((1, 0), (30, 2), (90, 5)):
            scene.camera.keyframe_insert("location", frame=frame)
    ask(scene, picture_path, 30, 60)
    made = track(scene, scene.camera)
    before = view(scene)
    task = redirected(scene)
    task.finish(scene, Outcome("done"))
    assert takes.shown(scene.camera) and parts.chosen_span(scene, scene.camera).frames == 31
    assert scene.dollygrip.notice.endswith(f"{made.name} moves {scene.camera.name} otherwise: mute it to see the take.")
    made.mute = True
    turned = view(scene)
    assert all(turned[frame] != before[frame] for frame in range(40, 55))
    task = redirected(scene)
    task.finish(scene, Outcome("done"))
    assert "otherwise" not in scene.dollygrip.notice
