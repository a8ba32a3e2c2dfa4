"""Undo and redo while a job runs: the scene that Blender has put back is left alone for a moment, then gets its takes.

That what comes back is one step of undo takes a window: tests/gui.
"""

import time

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.takes import takes


def tick_for(seconds=30.0) -> None:
    """Blender's timer, until nothing runs any more or time is up."""
    deadline = time.monotonic() + seconds
    while session.active and time.monotonic() < deadline:
        session.tick()
        time.sleep(0.01)


@pytest.mark.parametrize("redone", [False, True])
def test_undo_in_the_middle_of_a_job_leaves_a_sound_scene_that_gets_every_take(ready, redone):
    state = ready.dollygrip
    state.prompt, state.takes = "sleep=0.05", 3
    bpy.ops.ed.undo_push(message="before")
    state.seed = 7
    bpy.ops.ed.undo_push(message="seed")
    session.start(PredictCamera.of(bpy.context), "")
    bpy.ops.ed.undo()
    if redone:
        bpy.ops.ed.redo()
    tick_for(0.2)
    scene = bpy.context.scene
    assert session.active and not scene.dollygrip.job and not scene.objects, "what was put back is left alone"
    tick_for()
    state = scene.dollygrip
    assert not state.error and not state.job and state.seed == (7 if redone else 0)
    assert len(state.take_list) == 3 and takes.shown(scene.camera) == state.take_list[2].action
