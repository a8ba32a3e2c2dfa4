"""What a job brings waits for the end of drags, renders and Edit Mode, and comes then."""

import time

import bpy
import pytest
from bl_ext.user_default.dollygrip import calm, compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.live.live import live
from bl_ext.user_default.dollygrip.live.overlay import Overlay
from bl_ext.user_default.dollygrip.render.render import RenderShot
from blender.sample_takes import add_take, orbit
from blender.test_live import tick_until


def tick_session_until(condition, timeout=30.0) -> None:
    """What Blender's timer does."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        session._tick()
        time.sleep(0.01)


def in_edit_mode(scene) -> bpy.types.Object:
    prop = bpy.data.objects.new("Prop", bpy.data.meshes.new("Prop"))
    scene.collection.objects.link(prop)
    bpy.context.view_layer.objects.active = prop
    bpy.ops.ed.undo_push(message="a prop")
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.ed.undo_push(message="edit mode")
    return prop


def test_takes_wait_for_the_end_of_edit_mode_whose_undo_does_not_hold_them(ready):
    ready.dollygrip.brief.takes = 2
    prop = in_edit_mode(ready)
    session.start(PredictCamera.of(bpy.context), "")
    tick_session_until(lambda: session.status.text == "Waiting for the end of Edit Mode")
    assert session.task.job_id in ready.dollygrip.job, "a file that is saved now can go on with it"
    drawn = session.status
    session._tick()
    assert session.status is drawn, "nothing is redrawn meanwhile"
    assert prop.mode == "EDIT" and not ready.dollygrip.take_list
    bpy.ops.object.mode_set(mode="OBJECT")
    tick_session_until(lambda: not session.active)
    bpy.ops.ed.undo_push(message="the takes")
    bpy.ops.ed.undo()
    assert not bpy.context.scene.dollygrip.take_list
    bpy.ops.ed.redo()
    assert len(bpy.context.scene.dollygrip.take_list) == 2


@pytest.mark.parametrize(("busy", "with_what"), [("is_dragging", "the drag"), ("is_rendering", "Blender's render")])
def test_frames_wait_on_disk_for_the_end_of_a_drag_or_a_render(ready, monkeypatch, busy, with_what):
    bpy.ops.dollygrip.predict_camera()
    monkeypatch.setattr(calm, busy, lambda: True)
    task = RenderShot.of(bpy.context)
    session.start(task, "", [RenderShot.of(bpy.context, None, (3, 5))])
    tick_session_until(lambda: task.folder and len(list(task.folder.glob("frame_*.png"))) == 12)
    tick_session_until(lambda: session.status.text == f"Waiting for the end of {with_what}")
    assert not compat.strips_of(ready)
    monkeypatch.setattr(calm, busy, lambda: False)
    tick_session_until(lambda: not session.active)
    assert [len(strip.elements) for strip in compat.strips_of(ready)] == [12, 3]


def test_frames_come_while_a_prop_is_edited_so_that_a_queue_goes_on(ready):
    bpy.ops.dollygrip.predict_camera()
    in_edit_mode(ready)
    session.start(RenderShot.of(bpy.context), "", [RenderShot.of(bpy.context, None, (3, 5))])
    tick_session_until(lambda: not session.active)
    assert [len(strip.elements) for strip in compat.strips_of(ready)] == [12, 3]


def test_a_script_waits_for_nothing(ready):
    in_edit_mode(ready)
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"} and len(ready.dollygrip.take_list) == 1


def test_the_path_is_not_sampled_while_blender_renders(scene, monkeypatch):
    add_take(scene, orbit)
    overlay = Overlay()
    assert not overlay.settled(scene)
    monkeypatch.setattr(calm, "is_rendering", lambda: True)
    assert overlay.settled(scene)


def test_live_reads_no_scene_while_blender_renders(ready, monkeypatch):
    bpy.context.window_manager.dollygrip_live = True
    ready.dollygrip.brief.prompt = "go"
    tick_until(lambda: live.preview and not live.waiting)
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    ready.collection.objects.link(own)
    monkeypatch.setattr(calm, "is_rendering", lambda: True)
    frames = []
    bpy.app.handlers.frame_change_pre.append(lambda scene, _: frames.append(scene.frame_current))
    ready.dollygrip.brief.start = own
    deadline = time.monotonic() + 1.0
    tick_until(lambda: time.monotonic() > deadline)
    assert not frames
    monkeypatch.setattr(calm, "is_rendering", lambda: False)
    tick_until(lambda: frames)
    bpy.app.handlers.frame_change_pre.clear()
    live.stop()


def test_a_job_that_is_abandoned_leaves_no_timer(ready):
    session.start_on_timer(PredictCamera.of(bpy.context), "")
    assert bpy.app.timers.is_registered(session._timer)
    session.abandon()
    assert not bpy.app.timers.is_registered(session._timer)
