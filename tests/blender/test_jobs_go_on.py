"""Jobs go on when Blender was closed, in another process, and from a file that was moved or saved elsewhere."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.dollygrip import compat, resume
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import strips
from bl_ext.user_default.dollygrip.takes import takes
from blender.trucked_takes import FRAMES, empty_blender, pump_until_idle, trucked

from dollygrip.client import TERMINAL, Client
from dollygrip.connection import read_connection
from dollygrip.protocol import Cancelled


def begin_and_leave(task, results: int) -> None:
    """Start a task, save the file after so many results, and leave it, as closing Blender does."""
    session.start(task, "")
    deadline = time.monotonic() + 30
    while not (task.job_id and task.received >= results):
        assert time.monotonic() < deadline
        session.pump()
        time.sleep(0.01)
    bpy.ops.wm.save_mainfile()
    empty_blender()
    assert not session.active


RESUMED = """
import sys, bpy, addon_utils
addon_utils.enable("bl_ext.user_default.dollygrip")
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
bpy.ops.dollygrip.resume_job()
assert not bpy.ops.dollygrip.resume_job.poll()
bpy.ops.wm.save_mainfile()
"""


def reopen(path: Path, code: str) -> bpy.types.Scene:
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return bpy.context.scene


def test_a_render_goes_on_in_a_new_process_and_a_moved_project(in_project, scripted_backend, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    takes.shown(in_project.camera)["dollygrip"]["prompt"] = "sleep=0.1"
    begin_and_leave(RenderShot.of(bpy.context), 3)
    shutil.move(tmp_path / "project", tmp_path / "elsewhere")
    on_disk = len(list((tmp_path / "elsewhere").rglob("frame_*.png")))
    assert 3 <= on_disk < FRAMES
    scene = reopen(tmp_path / "elsewhere" / "film.blend", RESUMED)
    [strip] = compat.strips_of(scene)
    folder = strips.folder_of(strip)
    assert strips.shot_of(strip)["state"] == "done" and folder.parent.parent == tmp_path / "elsewhere"
    seen = [int(picture.read_picture(f"{folder}/{e.filename}")[0, 0, 0]) for e in strip.elements]
    assert seen == list(range(FRAMES)) and not scene.dollygrip.job


def test_a_prediction_goes_on_in_a_new_process(in_project, tmp_path):
    in_project.dollygrip.brief.takes, in_project.dollygrip.brief.prompt = 4, "sleep=0.3"
    begin_and_leave(PredictCamera.of(bpy.context), 0)  # takes come all at once
    scene = reopen(tmp_path / "project" / "film.blend", RESUMED)
    made = [takes.provenance(entry.action) for entry in scene.dollygrip.take_list]
    assert [m["take"] for m in made] == [1, 2, 3, 4] and {m["reference"] for m in made} == {
        str(tmp_path / "project" / "reference.png")
    }
    for index in range(4):
        scene.dollygrip.take_index = index
        assert trucked(scene) == pytest.approx(index + 1, abs=0.01)


def saved_elsewhere(tmp_path, **options) -> Path:
    path = tmp_path / "elsewhere" / "deep" / "other.blend"
    path.parent.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), **options)
    return path


@pytest.mark.parametrize("when", ["while it runs", "while it waits"])
@pytest.mark.parametrize("copy", [False, True])
def test_a_render_goes_on_from_a_file_that_is_saved_elsewhere(in_project, tmp_path, when, copy):
    bpy.ops.dollygrip.predict_camera()
    takes.shown(in_project.camera)["dollygrip"]["prompt"] = "sleep=0.1"
    begun = RenderShot.of(bpy.context)
    session.start(begun, "")
    while len(begun.files) < 3:
        session.pump()
    if when == "while it waits":
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    known = bpy.context.scene.dollygrip.job
    path = saved_elsewhere(tmp_path, copy=copy)
    if copy:
        assert bpy.context.scene.dollygrip.job == known, "the open file is where it was"
    empty_blender()
    scene = reopen(path, RESUMED)
    [strip] = compat.strips_of(scene)
    assert strips.folder_of(strip) == begun.folder
    seen = [int(picture.read_picture(f"{begun.folder}/{e.filename}")[0, 0, 0]) for e in strip.elements]
    assert seen == list(range(FRAMES)) and not scene.dollygrip.job


@pytest.mark.parametrize("closed", [False, True])
def test_a_prediction_keeps_its_reference_where_the_file_is_saved_elsewhere(in_project, tmp_path, closed):
    in_project.dollygrip.brief.prompt = "sleep=0.3"
    bpy.ops.wm.save_mainfile()
    assert in_project.dollygrip.brief.reference == "//reference.png"
    task = PredictCamera.of(bpy.context)
    session.start(task, "")
    while not task.job_id:
        session.pump()
    path = saved_elsewhere(tmp_path)
    if closed:
        empty_blender()
        scene = reopen(path, RESUMED)
    else:
        pump_until_idle()
        scene = in_project
    assert takes.reference(takes.shown(scene.camera)) == str(tmp_path / "project" / "reference.png")
    assert takes.reference_image(takes.shown(scene.camera)).filepath == "//../../project/reference.png"


def test_a_job_is_attached_to_by_itself_when_the_backend_runs(in_project, scripted_backend, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    takes.shown(in_project.camera)["dollygrip"]["prompt"] = "sleep=0.1"
    begin_and_leave(RenderShot.of(bpy.context), 2)
    scripted_backend.stop()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "project" / "film.blend"))
    scene = bpy.context.scene
    resume.resume_quietly()
    pump_until_idle()
    assert resume.is_pending(scene), "without a backend the job waits"
    scripted_backend.start()
    resume.resume_quietly()
    pump_until_idle()
    assert not resume.is_pending(scene) and not scene.dollygrip.error
    assert compat.strips_of(scene)[0].frame_final_duration == FRAMES


def test_a_job_that_no_saved_file_knows_is_cancelled(in_project):
    bpy.ops.dollygrip.predict_camera()
    takes.shown(in_project.camera)["dollygrip"]["prompt"] = "sleep=0.2"
    task = RenderShot.of(bpy.context)
    session.start(task, "")
    deadline = time.monotonic() + 30
    while not task.job_id:
        assert time.monotonic() < deadline
        session.pump()
        time.sleep(0.01)
    empty_blender()
    with Client.connect(read_connection()) as client:
        client.attach(task.job_id)
        ended = [event for _ in range(100) if isinstance(event := client.poll(0.1), TERMINAL)]
    assert [type(event) for event in ended] == [Cancelled]


def test_a_broken_record_is_said(in_project):
    in_project.dollygrip.job = '{"folder": "//nowhere", "job": "x"}'
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.dollygrip.resume_job()
    bpy.ops.dollygrip.forget_job()
    assert not bpy.ops.dollygrip.resume_job.poll()
