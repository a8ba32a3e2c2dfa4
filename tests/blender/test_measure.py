"""The camera of a rendered shot is recovered by the real backend, kept beside its frames and shown on its strip."""

import json
import tempfile
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.measure import MeasureCamera
from bl_ext.user_default.dollygrip.shots import strips
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from room import SIZE, camera
from room import picture as view

from dollygrip import formats, shot_record
from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory

FRAMES = 6


def shot(scene, folder: Path, asked: Trajectory, shown: Trajectory | None = None):
    """A strip whose frames show the room from the camera `shown`, by default the one that was asked for."""
    folder.mkdir()
    files = []
    for number, (pose, lens) in enumerate(zip((shown or asked).c2w, asked.intrinsics, strict=True), 1):
        files.append(folder / f"frame_{number:04d}.png")
        picture.write_png(files[-1], view(pose, lens)[0])
    formats.write(folder / shot_record.CAMERA, asked)
    made_from = {"take": "Take", "shot": "Shot", "prompt": "", "size": list(SIZE), "frames": FRAMES}
    strip = strips.ensure(scene, files, 1, FRAMES, made_from)
    scene.sequence_editor.active_strip = strip
    return strip


def asked_for() -> Trajectory:
    c2w, lens = camera(turn=(0, 0.15, 0), move=(0.8, 0, 0.4), frames=FRAMES)
    return Trajectory(c2w, lens, SIZE, 24.0, 4.0)


@pytest.fixture
def film(scene, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    return bpy.context.scene


@pytest.mark.timeout(900)
def test_every_version_is_measured_by_itself(film, backend_home, tmp_path):
    """One obeys its camera; the other turns two degrees further, which is what is found."""
    asked = asked_for()
    turned = asked.c2w.copy()
    more = np.linspace(0, np.radians(2), FRAMES)
    turned[:, :3, :3] = turned[:, :3, :3] @ matrix_from_rotvec(more[:, None] * [0, 1.0, 0])
    obeys = shot(film, tmp_path / "obeys", asked)
    strays = shot(film, tmp_path / "strays", asked, Trajectory(turned, asked.intrinsics, SIZE, 24.0, 4.0))
    for strip in (obeys, strays):
        film.sequence_editor.active_strip = strip
        assert bpy.ops.dollygrip.measure_camera() == {"FINISHED"}
    good, bad = (strips.shot_of(strip)["achieved"] for strip in (obeys, strays))
    assert good["found"] == good["frames"] == FRAMES
    assert good["rotation"] < 0.15 and good["position"] < 0.03
    assert bad["rotation"] == pytest.approx(np.degrees(np.median(more)), abs=0.15)
    assert bad["rot_err"] == pytest.approx(more.sum(), abs=0.02) and good["rot_err"] < 0.02 < bad["cam_mc"]
    assert "6 of 6 frames" in film.dollygrip.notice
    kept = json.loads((tmp_path / "strays" / "achieved.json").read_text())
    assert (kept["format"], kept["rot_err"]) == ("dollygrip-achieved", bad["rot_err"])
    written = np.array([frame["c2w"] for frame in kept["frames"]])
    assert np.abs(written - turned).max() < 0.03, "in the requested camera's world and unit"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    again = [strips.shot_of(strip).get("achieved") for strip in compat.strips_of(bpy.context.scene)]
    assert sorted(found["rotation"] for found in again) == pytest.approx(sorted([good["rotation"], bad["rotation"]]))


@pytest.mark.timeout(600)
def test_frames_without_detail_say_so(film, backend_home, tmp_path):
    strip = shot(film, tmp_path / "blank", asked_for())
    for number in range(1, FRAMES + 1):
        picture.write_png(tmp_path / "blank" / f"frame_{number:04d}.png", np.full((SIZE[1], SIZE[0], 3), 99, np.uint8))
    with pytest.raises(RuntimeError, match="do not show enough detail"):
        bpy.ops.dollygrip.measure_camera()
    assert "more texture" in film.dollygrip.hint and "achieved" not in strips.shot_of(strip)
    assert not (tmp_path / "blank" / "achieved.json").exists()


def test_what_cannot_be_measured_is_refused(film, tmp_path):
    with pytest.raises(RuntimeError, match="Choose a strip that Dollygrip rendered"):
        bpy.ops.dollygrip.measure_camera()
    with pytest.raises(InputError, match="no shot of Dollygrip"):
        MeasureCamera.of(bpy.context)
    shot(film, tmp_path / "shot", asked_for())
    task = MeasureCamera.of(bpy.context)
    (tmp_path / "shot" / "frame_0003.png").write_bytes(b"\x89PNG none")
    with pytest.raises(InputError, match=r"frame_0003\.png is gone"):
        task.build(None, lambda status: None)
    (tmp_path / "shot" / shot_record.CAMERA).unlink()
    with pytest.raises(RuntimeError, match=shot_record.CAMERA):
        bpy.ops.dollygrip.measure_camera()


def test_many_frames_are_sent_smaller_with_their_lenses(film, tmp_path, monkeypatch):
    from bl_ext.user_default.dollygrip.render import measure

    shot(film, tmp_path / "shot", asked_for())
    task = MeasureCamera.of(bpy.context)
    whole = task.build(None, lambda status: None)[1]
    monkeypatch.setattr(measure, "MAX_PIXELS", FRAMES * SIZE[0] * SIZE[1] // 4)
    request, small = task.build(None, lambda status: None)
    assert small["frames"].shape == (FRAMES, SIZE[1] // 2, SIZE[0] // 2, 3)
    assert request.trajectory.size == (SIZE[0] // 2, SIZE[1] // 2)
    assert np.allclose(small["intrinsics"] * 2, whole["intrinsics"])
    mean = whole["frames"][2, :2, :2].astype(float).mean((0, 1))
    assert np.abs(small["frames"][2, 0, 0] - mean).max() <= 0.5


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_frame_is_read_as_it_was_written(rgb):
    with tempfile.TemporaryDirectory() as folder:
        picture.write_png(Path(folder, "frame.png"), rgb)
        assert np.array_equal(picture.read_png(Path(folder, "frame.png")), rgb)
