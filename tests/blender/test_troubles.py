"""What a tick may stumble over: the job ends with its reason, and the next one can begin."""

import shutil
import subprocess
import sys

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip.errors import InputError

FRAMES = 5


@pytest.fixture
def film(ready):
    """Few and small frames."""
    ready.render.resolution_x, ready.render.resolution_y = 128, 72
    ready.dollygrip.brief.frame_count = FRAMES
    return ready


@pytest.mark.parametrize("broken", ["deliver", "finish", "record"])
def test_what_cannot_go_into_the_scene_ends_the_job_with_its_reason(film, monkeypatch, broken):
    def stumble(*_):
        raise TypeError("a name that is none")

    with monkeypatch.context() as patch:
        patch.setattr(PredictCamera, broken, stumble)
        with pytest.raises(RuntimeError, match=r"Predicting the camera failed: TypeError.*a name that is none"):
            bpy.ops.dollygrip.predict_camera()
    assert "a name that is none" in film.dollygrip.error and not session.active and not film.dollygrip.job
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    assert not film.dollygrip.error


def test_a_state_folder_that_cannot_be_written_is_named(scene, tmp_path, monkeypatch, capfd):
    taken = tmp_path / "home"
    taken.touch()
    monkeypatch.setenv("DOLLYGRIP_HOME", str(taken))
    with pytest.raises(RuntimeError, match=r"folder .*home cannot be written: File exists\. Check its permissions"):
        bpy.ops.dollygrip.start_backend()
    assert "Traceback" not in capfd.readouterr().err


def test_jobs_that_follow_one_that_stumbles_are_done(film, monkeypatch):
    bpy.ops.dollygrip.predict_camera()
    deliver = RenderShot.deliver

    def stumble(task, scene, prepared):
        if task.frame_start == 1:
            raise OSError("the disk is gone")
        deliver(task, scene, prepared)

    monkeypatch.setattr(RenderShot, "deliver", stumble)
    first, second = (RenderShot.of(bpy.context, None, span) for span in ((1, 3), (4, 5)))
    ended = session.run(first, "", [second])
    assert "the disk is gone" in ended.error.message and "the disk is gone" in film.dollygrip.error
    assert [compat.span_of(strip) for strip in compat.strips_of(film)] == [(4, 6)]


def test_a_frame_that_cannot_be_written_is_named(film, tmp_path):
    """The folder goes while a shot renders; what was rendered before stays in the strip."""
    bpy.ops.dollygrip.predict_camera()
    takes.shown(film.camera)["dollygrip"]["prompt"] = "sleep=0.1"
    session.start(RenderShot.of(bpy.context), "")
    while not session.task.files:
        session.pump()
    shutil.rmtree(session.task.folder)
    while session.active:
        session.pump()
    assert "a file cannot be read or written: " in film.dollygrip.error and "frame_000" in film.dollygrip.error
    assert "folder" in film.dollygrip.hint and "report" not in film.dollygrip.hint


def test_what_was_noticed_of_every_shot_of_several_is_told(film):
    """Once each, though the last shot ends last; also beside an error of one of them."""
    film.view_settings.exposure = 1.0  # which no colour space undoes
    bpy.ops.dollygrip.predict_camera()
    spans = (1, 2), (3, 4), (5, 5)
    first, *following = (RenderShot.of(bpy.context, None, span) for span in spans)
    for task in (first, *following):
        task.notices.append("A notice of each.")
    following[0].prompt = "fail=1"
    assert session.run(first, "", following).error
    told = film.dollygrip.notice
    assert told.count("The scene's view changes the strip's colours") == told.count("A notice of each.") == 1
    assert [f"{count} of {of} frames" in told for count, of in ((2, 2), (1, 2), (1, 1))] == [True] * 3
    film.view_settings.exposure = 0.0
    session.run(RenderShot.of(bpy.context, None, (1, 2)), "")
    assert film.dollygrip.notice == "2 of 2 frames are in //dollygrip/shot_004."


def test_a_reference_on_another_drive_is_kept_by_its_whole_path(film, picture_path, monkeypatch):
    def another_drive(*_):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(bpy.path, "relpath", another_drive)
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    assert takes.reference(takes.shown(film.camera)) == str(picture_path) and not takes.unlisted()
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    assert len(compat.strips_of(film)[0].elements) == FRAMES


@pytest.mark.parametrize("override", [False, True])
def test_a_linked_shot_says_that_its_takes_cannot_be_changed(film, tmp_path, override):
    bpy.ops.dollygrip.predict_camera()
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {film.camera}, fake_user=True)
    bpy.data.batch_remove([*bpy.data.objects, *bpy.data.cameras, *bpy.data.actions])
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.objects = there.objects
    [shot] = here.objects
    film.collection.objects.link(shot)
    shot = film.camera = shot.override_create() if override else shot
    if override:
        film.collection.objects.link(shot)
    before = len(bpy.data.actions)
    take = takes.dense(shot.dollygrip_shot.takes[0].action)
    operators = bpy.ops.dollygrip
    for press in (operators.predict_camera, operators.duplicate_take, operators.delete_take, operators.more_like_this):
        with pytest.raises(RuntimeError, match=r"is linked from another file.*Make it local"):
            press()
    with pytest.raises(InputError, match="is linked"):
        takes.add(film, None, "take", {})
    assert len(shot.dollygrip_shot.takes) == 1 and len(bpy.data.actions) == before and not takes.unlisted()
    operators.new_shot()
    film.dollygrip.brief.prompt = "go"
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    assert film.camera != shot and len(takes.dense(takes.shown(film.camera))) == len(take)


def test_a_folder_that_cannot_be_made_is_named(film, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    (tmp_path / "dollygrip").write_text("a file of the animator's")
    with pytest.raises(RuntimeError, match=r"The folder .*dollygrip.shot_001 cannot be made: .*Save the \.blend"):
        bpy.ops.dollygrip.render_shot()
    assert "cannot be made" in film.dollygrip.error
    bpy.data.images.new("paint", 8, 8)
    with pytest.raises(RuntimeError, match="cannot be made"):
        bpy.ops.dollygrip.capture_reference(source="IMAGE", image="paint")


# A studio's own colour configuration: one view, and no name that Blender's own has

CONFIGURATION = """
ocio_profile_version: 2
roles: {default: linear, scene_linear: linear, data: raw, color_picking: video, texture_paint: video,
  default_byte: video, default_float: linear, default_sequencer: video}
displays:
  Monitor:
    - !<View> {name: Film, colorspace: video}
active_displays: [Monitor]
active_views: [Film]
colorspaces:
  - !<ColorSpace> {name: linear, bitdepth: 32f, isdata: false}
  - !<ColorSpace> {name: raw, bitdepth: 32f, isdata: true}
  - !<ColorSpace>
    name: video
    bitdepth: 32f
    isdata: false
    to_scene_reference: !<ExponentWithLinearTransform> {gamma: [2.4, 2.4, 2.4, 1], offset: [0.055, 0.055, 0.055, 0]}
"""

IN_THE_STUDIO = """
import sys, bpy, addon_utils
from pathlib import Path
import numpy as np
bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.enable("bl_ext.user_default.dollygrip")
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.shots import colours, strips
scene, path = bpy.context.scene, Path(sys.argv[-1])
assert scene.view_settings.view_transform == "Film"
rgb = picture.read_picture(str(path))
scene.render.resolution_x, scene.render.resolution_y = rgb.shape[1::-1]
strip = strips.ensure(scene, [path], 1, 1, {"take": "take"})
assert len(strip.elements) == 1
print("SAID", colours.show(scene, strip))
assert bpy.ops.dollygrip.capture_reference(source="SEQUENCER") == {"FINISHED"}
assert np.abs(picture.read_picture(scene.dollygrip.brief.reference).astype(int) - rgb).max() <= 1
"""


def test_a_studios_colour_configuration_gives_a_strip_and_is_said(tmp_path, monkeypatch):
    (tmp_path / "studio.ocio").write_text(CONFIGURATION)
    monkeypatch.setenv("OCIO", str(tmp_path / "studio.ocio"))
    path = tmp_path / "frame_0001.png"
    picture.write_png(path, np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8))
    done = subprocess.run([sys.executable, "-c", IN_THE_STUDIO, str(path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "has no view transform Standard and no sequencer colour space sRGB" in done.stdout
