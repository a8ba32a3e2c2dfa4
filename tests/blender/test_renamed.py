"""Scenes and cameras that are renamed while a job runs for them: what comes back still goes there; or deleted.

The scripted backend's take number k of a prediction trucks right by k + 1 metres.
"""

import time

import bpy
import pytest
from bl_ext.user_default.dollygrip import compat, resume
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.direct.redirect import Redirect
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import shots, strips
from bl_ext.user_default.dollygrip.takes import takes
from blender.trucked_takes import empty_blender


def pump(until=lambda: not session.active):
    deadline = time.monotonic() + 30
    while not until():
        assert time.monotonic() < deadline
        session.pump()
        time.sleep(0.005)


def two_shots(scene) -> tuple[bpy.types.Object, bpy.types.Object]:
    for _ in range(2):
        bpy.ops.dollygrip.new_shot()
        scene.dollygrip.brief.prompt = "go"
        bpy.ops.dollygrip.predict_camera()
    return shots.of_scene(scene)


def rendering_slowly(scene) -> tuple[RenderShot, RenderShot]:
    """Two shots that render one after the other; some frames of the first are there."""
    for shot in two_shots(scene):
        takes.shown(shot)["dollygrip"]["prompt"] = "sleep=0.05"
    first, second = (RenderShot.of(bpy.context, shot) for shot in shots.of_scene(scene))
    session.start(first, "", [second])
    pump(lambda: len(first.files) > 2)
    return first, second


def test_a_scene_renamed_while_its_shots_render_gets_all_frames(ready):
    """Two shots one after the other; nothing is left to go on with."""
    rendering_slowly(ready)
    ready.name = "Act 2"
    bpy.ops.ed.undo_push(message="rename")
    pump()
    scene = bpy.data.scenes["Act 2"]
    assert [len(strip.elements) for strip in compat.strips_of(scene)] == [12, 12]
    assert {strips.shot_of(strip)["state"] for strip in compat.strips_of(scene)} == {"done"}
    assert "12 of 12 frames" in scene.dollygrip.notice and not resume.is_pending(scene)


def test_a_scene_deleted_while_its_shots_render_cancels_them_and_says_so(ready):
    """Nothing is rendered that would have no strip, and the frames that were done stay on disk."""
    shown = bpy.data.scenes.new("Act 1")
    first, second = rendering_slowly(ready)
    bpy.context.window_manager.windows[0].scene = shown
    bpy.data.scenes.remove(ready)
    pump()
    assert 2 < len(list(first.folder.glob("*.png"))) < 12 and second.folder is None
    assert first.title in shown.dollygrip.error and "deleted" in shown.dollygrip.error and shown.dollygrip.hint


@pytest.mark.parametrize("undone", [False, True])
def test_a_scene_renamed_before_the_first_take_gets_it(ready, undone):
    bpy.ops.ed.undo_push(message="before")
    session.start(PredictCamera.of(bpy.context), "")
    ready.name = "Act 2"
    if undone:
        bpy.ops.ed.undo_push(message="rename")
        bpy.ops.ed.undo()
    pump()
    scene = bpy.data.scenes["Scene" if undone else "Act 2"]
    assert len(scene.dollygrip.take_list) == 1 and scene.dollygrip.notice


def test_a_camera_renamed_meanwhile_gets_its_takes_though_another_is_shown(ready):
    other, shot = two_shots(ready)
    ready.dollygrip.brief.prompt, ready.camera = "sleep=0.2", shot
    session.start(PredictCamera.of(bpy.context), "")
    shot.name, ready.camera = "Hero", other
    pump()
    assert len(shot.dollygrip_shot.takes) == 2 and len(other.dollygrip_shot.takes) == 1
    assert takes.provenance(takes.shown(shot))["prompt"] == "sleep=0.2"


def test_a_camera_renamed_meanwhile_is_redirected(ready):
    other, shot = two_shots(ready)
    direct = ready.dollygrip.brief.direct
    direct.prompt, direct.first, direct.last, ready.camera = "sleep=0.2", 3, 9, shot
    session.start(Redirect.of(bpy.context), "")
    other.name, shot.name = "Spare", other.name
    pump()
    assert not ready.dollygrip.error and len(other.dollygrip_shot.takes) == 1
    assert takes.provenance(takes.shown(shot))["range"] == [3, 9]


def reopened() -> bpy.types.Scene:
    """The scene as another Blender shows it that opens the file as it is saved now."""
    bpy.ops.wm.save_mainfile()
    path = bpy.data.filepath
    empty_blender()
    bpy.ops.wm.open_mainfile(filepath=path)
    return bpy.context.scene


@pytest.mark.parametrize("kind", [PredictCamera, Redirect])
def test_takes_come_to_a_shot_that_was_renamed_while_they_were_predicted_and_blender_ended(ready, kind):
    """Whatever is shown by then, and whatever has its old name; twice, for a job that is attached to goes on, too."""
    first, second = two_shots(ready)
    shots.show(ready, first)
    ready.dollygrip.brief.prompt = ready.dollygrip.brief.direct.prompt = "sleep=1.5"
    ready.use_preview_range, ready.frame_preview_start, ready.frame_preview_end = True, 1, 12
    session.start(kind.of(bpy.context), "")
    pump(lambda: session.task.job_id)
    old, first.name = first.name, "Hero"
    second.name = old
    shots.show(ready, second)
    scene = reopened()
    assert not session.active and scene.camera.name == old
    session.start(resume.task_of(scene), "")
    scene.objects["Hero"].name = "Villain"
    scene = reopened()
    assert bpy.ops.dollygrip.resume_job() == {"FINISHED"}, scene.dollygrip.error
    listed = [len(scene.objects[name].dollygrip_shot.takes) for name in ("Villain", old)]
    assert listed == [2, 1] and not scene.dollygrip.error


def test_a_shot_that_was_renamed_while_it_waited_and_blender_ended_is_rendered(ready):
    rendering_slowly(ready)
    rendered, waiting = shots.of_scene(ready)
    kept, old, waiting.name = rendered.name, waiting.name, "Hero"
    scene = reopened()
    assert not session.active and old not in scene.objects
    assert bpy.ops.dollygrip.resume_job() == {"FINISHED"}, scene.dollygrip.error
    made = [strips.shot_of(strip) for strip in compat.strips_of(scene)]
    assert [shot["shot"] for shot in made] == [kept, "Hero"]
    assert {shot["state"] for shot in made} == {"done"} and not resume.is_pending(scene)
