"""Undo while a job runs. Blender frees data-blocks that no undo step knows but keeps what points to them, and crashes
where that is looked at: so takes come all at once, in the moment in which they become a step. That takes a window."""

import time
from collections.abc import Iterator

import bpy
import pytest
from bl_ext.user_default.dollygrip import resume
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.takes import takes
from blender.test_jobs import pump_until
from blender.trucked_takes import empty_blender


@pytest.mark.parametrize("redone", [False, True])
def test_undo_in_the_middle_of_a_job_leaves_a_sound_scene_that_gets_every_take(ready, redone):
    bpy.ops.dollygrip.predict_camera()
    state = ready.dollygrip
    state.brief.prompt, state.brief.takes = "sleep=0.3", 3
    bpy.ops.ed.undo_push(message="before")
    state.brief.seed = 7
    bpy.ops.ed.undo_push(message="seed")
    session.start(PredictCamera.of(bpy.context), "")
    began = time.monotonic()
    pump_until(lambda: time.monotonic() > began + 0.8)  # at least one has come by now
    assert session.active and len(bpy.data.actions) == 1, "nothing is in the scene that no undo step knows"
    bpy.ops.ed.undo()
    if redone:
        bpy.ops.ed.redo()
    assert len(bpy.context.scene.dollygrip.take_list) == 1
    pump_until(lambda: not session.active)
    state, shot = bpy.context.scene.dollygrip, bpy.context.scene.camera
    assert not state.error and not state.job and state.brief.seed == (7 if redone else 0)
    prompts = [takes.provenance(entry.action)["prompt"] for entry in state.take_list]
    assert prompts == ["go"] + 3 * ["sleep=0.3"] and takes.shown(shot) == state.take_list[3].action


def test_what_an_undo_brings_back_is_not_said_of_the_shot_that_renders_meanwhile(ready):
    ready.dollygrip.brief.prompt = "sleep=0.1"
    bpy.ops.dollygrip.predict_camera()
    assert "frames 1 to 12" in ready.dollygrip.notice
    bpy.ops.ed.undo_push(message="said")
    session.start(RenderShot.of(bpy.context), "")
    ready.dollygrip.notice = ""  # as a button does that starts a job
    ready.frame_end = 99
    bpy.ops.ed.undo_push(message="an edit")
    pump_until(lambda: session.task.files)
    bpy.ops.ed.undo()
    assert "frames 1 to 12" in bpy.context.scene.dollygrip.notice
    pump_until(lambda: not session.active)
    assert bpy.context.scene.dollygrip.notice.startswith("12 of 12 frames are in")


@pytest.fixture
def forgetful() -> Iterator[None]:
    """A session that knows of ended jobs no more than another Blender does."""
    known = set(session.ended)
    yield
    session.ended |= known


def reopened() -> bpy.types.Scene:
    """The scene as another Blender shows it that opens the file as it is saved now."""
    bpy.ops.wm.save_mainfile()
    path = bpy.data.filepath
    empty_blender()
    session.ended.clear()
    bpy.ops.wm.open_mainfile(filepath=path)
    return bpy.context.scene


def test_a_job_is_attached_to_from_a_file_that_was_saved_after_an_undo(ready, forgetful):
    ready.dollygrip.brief.prompt = "sleep=0.5"
    bpy.ops.ed.undo_push(message="before")
    session.start(PredictCamera.of(bpy.context), "")
    pump_until(lambda: session.task.job_id)
    ready.frame_end = 99
    bpy.ops.ed.undo_push(message="an edit")
    bpy.ops.ed.undo()
    assert bpy.context.scene.frame_end == 250 and session.active
    scene = reopened()
    assert not session.active and not scene.dollygrip.take_list
    assert bpy.ops.dollygrip.resume_job() == {"FINISHED"}
    assert len(scene.dollygrip.take_list) == 1


@pytest.mark.parametrize("saved_unasked", [False, True])
def test_takes_that_were_undone_do_not_come_back_with_the_file(ready, forgetful, tmp_path, saved_unasked):
    """Also where Blender saves the file by itself, which tells nobody."""
    ready.dollygrip.brief.prompt = "sleep=0.5"
    session.start(PredictCamera.of(bpy.context), "")
    pump_until(lambda: session.task.job_id)
    ready.frame_end = 99
    bpy.ops.ed.undo_push(message="an edit")
    pump_until(lambda: not session.active)
    assert len(bpy.context.scene.dollygrip.take_list) == 1
    bpy.ops.ed.undo_push(message="the take")
    bpy.ops.ed.undo()
    assert bpy.context.scene.frame_end == 99 and not bpy.context.scene.dollygrip.take_list
    if saved_unasked:
        bpy.data.libraries.write(str(tmp_path / "quit.blend"), {bpy.context.scene})
        session.ended.clear()
        with bpy.data.libraries.load(str(tmp_path / "quit.blend")) as (_, into):
            into.scenes = ["Scene"]
        assert not resume.is_pending(into.scenes[0])
    else:
        assert not resume.is_pending(reopened())


def test_a_copy_of_the_scene_does_not_wait_for_its_job(ready, forgetful):
    ready.dollygrip.brief.prompt = "sleep=0.5"
    session.start(PredictCamera.of(bpy.context), "")
    pump_until(lambda: session.task.job_id)
    name = ready.name
    bpy.ops.scene.new(type="FULL_COPY")
    copy = bpy.context.scene.name
    bpy.context.window.scene = bpy.data.scenes[name]
    reopened()
    assert [resume.has_job(bpy.data.scenes[each]) for each in (name, copy)] == [True, False]
