"""Operators, session and panels' state against a real server whose workers follow a script in the prompt."""

import json
import shutil
import signal
import time
from operator import attrgetter
from pathlib import Path

import addon_utils
import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import BUDGET, session
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.measure import MeasureCamera
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import saving, strips
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip.errors import InputError

EXTENSION = "bl_ext.user_default.dollygrip"


def error_of(operator) -> str:
    """The reason an operator raises for a script, which the panel shows too."""
    with pytest.raises(RuntimeError) as raised:
        operator()
    state = bpy.context.scene.dollygrip
    assert state.error and state.error in str(raised.value) and state.hint in str(raised.value)
    return f"{state.error} {state.hint}"


def begin(task) -> None:
    """What the interface does: start and return (without a window Blender executes operators instead)."""
    session.start(task.of(bpy.context), "")


def pump_until(condition, timeout=30.0):
    """What Blender's timer does meanwhile; returns the longest tick in seconds of this thread's own time."""
    deadline, longest = time.monotonic() + timeout, 0.0
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        began = time.thread_time()
        session.pump()
        longest = max(longest, time.thread_time() - began)
        time.sleep(0.01)
    return longest


def test_predicted_takes_are_cameras_with_provenance(ready):
    ready.frame_start, ready.dollygrip.brief.takes, ready.dollygrip.brief.seed = 11, 2, 7
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    state = ready.dollygrip
    assert len(state.take_list) == 2 and state.take_index == 1
    assert state.notice.startswith("2 takes: frames 11 to 22.")
    assert [takes.label_of(ready.camera, entry.action) for entry in state.take_list] == ["#7.1", "#7.2"]
    action = state.take_list[1].action
    assert action.use_fake_user and takes.frame_range(action) == (11, 22)
    stored = takes.provenance(action)
    assert (stored["prompt"], stored["seed"], stored["take"]) == ("go", 7, 2)
    assert stored["reference"] == state.brief.reference and len(stored["reference_sha256"]) == 64
    rig = ready.camera
    places = {}
    for index in (0, 1):  # the scripted take `index` trucks right by index + 1
        state.take_index = index
        ready.frame_set(22)
        places[index] = rig.matrix_world.translation.copy()
    assert places[0].x == pytest.approx(1, abs=0.01) and places[1].x == pytest.approx(2, abs=0.01)
    assert rig.matrix_world.translation.z == pytest.approx(1.6)
    assert (ready.frame_start, ready.frame_end, ready.render.resolution_x) == (11, 250, 320), "the scene is left alone"
    bpy.ops.dollygrip.fit_range()
    assert (ready.frame_start, ready.frame_end) == (11, 22)


def test_more_like_a_take_has_its_frames_at_another_frame_rate_too(ready):
    """Keys stay on their frames when the scene's rate changes, and so does the shot."""
    bpy.ops.dollygrip.predict_camera()
    ready.render.fps = 30
    assert bpy.ops.dollygrip.more_like_this(count=1) == {"FINISHED"}
    assert [takes.frame_range(entry.action) for entry in ready.dollygrip.take_list] == [(1, 12), (1, 12)]
    made = takes.dense(takes.shown(ready.camera))
    assert (len(made), made.fps) == (12, 30.0)


def test_a_camera_that_takes_the_place_of_another_is_said(ready):
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    ready.collection.objects.link(own)
    ready.camera = own
    bpy.ops.dollygrip.predict_camera()
    made = ready.camera
    assert made != own and f" {made.name} is the scene's camera now." in ready.dollygrip.notice
    assert takes.label_of(made, takes.shown(made)) == "#0"
    bpy.ops.dollygrip.predict_camera()
    assert "now." not in ready.dollygrip.notice


def test_a_take_starts_at_the_camera_of_the_reference(ready):
    start = bpy.data.objects.new("Set Camera", bpy.data.cameras.new("Set Camera"))
    start.location, start.rotation_euler = (3, -4, 2), (1.2, 0, 0.6)
    start.data.sensor_width = 24
    ready.collection.objects.link(start)
    ready.dollygrip.brief.start = start
    bpy.ops.dollygrip.predict_camera()
    ready.frame_set(1)
    assert ready.camera is not start
    assert np.allclose(ready.camera.matrix_world, start.matrix_world, atol=1e-5)
    assert ready.camera.data.sensor_width == 24


def test_where_a_title_has_the_topmost_channel_a_shot_lies_below_it(ready, picture_path):
    title = compat.strips_of(ready).new_image("Title", str(picture_path), 128, 1)
    title.frame_final_duration = 60
    bpy.ops.dollygrip.predict_camera()
    for channel in (127, 126):
        assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
        assert {s.channel for s in compat.strips_of(ready) if strips.shot_of(s)} == set(range(channel, 128))
    assert title.channel == 128


def test_a_shot_is_a_strip_of_png_files_with_provenance(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    [strip] = compat.strips_of(ready)
    assert (strip.frame_final_start, strip.frame_final_duration) == (1, 12)
    shot = strips.shot_of(strip)
    assert shot["take"] == ready.dollygrip.take_list[0].action.name
    assert (shot["state"], shot["size"], shot["frames"], shot["backend_results"]) == ("done", [320, 180], 12, 12)
    folder = tmp_path / "dollygrip" / "shot_001"
    for index in range(12):
        assert (picture.read_picture(str(folder / f"frame_{index + 1:04d}.png")) == index).all()
    sent = json.loads((folder / "shot.camera.json").read_text())
    assert len(sent["frames"]) == 12 and sent["meta"]["prompt"] == "go"
    assert strip.directory.startswith("//"), "the project folder may be moved"
    bpy.ops.dollygrip.render_shot()
    assert sorted(s.channel for s in compat.strips_of(ready)) == [1, 2], "a new version lies above, the old one stays"
    assert (tmp_path / "dollygrip" / "shot_002" / "frame_0012.png").exists()


def test_from_the_interface_the_job_runs_on(ready):
    """The strip fills while frames arrive, nothing else can be started, and ticks stay short."""
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.1"
    begin(RenderShot)
    assert not bpy.ops.dollygrip.predict_camera.poll(), "one job at a time"
    lengths = []

    def ended():
        lengths.extend(s.frame_final_duration for s in compat.strips_of(ready))
        return not session.active

    longest = pump_until(ended)
    assert {3, 6, 12} <= set(lengths)
    assert lengths == sorted(lengths)
    assert longest < 2 * BUDGET
    assert "12 of 12 frames" in ready.dollygrip.notice


@pytest.mark.parametrize("again", [bpy.ops.screen.repeat_last, lambda: bpy.ops.screen.repeat_history(index=0)])
def test_repeated_from_the_interface_the_job_runs_on(ready, again):
    ready.dollygrip.brief.prompt = "sleep=0.05"
    bpy.ops.dollygrip.predict_camera("EXEC_DEFAULT", True)
    assert not session.active and len(ready.dollygrip.take_list) == 1, "a script waits"
    again()
    assert session.active and bpy.ops.dollygrip.cancel_job.poll()
    pump_until(lambda: not session.active)
    assert len(ready.dollygrip.take_list) == 2


def test_cancelled_jobs_keep_what_arrived(ready):
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.1"
    begin(RenderShot)
    pump_until(lambda: len(compat.strips_of(ready)) and compat.strips_of(ready)[0].frame_final_duration >= 3)
    bpy.ops.dollygrip.cancel_job()
    pump_until(lambda: not session.active)
    [strip] = compat.strips_of(ready)
    assert strips.shot_of(strip)["state"] == "cancelled" and 3 <= strip.frame_final_duration < 12
    assert not ready.dollygrip.error and "of 12 frames" in ready.dollygrip.notice


@pytest.mark.parametrize("undone", [False, True])
def test_a_strip_that_is_deleted_while_its_shot_renders_stays_so_until_that_is_undone(ready, undone):
    """All frames are on disk, and in the strip where the animator wants it back."""
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.1"
    bpy.ops.ed.undo_push(message="before")
    begin(RenderShot)
    pump_until(lambda: len(compat.strips_of(ready)) and len(compat.strips_of(ready)[0].elements) >= 3)
    [strip] = compat.strips_of(ready)
    folder, have = strips.folder_of(strip), len(strip.elements)
    compat.strips_of(ready).remove(strip)
    bpy.ops.ed.undo_push(message="delete")
    pump_until(lambda: len(session.task.files) > have)
    assert not compat.strips_of(ready)
    if undone:
        bpy.ops.ed.undo()
    pump_until(lambda: not session.active)
    scene = bpy.context.scene
    assert [len(strip.elements) for strip in compat.strips_of(scene)] == ([12] if undone else [])
    assert len(list(folder.glob("frame_*.png"))) == 12 and "12 of 12 frames are in" in scene.dollygrip.notice


def test_a_backend_killed_in_the_middle_loses_nothing(ready, scripted_backend, monkeypatch):
    """SIGKILL to the server: it is started again, the job attached to, and the strip becomes complete."""
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.05"
    begin(RenderShot)
    pump_until(lambda: len(compat.strips_of(ready)) and compat.strips_of(ready)[0].frame_final_duration >= 3)
    monkeypatch.setenv("DOLLYGRIP_BACKEND", shutil.which("true"))  # or the real one may be there first
    scripted_backend.stop(signal.SIGKILL)
    scripted_backend.start()
    pump_until(lambda: not session.active)
    assert not ready.dollygrip.error
    [strip] = compat.strips_of(ready)
    assert strip.frame_final_duration == 12 and strips.shot_of(strip)["state"] == "done"
    folder = strips.shot_of(strip)["folder"]
    assert [int(picture.read_picture(f"{folder}/{e.filename}")[0, 0, 0]) for e in strip.elements] == list(range(12))


def test_opening_another_file_abandons_the_job(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.05"
    begin(RenderShot)
    pump_until(lambda: len(compat.strips_of(ready)))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    assert not session.active
    assert not len(compat.strips_of(bpy.context.scene)), "nothing is delivered into the other file"
    state = bpy.context.scene.dollygrip
    state.brief.prompt, state.brief.reference, state.brief.frame_count = "go", str(tmp_path / "reference.png"), 5
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}, "the next job is not cancelled with it"


def test_a_file_that_cannot_be_read_leaves_the_job_of_the_open_one_alone(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.05"
    first, second = (RenderShot.of(bpy.context, None, span) for span in ((1, 12), (3, 5)))
    session.start(first, "", [second])
    pump_until(lambda: len(compat.strips_of(ready)))
    whole = (tmp_path / "film.blend").read_bytes()
    for content in (b"", b"no file of Blender's", whole[: len(whole) // 2]):
        (tmp_path / "damaged.blend").write_bytes(content)
        with pytest.raises(RuntimeError, match="damaged"):
            bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "damaged.blend"))
    assert session.active
    pump_until(lambda: not session.active)
    lengths = [strip.frame_final_duration for strip in compat.strips_of(ready)]
    assert lengths == [12, 3] and not ready.dollygrip.error


def test_a_failed_job_says_why(ready):
    ready.dollygrip.brief.prompt = "fail=0"
    assert error_of(bpy.ops.dollygrip.predict_camera) == "The scripted job fails. Use another script."
    assert not ready.dollygrip.take_list and not ready.objects, "nothing is left behind"
    ready.dollygrip.brief.prompt = "go"
    bpy.ops.dollygrip.predict_camera()
    assert not ready.dollygrip.error, "an old error goes away with the next job"


def test_a_backend_of_another_version_is_named(ready, monkeypatch):
    from dollygrip import protocol

    monkeypatch.setattr(protocol.framing, "PROTOCOL_VERSION", protocol.PROTOCOL_VERSION + 1)
    said = error_of(bpy.ops.dollygrip.predict_camera)
    assert "different versions of the protocol" in said and "Update" in said


def test_no_backend_names_the_way_out(scene, backend_home, picture_path, monkeypatch):
    state = scene.dollygrip
    state.brief.prompt, state.brief.reference = "pan left", str(picture_path)
    monkeypatch.delenv("DOLLYGRIP_BACKEND", raising=False)
    assert "Set Up Backend" in error_of(bpy.ops.dollygrip.predict_camera)
    broken = backend_home / "broken"
    broken.write_text("#!/bin/sh\necho the models are gone\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("DOLLYGRIP_BACKEND", str(broken))
    said = error_of(bpy.ops.dollygrip.start_backend)
    assert "ended with code 3. It said: the models are gone" in said and ".log" in said


def test_a_remote_backend_that_does_not_answer_is_named_and_none_started(scene, backend_home, tmp_path, monkeypatch):
    from dollygrip.connection import Connection, write_connection

    program = tmp_path / "dollygrip"
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("DOLLYGRIP_BACKEND", str(program))
    file = write_connection(Connection("tcp://127.0.0.1:9", "s" * 40, "c" * 40, "x" * 40))
    written = file.read_text()
    said = error_of(bpy.ops.dollygrip.start_backend)
    assert said.startswith("The remote backend at tcp://127.0.0.1:9 does not answer. Check") and str(file) in said
    assert file.read_text() == written and not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: setattr(s, "prompt", "  "), "The prompt is empty."),
        (lambda s: setattr(s, "prompt", "x" * 3000), "The prompt has 3000 characters."),
        (lambda s: setattr(s, "frame_count", 0), "A camera move has 2 to 20000 frames, not 0."),
        (lambda s: setattr(s, "frame_count", 100_000), "A camera move has 2 to 20000 frames, not 100000."),
        (lambda s: setattr(s, "takes", 99), "1 to 16 takes can be predicted, not 99."),
        (lambda s: setattr(s, "reference", "/no/where.png"), "The reference picture /no/where.png does not exist."),
    ],
)
def test_bad_requests_are_refused_before_anything_is_sent(scene, picture_path, change, said):
    state = scene.dollygrip
    state.brief.prompt, state.brief.reference = "pan left", str(picture_path)
    change(state.brief)
    assert error_of(bpy.ops.dollygrip.predict_camera).startswith(said)
    assert not scene.objects and not scene.dollygrip.take_list, "nothing was made"


def test_no_camera_to_render(scene, picture_path):
    scene.dollygrip.brief.prompt, scene.dollygrip.brief.reference = "pan left", str(picture_path)
    with pytest.raises(RuntimeError, match="The scene has no camera"):
        bpy.ops.dollygrip.render_shot()
    with pytest.raises(InputError, match="has no camera"):
        RenderShot.of(bpy.context)


def test_a_camera_that_is_there_need_not_be_asked_for_again(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.save_take(filepath=str(tmp_path / "tracked.npz"))
    bpy.ops.dollygrip.new_shot()
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "tracked.npz"))
    said = error_of(bpy.ops.dollygrip.render_shot)
    assert "The prompt is empty. Say what is seen" in said and "camera does" not in said
    ready.dollygrip.brief.prompt = "a picture of stripes"
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}


def test_a_wrong_size_is_refused_with_the_right_one(ready):
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.width, ready.dollygrip.height = 320, 320
    assert "320x180" in error_of(bpy.ops.dollygrip.render_shot)
    assert not compat.strips_of(ready)


def test_an_unknown_engine_is_refused(ready):
    bpy.ops.dollygrip.predict_camera()
    ready.dollygrip.engine = "magic"
    assert "magic" in error_of(bpy.ops.dollygrip.render_shot)


def test_a_file_with_bad_poses_names_the_frame(scene, tmp_path):
    frame = {"c2w": np.eye(4).tolist(), "fx": 500, "fy": 500, "cx": 160, "cy": 90}
    bad = {**frame, "c2w": [[float("nan")] * 4] * 4}
    file = {"format": "dollygrip-camera", "version": 1, "convention": "opencv-c2w", "fps": 24, "width": 320}
    file |= {"height": 180, "scene_depth": 2.0, "frames": [frame, frame, bad], "meta": {}}
    path = tmp_path / "bad.camera.json"
    path.write_text(json.dumps(file))
    assert "rame 2" in error_of(lambda: bpy.ops.dollygrip.load_take(filepath=str(path)))
    assert not scene.dollygrip.take_list


def test_a_file_with_a_broken_reference_pose_is_refused(scene, tmp_path):
    from dollygrip import formats
    from dollygrip.trajectory import Trajectory

    reference = {"sha256": "", "c2w": [[1, 2], [3, 4]], "intrinsics": [1, 1, 0, 0]}
    bad = Trajectory(np.eye(4)[None], [[300, 300, 160, 90]], (320, 180), 24.0, 2.0, {"reference": reference})
    formats.write(tmp_path / "bad.camera.json", bad)
    said = error_of(lambda: bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "bad.camera.json")))
    assert "meta 'reference' is not a pose" in said and not scene.objects


def test_a_file_of_another_length_says_so_and_stays_whole(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    path = tmp_path / "twelve.camera.json"
    bpy.ops.dollygrip.save_take(filepath=str(path))
    ready.render.fps = 48
    bpy.ops.dollygrip.load_take(filepath=str(path))
    notice = ready.dollygrip.notice
    assert "cropped" not in notice
    assert "from frame 1 to 23" in notice and "12 frames at 24 fps" in notice and "1 to 250" in notice
    assert (ready.frame_start, ready.frame_end) == (1, 250)
    ready.frame_set(23)
    assert ready.camera.matrix_world.translation.x == pytest.approx(1, abs=0.01)


def test_a_file_of_another_aspect_says_that_it_is_cropped(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    wide = ready.camera.data.angle
    bpy.ops.dollygrip.save_take(filepath=str(tmp_path / "wide.camera.json"))
    ready.render.resolution_x = ready.render.resolution_y = 180
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "wide.camera.json"))
    assert "its view of 320x180 was cropped" in ready.dollygrip.notice
    ready.frame_set(1)
    assert np.tan(ready.camera.data.angle / 2) == pytest.approx(np.tan(wide / 2) * 180 / 320, rel=1e-3)


@pytest.mark.parametrize(("scale", "said"), [((2, 2, 2), False), ((1, 3, 1), True), ((-1, 1, 1), True)])
def test_a_camera_that_its_parent_skews_or_mirrors_is_said_to_be_shown_straight(ready, scale, said):
    bpy.ops.dollygrip.predict_camera()
    parent = bpy.data.objects.new("Car", None)
    ready.collection.objects.link(parent)
    ready.camera.parent, ready.camera.rotation_euler.y, parent.scale = parent, 0.5, scale
    turn = next(c for c in compat.take_curves(takes.shown(ready.camera)) if c.data_path == "rotation_euler")
    for point in turn.keyframe_points:
        point.co.y += 0.7
    bpy.ops.dollygrip.render_shot()
    assert ("Shot 01 is skewed or mirrored by" in ready.dollygrip.notice) == said


def test_an_unsaved_file_keeps_its_frames_and_says_where(scene, scripted_backend, picture_path):
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = str(picture_path), 5, "go"
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.render_shot()
    assert "5 of 5 frames" in state.notice and "this folder is temporary" in state.notice
    [strip] = compat.strips_of(scene)
    assert Path(strips.shot_of(strip)["folder"], "frame_0005.png").exists()
    shutil.rmtree(Path(strips.shot_of(strip)["folder"]).parent)


def test_frames_of_an_unsaved_file_come_beside_it_once_no_job_needs_their_folder(
    scene, scripted_backend, picture_path, tmp_path
):
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = str(picture_path), 5, "go"
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.render_shot()
    [inside] = compat.strips_of(scene)
    inside.move_to_meta(compat.strips_of(scene).new_meta("cut", 9, 1))
    state.take_list[0].action["dollygrip"]["prompt"] = "sleep=0.1"
    begin(RenderShot)
    pump_until(lambda: any(len(s.elements) > 1 for s in compat.strips_of(scene) if s.type == "IMAGE"))
    growing = next(s for s in compat.strips_of(scene) if s.type == "IMAGE")
    temporary = [strips.folder_of(strip) for strip in (inside, growing)]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    assert strips.folder_of(inside) == tmp_path / "dollygrip" / "shot_001"
    assert strips.folder_of(growing) == temporary[1], "the job still writes there"
    pump_until(lambda: not session.active)
    bpy.ops.wm.save_mainfile()
    for folder in temporary:
        shutil.rmtree(folder.parent)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    rendered = [strip for strip in compat.all_strips_of(bpy.context.scene) if strip.type == "IMAGE"]
    assert {strips.folder_of(strip).parent for strip in rendered} == {tmp_path / "dollygrip"} and len(rendered) == 2
    for strip in rendered:
        files = [strips.folder_of(strip) / element.filename for element in strip.elements]
        assert [int(picture.read_picture(str(file))[0, 0, 0]) for file in files] == list(range(5))


def test_frames_that_a_closed_job_goes_on_with_stay_until_then(scene, picture_path, tmp_path):
    folder = saving.new_folder(saving.temporary_folder())
    file = Path(shutil.copy(picture_path, folder / "frame_0001.png"))
    strip = strips.ensure(scene, [file], 1, 5, {"take": "take"})
    scene.dollygrip.job = json.dumps({"job": "not ended here", "folder": str(folder)})
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    assert strips.folder_of(strip) == folder
    bpy.ops.dollygrip.forget_job()
    bpy.ops.wm.save_mainfile()
    assert strips.folder_of(strip) == tmp_path / "dollygrip" / "shot_001"


@pytest.mark.parametrize("sequencer", [True, False])
def test_that_f12_renders_the_first_strip_is_said_once(ready, sequencer):
    ready.render.use_sequencer = sequencer
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.render_shot()
    assert ("F12 renders the strip" in ready.dollygrip.notice) == sequencer
    bpy.ops.dollygrip.render_shot()
    assert "F12" not in ready.dollygrip.notice


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="the sequencer shows the window's scene")
def test_a_workspace_for_editing_that_shows_another_scene_is_said(ready):
    """Rendered from one without a sequencer; not where another such workspace shows the strip."""
    bpy.ops.dollygrip.predict_camera()
    edit, said = bpy.data.scenes.new("Edit"), "The strip is in the scene Scene; the sequencer shows Edit."
    editing, second = [space for space in bpy.data.workspaces if space != bpy.context.workspace][:2]
    editing.screens[0].areas[0].type, editing.sequencer_scene = "SEQUENCE_EDITOR", edit
    assert said in RenderShot.of(bpy.context).notices
    second.screens[0].areas[0].type, second.sequencer_scene = "SEQUENCE_EDITOR", ready
    assert said not in RenderShot.of(bpy.context).notices


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="the sequencer shows the window's scene")
def test_the_scene_that_the_sequencer_shows_counts(ready):
    edit = bpy.data.scenes.new("Edit")
    edit.render.resolution_x, edit.render.resolution_y = 320, 180
    bpy.context.workspace.sequencer_scene = edit
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.render_shot()
    [made] = compat.strips_of(ready)
    assert "The strip is in the scene Scene; the sequencer shows Edit." in ready.dollygrip.notice
    assert not bpy.ops.dollygrip.open_take.poll(), "no strip is seen yet"
    folder, shot = strips.folder_of(made), strips.shot_of(made)
    strip = strips.ensure(edit, sorted(folder.glob("frame_*.png")), 11, 12, shot)
    bpy.ops.dollygrip.duplicate_take()
    assert bpy.ops.dollygrip.open_take() == {"FINISHED"} and ready.dollygrip.take_index == 0
    measured = MeasureCamera.of(bpy.context)
    assert measured.folder == folder and measured.scene_name == ready.name
    measured.deliver(ready, {"found": 12})
    assert [strips.shot_of(strip)["achieved"]["found"] for strip in (strip, made)] == [12, 12]
    edit.frame_set(14)
    bpy.ops.dollygrip.capture_reference(source="SEQUENCER")
    assert (picture.read_picture(ready.dollygrip.brief.reference) == 3).all() and edit.frame_current == 14


def test_the_extension_can_be_turned_off_and_on(scene):
    addon_utils.disable(EXTENSION)
    assert not hasattr(scene, "dollygrip")
    addon_utils.enable(EXTENSION)
    assert scene.dollygrip.brief.frame_count == 81


def test_takes_and_shots_survive_saving(ready, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.render_shot()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    [strip] = compat.strips_of(scene)
    action = bpy.data.actions[strips.shot_of(strip)["take"]]
    assert takes.shown(scene.camera) == action == scene.dollygrip.take_list[0].action
    assert len(takes.dense(action)) == 12
    scene.frame_set(12)
    assert scene.camera.matrix_world.translation.x == pytest.approx(1, abs=0.01)


_FIELDS = {
    "dollygrip.brief": {
        "prompt": "go",
        "reference": "//other.png",
        "frame_count": 9,
        "seed": 3,
        "takes": 2,
        "strength": 0.5,
        "start": "Own",
        "exact_depth": True,
        "use_director": True,
        "scene_depth": 3.0,
        "subject_kind": "POINT",
        "subject_point": (0.1, 0.2),
        "subject_object": "Own",
    },
    "dollygrip.brief.direct": {"prompt": "go", "first": 1, "last": 9},
    "dollygrip": {"engine": "procedural", "width": 64, "height": 64},
}


@pytest.mark.parametrize(("of", "name"), [(of, name) for of, values in _FIELDS.items() for name in values])
def test_an_error_goes_when_what_it_may_be_about_changes(ready, of, name):
    state, own = ready.dollygrip, bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    state.brief.reference = ""
    assert "No reference picture" in error_of(bpy.ops.dollygrip.predict_camera)
    value = _FIELDS[of][name]
    setattr(attrgetter(of)(state.id_data), name, own if value == "Own" else value)
    assert not state.error and not state.hint
