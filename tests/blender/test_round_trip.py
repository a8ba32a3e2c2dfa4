"""The round trip with the real backend and its real models: picture and prompt, camera, an edit, frames, strip.

What an edit does to the frames is tested by geometry: panning by an angle shifts the picture by focal length times
its tangent, whatever the depth is.
"""

import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.shots import strips
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip import formats, shot_record
from dollygrip.rotations import angle_between
from dollygrip.trajectory import Trajectory

SIZE = (160, 96)
FRAMES = 5


@pytest.fixture
def stage(scene, backend_home, tmp_path):
    """A saved file with a textured picture as the reference, and a backend that the extension starts by itself."""
    rng = np.random.default_rng(3)
    noise = np.zeros((SIZE[1], SIZE[0], 3))
    for cell in (4, 8, 16, 32):
        coarse = rng.uniform(-1, 1, (SIZE[1] // cell + 2, SIZE[0] // cell + 2, 3))
        noise += np.kron(coarse, np.ones((cell, cell, 1)))[: SIZE[1], : SIZE[0]] * cell**0.5
    spread = (noise - noise.min()) / np.ptp(noise)
    picture.write_png(tmp_path / "reference.png", (255 * spread).astype(np.uint8))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    state = scene.dollygrip
    state.brief.reference, state.brief.prompt, state.brief.frame_count = "//reference.png", "pan left", FRAMES
    state.width, state.height = SIZE
    return scene


def curve_of(scene, data_path, index):
    action = scene.camera.animation_data.action
    return next(c for c in compat.take_curves(action) if (c.data_path, c.array_index) == (data_path, index))


def rendered(scene) -> np.ndarray:
    """Render the shot and read the frames of its strip: (T, H, W, 3) float."""
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    strip = max(compat.strips_of(scene), key=lambda s: s.channel)
    folder = strips.shot_of(strip)["folder"]
    return np.array([picture.read_picture(f"{folder}/{e.filename}") for e in strip.elements], float)


def shift_right(before: np.ndarray, after: np.ndarray, reach: int = 60) -> int:
    """By how many pixels the middle of the picture moved to the right: the shift of least difference."""
    margin = reach + 4
    middle = before[20:-20, margin:-margin]
    width = middle.shape[1]
    cost = [np.abs(after[20:-20, margin + s : margin + s + width] - middle).mean() for s in range(-reach, reach + 1)]
    return int(np.argmin(cost)) - reach


def still(frames: int, focal: float) -> Trajectory:
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    intrinsics = np.tile([focal, focal, SIZE[0] / 2, SIZE[1] / 2], (frames, 1))
    reference = {"sha256": "0" * 64, "c2w": np.eye(4).tolist(), "intrinsics": intrinsics[0].tolist()}
    return Trajectory(c2w, intrinsics, SIZE, 24.0, 4.0, {"prompt": "static", "reference": reference})


@pytest.mark.parametrize("degrees", [6.0, -6.0])
def test_panning_one_key_shifts_the_frames_by_that_angle(stage, tmp_path, degrees):
    focal = 180.0
    formats.write(tmp_path / "still.camera.json", still(FRAMES, focal))
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "still.camera.json"))
    yaw = curve_of(stage, "rotation_euler", 2)
    yaw.keyframe_points.insert(FRAMES, yaw.evaluate(FRAMES) + np.radians(degrees))  # about +Z: to the left
    frames = rendered(stage)
    assert frames.shape == (FRAMES, SIZE[1], SIZE[0], 3)
    reference = picture.read_picture("//reference.png").astype(float)
    assert np.abs(frames[0] - reference)[4:-4, 4:-4].mean() < 12, "the first frame is the reference"
    expected = focal * np.tan(np.radians(degrees))  # turning left moves what is seen to the right
    assert shift_right(reference, frames[-1]) == pytest.approx(expected, abs=1.5)


def test_predicted_edited_rendered(stage):
    """A predicted pan left turns left; an edited key changes the camera and the frames from there on."""
    bpy.ops.dollygrip.predict_camera()
    action = stage.dollygrip.take_list[0].action
    before = camera.sample(bpy.context, 1, FRAMES)
    assert before.rotations[-1, 0, 2] - before.rotations[0, 0, 2] < -0.03, "it looks to the left in the end"
    first = rendered(stage)
    height = curve_of(stage, "location", 2)
    height.keyframe_points.insert(1, height.evaluate(1))
    scale = takes.scene_depth(action)
    height.keyframe_points.insert(FRAMES, height.evaluate(FRAMES) + 0.2 * scale)
    after = camera.sample(bpy.context, 1, FRAMES)
    assert after.positions[-1, 1] - before.positions[-1, 1] == pytest.approx(-0.2 * scale, rel=1e-3)
    second = rendered(stage)
    strip = max(compat.strips_of(stage), key=lambda s: s.channel)
    sent = formats.read(f"{strips.shot_of(strip)['folder']}/shot.camera.json")
    assert angle_between(sent.rotations, after.rotations).max() < 1e-6
    assert np.allclose(sent.positions, after.positions, atol=1e-6), "the evaluated camera was rendered"
    change = np.abs(second - first).mean((1, 2, 3))
    assert change[0] < 1 and change[-1] > 5 and change[-1] > 3 * change[0]
    assert len(compat.strips_of(stage)) == 2


EDITED_AGAIN = """
import sys, bpy, addon_utils
addon_utils.enable("bl_ext.user_default.dollygrip")
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.takes import takes
scene = bpy.context.scene
bpy.ops.dollygrip.new_shot()
[scene.sequence_editor.active_strip] = compat.strips_of(scene)
assert bpy.ops.dollygrip.open_take() == {"FINISHED"}
action = takes.shown(scene.camera)
height = next(c for c in compat.take_curves(action) if (c.data_path, c.array_index) == ("location", 2))
height.keyframe_points.insert(5, height.evaluate(5) + 0.2)
assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
bpy.ops.wm.save_mainfile()
"""


@pytest.mark.timeout(1800)
def test_both_versions_of_a_shot_are_rendered_again_bit_for_bit(stage, tmp_path):
    """Predicted, edited, rendered, saved; opened from the strip by a new process, edited, rendered; and both again."""
    bpy.ops.dollygrip.predict_camera()
    curve_of(stage, "location", 0).keyframe_points[-1].co.y += 0.1
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    command = [sys.executable, "-c", EDITED_AGAIN, str(tmp_path / "film.blend")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    versions = sorted(compat.strips_of(bpy.context.scene), key=lambda strip: strip.channel)
    assert [strip.channel for strip in versions] == [1, 2]
    (tmp_path / "reference.png").unlink()
    cameras = []
    for strip in versions:
        folder, again = strips.folder_of(strip), tmp_path / f"again_{strip.channel}"
        cameras.append(formats.read(folder / shot_record.CAMERA))
        command = [os.environ["DOLLYGRIP_BACKEND"], "again", str(folder), "--out", str(again)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        frames = [picture.read_picture(str(folder / element.filename)) for element in strip.elements]
        made = [picture.read_picture(str(Path(again, f"{number:04d}.png"))) for number in range(1, FRAMES + 1)]
        assert np.array_equal(frames, made)
    raised = cameras[1].positions[-1, 1] - cameras[0].positions[-1, 1]
    assert raised == pytest.approx(-0.2, abs=1e-3), "the edit was rendered"
