"""What the panels say of jobs: of which shot, where, and until when."""

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.drawing import draw_job
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import shots
from blender.test_fetching import a_context, texts
from blender.test_jobs import pump_until
from blender.test_takes import pump_until_idle


def said(kind: str) -> str:
    """What the panel of a kind of tasks says of the last one."""
    return texts(lambda layout: draw_job(layout, a_context(), kind))


@pytest.fixture
def film(ready):
    """Two shots on the timeline, the second from frame 11 on, of which that one is shown."""
    ready.frame_end = 20
    for frame in (1, 11):
        bpy.ops.dollygrip.new_shot()
        shots.bind(ready, ready.camera, frame)
        ready.frame_set(frame)
        ready.dollygrip.brief.prompt, ready.dollygrip.brief.reference = "go", "//reference.png"
    return ready


def test_progress_names_the_shot_of_several_and_its_place(film):
    one, two = shots.of_scene(film)
    first, second = (RenderShot.of(bpy.context, shot) for shot in (one, two))
    session.start(first, "", [second])
    assert f"Rendering {one.name}: 1 of 2" in said("RenderShot")
    pump_until(lambda: session.task is not first)
    assert f"Rendering {two.name}: 2 of 2" in said("RenderShot")
    pump_until_idle()
    session.start(RenderShot.of(bpy.context, one), "")
    assert "of 1" not in said("RenderShot")
    pump_until_idle()
