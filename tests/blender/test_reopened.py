"""What a file keeps while it is closed or its parts move: queued shots, packed references, deleted takes, rigs.

The scripted backend's take number k of a prediction trucks right by k + 1 metres.
"""

import json
import shutil
import subprocess
import sys
import time

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.rigs import rigs
from bl_ext.user_default.dollygrip.shots import strips
from bl_ext.user_default.dollygrip.takes import takes
from blender.trucked_takes import empty_blender

from dollygrip.rotations import angle_between

FRAMES = 6


@pytest.fixture
def film(in_project):
    """A saved file in a folder with its reference, on a running scripted backend, with one predicted take."""
    scene = in_project
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    scene.dollygrip.brief.frame_count = FRAMES
    bpy.ops.dollygrip.predict_camera()
    return scene


def shown(scene) -> bpy.types.Action:
    return takes.shown(scene.camera)


# Shots that waited to be rendered


RESUMED = """
import sys, bpy, addon_utils
addon_utils.enable("bl_ext.user_default.dollygrip")
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
assert bpy.ops.dollygrip.resume_job() == {"FINISHED"}, bpy.context.scene.dollygrip.error
assert not bpy.ops.dollygrip.resume_job.poll()
bpy.ops.wm.save_mainfile()
"""


def queue_and_close(scene, path) -> None:
    """Three renders of different parts; the file is saved while the first one runs, and Blender closes."""
    shown(scene)["dollygrip"]["prompt"] = "sleep=0.1"
    first, *following = (RenderShot.of(bpy.context, None, span) for span in ((1, 6), (2, 4), (3, 3)))
    session.start(first, "", following)
    deadline = time.monotonic() + 60
    while not first.files:
        assert time.monotonic() < deadline
        session.pump()
        time.sleep(0.01)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert [row[1:] for row in json.loads(scene.dollygrip.waiting)] == [[2, 4], [3, 3]]
    assert not bpy.ops.dollygrip.resume_job.poll(), "in this Blender they are in the session's hands"
    empty_blender()
    assert not session.active


def test_shots_that_waited_when_blender_closed_are_rendered(film, tmp_path):
    path = tmp_path / "project" / "film.blend"
    queue_and_close(film, path)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert bpy.ops.dollygrip.resume_job.poll()
    bpy.ops.wm.save_mainfile()  # still asked after another save
    done = subprocess.run([sys.executable, "-c", RESUMED, str(path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    bpy.ops.wm.open_mainfile(filepath=str(path))
    made = compat.strips_of(bpy.context.scene)
    assert sorted(compat.span_of(strip) for strip in made) == [(1, 7), (2, 5), (3, 4)]
    assert {strips.shot_of(strip)["state"] for strip in made} == {"done"}


def test_a_file_that_blender_writes_unasked_knows_what_waits(film, tmp_path):
    """Auto-save and quit.blend tell no handler; undo does not make rendered shots wait again."""
    shown(film)["dollygrip"]["prompt"] = "sleep=0.1"
    bpy.ops.ed.undo_push(message="before")
    first, *following = (RenderShot.of(bpy.context, None, span) for span in ((1, 6), (2, 4), (3, 3)))
    session.start(first, "", following)
    assert [row[1:] for row in json.loads(film.dollygrip.waiting)] == [[1, 6], [2, 4], [3, 3]]
    while not first.files:
        session.pump()
    bpy.ops.ed.undo_push(message="queued")
    bpy.data.libraries.write(str(tmp_path / "quit.blend"), {film})
    while session.active:
        session.pump()
    assert not bpy.context.scene.dollygrip.waiting
    bpy.ops.ed.undo_push(message="rendered")
    bpy.ops.ed.undo()
    assert not bpy.context.scene.dollygrip.waiting and not bpy.ops.dollygrip.resume_job.poll()
    with bpy.data.libraries.load(str(tmp_path / "quit.blend")) as (_, into):
        into.scenes = ["Scene"]
    assert [row[1:] for row in json.loads(into.scenes[0].dollygrip.waiting)] == [[2, 4], [3, 3]]
    assert into.scenes[0].dollygrip.job, "and the job that ran"


def test_shots_that_waited_may_be_forgotten_and_say_what_is_wrong(film, tmp_path):
    path = tmp_path / "project" / "film.blend"
    queue_and_close(film, path)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    state = bpy.context.scene.dollygrip
    state.job = ""
    rows = json.loads(state.waiting)
    assert [row[1:] for row in rows] == [[2, 4], [3, 3]]
    state.waiting = json.dumps([["Gone", 1, 2]])
    with pytest.raises(RuntimeError, match="camera Gone, which waits to be rendered, is gone"):
        bpy.ops.dollygrip.resume_job()
    state.waiting = '{"a": 1}'
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.dollygrip.resume_job()
    bpy.ops.dollygrip.forget_job()
    assert not bpy.ops.dollygrip.resume_job.poll()


# References


def test_a_packed_reference_is_used_where_its_file_is_gone(film, tmp_path):
    before = picture.read_picture("//reference.png")
    bpy.ops.file.pack_all()
    bpy.ops.wm.save_mainfile()
    (tmp_path / "project" / "reference.png").unlink()
    (tmp_path / "sent").mkdir()
    shutil.move(tmp_path / "project" / "film.blend", tmp_path / "sent" / "film.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "sent" / "film.blend"))
    scene = bpy.context.scene
    assert np.array_equal(picture.read_picture(takes.reference(shown(scene))), before)
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    stored = takes.provenance(shown(scene))
    assert stored["reference_sha256"] == picture.fingerprint(before)
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    assert bpy.ops.dollygrip.more_like_this(count=1) == {"FINISHED"}


# Deleted takes


def moving_parent(scene) -> None:
    vehicle = bpy.data.objects.new("Vehicle", None)
    scene.collection.objects.link(vehicle)
    vehicle.rotation_euler, vehicle.scale = (0.2, -0.1, 0.7), (2, 2, 2)
    for frame, place in ((1, (0, 0, 0)), (FRAMES, (5, -1, 0.5))):
        vehicle.location = place
        vehicle.keyframe_insert("location", frame=frame)
    scene.camera.parent = vehicle


def handheld(_scene) -> None:
    bpy.ops.dollygrip.add_handheld(seed=1, amount=1.0)


def riding(_scene) -> None:
    bpy.ops.dollygrip.set_rig(kind=rigs.PATH)


@pytest.mark.parametrize("carried", [(moving_parent,), (handheld,), (moving_parent, handheld), (moving_parent, riding)])
def test_a_deleted_take_is_reopened_where_it_was_rendered(film, carried):
    for carry in carried:
        carry(film)
    before = camera.sample(bpy.context, 1, FRAMES)
    bpy.ops.dollygrip.render_shot()
    bpy.ops.dollygrip.delete_take()
    film.sequence_editor.active_strip = compat.strips_of(film)[0]
    assert bpy.ops.dollygrip.open_take() == {"FINISHED"}
    after = camera.sample(bpy.context, 1, FRAMES)
    depth = takes.scene_depth(shown(film))
    assert np.linalg.norm(after.positions - before.positions, axis=1).max() < 2.5 * camera.POSITION_TOLERANCE * depth
    assert angle_between(after.rotations, before.rotations).max() < 2.5 * camera.ANGLE_TOLERANCE
    assert np.abs(after.intrinsics / before.intrinsics - 1).max() < 1e-3
    bpy.ops.dollygrip.render_shot()
    assert sorted(strip.channel for strip in compat.strips_of(film)) == [1, 2]


# Append


@pytest.mark.parametrize("kind", [rigs.PATH, rigs.AIM])
def test_an_appended_shot_brings_its_rig(film, tmp_path, kind):
    bpy.ops.dollygrip.duplicate_take()
    bpy.ops.dollygrip.set_rig(kind=kind)
    name, before = film.camera.name, camera.sample(bpy.context, 1, FRAMES)
    bpy.ops.wm.save_mainfile()
    empty_blender()
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    bpy.ops.wm.append(directory=f"{tmp_path}/project/film.blend/Object/", filename=name)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "other.blend"))
    scene = bpy.context.scene
    scene.dollygrip.shot_index = scene.objects.find(name)
    after = camera.sample(bpy.context, 1, FRAMES)
    assert np.allclose(after.c2w, before.c2w, atol=1e-5)
    assert [rigs.kind_of(entry.action) for entry in scene.dollygrip.take_list] == [rigs.PLAIN, kind]
    scene.dollygrip.take_index = 0
    assert np.allclose(camera.sample(bpy.context, 1, FRAMES).positions, before.positions, atol=2e-3)
    picture.read_picture(takes.reference(shown(scene)))
