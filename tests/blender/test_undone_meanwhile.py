"""Undo while a job runs. Blender frees data-blocks that no undo step knows but keeps what points to them, and crashes
where that is looked at: so takes come all at once, in the moment in which they become a step. That takes a window."""

import time

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.takes import takes
from blender.test_jobs import pump_until


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
