"""USD and Alembic files: their own time, which of their cameras is taken, and what the notice says of it."""

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip import formats
from dollygrip.trajectory import Trajectory

MAYAS = {"persp": 1.0, "front": 2.0, "side": 3.0, "top": 4.0}


@pytest.fixture
def usd_library(monkeypatch):
    """Pixar's library, which Blender's own Python finds by itself and that of the tests does not."""
    folder = next(Path(bpy.utils.resource_path("LOCAL")).glob("python/lib/*/site-packages"), None)
    if folder is None:
        pytest.skip("this build has no Python library of USD")
    monkeypatch.syspath_prepend(str(folder))


def moving(scene, frames: int, fps: int) -> None:
    """A camera that goes 4 m in `frames` frames, ever faster, and the scene's range."""
    scene.frame_start, scene.frame_end, scene.render.fps = 1, frames, fps
    made = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    scene.collection.objects.link(made)
    for frame in range(1, frames + 1):
        made.location = (4 * ((frame - 1) / (frames - 1)) ** 2, 0, 1)
        made.keyframe_insert("location", frame=frame)
    scene.camera = made


def written(folder, kind: str, places: dict[str, float]) -> str:
    """A file of cameras at these heights, which are in the scene, too."""
    scene, path = bpy.context.scene, str(folder / f"several.{kind}")
    for name, height in places.items():
        made = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        made.location.z = height
        scene.collection.objects.link(made)
    if kind == "abc":
        bpy.ops.wm.alembic_export(filepath=path, as_background_job=False)
    else:
        bpy.ops.wm.usd_export(filepath=path)
    return path


def height_loaded(path: str, **options) -> float:
    assert bpy.ops.dollygrip.load_take(filepath=path, **options) == {"FINISHED"}
    return camera.sample(bpy.context, 1, 1, takes.find_camera(bpy.context.scene)).c2w[0, 1, 3] * -1


@pytest.mark.parametrize("kind", ["usda", "usdc", "abc"])
@pytest.mark.parametrize("fps", [24, 60, 12])
def test_a_file_lasts_as_long_at_another_frame_rate(scene, tmp_path, usd_library, kind, fps):
    moving(scene, 48, 24)
    before = camera.sample(bpy.context, 1, 48).positions
    bpy.ops.dollygrip.save_take(filepath=str(tmp_path / f"a.{kind}"))
    scene.render.fps = fps
    assert bpy.ops.dollygrip.load_take(filepath=str(tmp_path / f"a.{kind}")) == {"FINISHED"}
    first, last = takes.frame_range(takes.shown(scene.camera))
    assert (last - first) / fps == pytest.approx(47 / 24, abs=0.51 / fps)
    after = camera.sample(bpy.context, first, last).positions
    expected = np.interp(np.linspace(0, 47, len(after)), np.arange(48), before[:, 0])
    assert np.abs(after[:, 0] - expected).max() < (0.2 if kind == "abc" else 0.05), "Alembic begins between two frames"
    retimed = f"(48 frames at 24 fps became {last - first + 1} at the scene's)"
    assert (retimed in scene.dollygrip.notice) == (fps != 24 and kind != "abc")


def test_where_the_rate_is_not_to_be_had_it_may_be_given(scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr", None)
    moving(scene, 48, 24)
    bpy.ops.dollygrip.save_take(filepath=str(tmp_path / "a.usda"))
    scene.render.fps = 60
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.usda"))
    assert takes.frame_range(takes.shown(scene.camera)) == (1, 48)
    assert "does not tell the file's frame rate: it is taken as the scene's" in scene.dollygrip.notice
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.usda"), fps=24)
    assert takes.frame_range(takes.shown(scene.camera)) == (1, 119)
    assert "frame rate" not in scene.dollygrip.notice


@pytest.mark.parametrize("bearer", ["/shot", "/shot/cam"])
def test_a_usd_camera_moves_over_its_keys_where_the_file_has_no_range(scene, tmp_path, usd_library, bearer):
    """The keys are the camera's, or those of what bears it; other things may be keyed elsewhere."""
    from pxr import Gf, Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(tmp_path / "a.usda"))
    stage.SetTimeCodesPerSecond(24)
    for path, frames in ((bearer, range(1001, 1011)), ("/other", (1, 5000))):
        moved = UsdGeom.Xform.Define(stage, path) if path != "/shot/cam" else UsdGeom.Camera.Define(stage, path)
        op = moved.AddTranslateOp()
        for frame in frames:
            op.Set(Gf.Vec3d(100 * (frame - 1001), 0, 0), frame)
    UsdGeom.Camera.Define(stage, "/shot/cam")
    stage.GetRootLayer().Save()
    assert bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.usda")) == {"FINISHED"}
    assert takes.frame_range(takes.shown(scene.camera)) == (1001, 1010)
    assert camera.sample(bpy.context, 1001, 1010).positions[:, 0] == pytest.approx(np.arange(10), abs=1e-3)


@pytest.mark.parametrize("kind", ["usda", "abc"])
def test_a_camera_comes_onto_the_frames_of_its_file(scene, tmp_path, usd_library, kind):
    moving(scene, 10, 24)
    for curve in compat.curves_of(scene.camera):
        for key in curve.keyframe_points:
            key.co_ui.x += 1000
    scene.frame_start, scene.frame_end = 1001, 1010
    before = camera.sample(bpy.context, 1001, 1010).positions
    bpy.ops.dollygrip.save_take(filepath=str(tmp_path / f"a.{kind}"))
    scene.frame_start, scene.frame_end = 991, 1110
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / f"a.{kind}"))
    assert takes.frame_range(takes.shown(scene.camera)) == (1001, 1010)
    assert np.allclose(camera.sample(bpy.context, 1001, 1010).positions, before, atol=1e-3)


@pytest.mark.parametrize("kind", ["usda", "abc"])
def test_an_assumed_depth_is_said_and_counts_in_the_scenes_units(scene, tmp_path, kind):
    """Both files hold 4 units of path, which Blender imports as such, whatever a unit is."""
    scene.unit_settings.scale_length = 0.01
    moving(scene, 8, 24)
    before = camera.sample(bpy.context, 1, 8).positions
    bpy.ops.dollygrip.save_take(filepath=str(tmp_path / f"a.{kind}"))
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / f"a.{kind}"))
    assert takes.scene_depth(takes.shown(scene.camera)) == pytest.approx(0.05)
    assert "the file does not say the scene depth: it is taken as 5" in scene.dollygrip.notice
    assert np.allclose(camera.sample(bpy.context, 1, 8).positions, before, atol=1e-3 * 0.04)
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / f"a.{kind}"), scene_depth=8)
    assert takes.scene_depth(takes.shown(scene.camera)) == pytest.approx(0.08)
    assert "scene depth" not in scene.dollygrip.notice


def test_an_alembic_file_may_be_scaled(scene, tmp_path):
    path = written(tmp_path, "abc", {"cam": 160.0})
    assert height_loaded(path) == pytest.approx(160, abs=0.01)
    assert "does not say its unit of length: it is taken as Blender's" in scene.dollygrip.notice
    assert height_loaded(path, scale=0.01) == pytest.approx(1.6, abs=1e-4)
    assert "unit of length" not in scene.dollygrip.notice


@pytest.mark.parametrize("kind", ["usda", "abc"])
def test_of_several_cameras_one_is_chosen_by_name_or_number(scene, tmp_path, kind):
    """By the names of the file, whatever is called so in the scene already."""
    path = written(tmp_path, kind, {"wide": 2.0, "close10": 10.0, "close9": 9.0})
    for asked, height in (("wide", 2.0), ("Close9", 9.0), ("1", 9.0), ("2", 10.0), (" 3 ", 2.0)):
        assert height_loaded(path, camera=asked) == pytest.approx(height, abs=1e-3), asked
    for asked in ("", "0", "4", "wide.001"):
        with pytest.raises(RuntimeError, match=r"cameras.* close9, close10, wide\.\nGive one of these names"):
            bpy.ops.dollygrip.load_take(filepath=path, camera=asked)


@pytest.mark.parametrize("kind", ["usda", "abc"])
def test_the_one_beside_mayas_own_is_taken_and_said(scene, tmp_path, kind):
    path = written(tmp_path, kind, {**MAYAS, "shotcam": 7.0})
    assert height_loaded(path) == pytest.approx(7, abs=1e-3)
    said = "the file holds 5 cameras: shotcam was taken, not Maya's own front, persp, side, top"
    assert said in scene.dollygrip.notice
    assert height_loaded(path, camera="persp") == pytest.approx(1, abs=1e-3)
    assert "cameras" not in scene.dollygrip.notice


def test_mayas_own_alone_are_not_chosen_from(scene, tmp_path):
    path = written(tmp_path, "usda", MAYAS)
    with pytest.raises(RuntimeError, match="holds 4 cameras: front, persp, side, top"):
        bpy.ops.dollygrip.load_take(filepath=path)


@pytest.mark.parametrize("kind", ["dollygrip", "usd", "colmap"])
def test_a_view_that_was_not_cropped_is_not_called_so(scene, tmp_path, kind):
    """Wide pixels make a picture wider than its numbers say."""
    moving(scene, 8, 24)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.pixel_aspect_x = 320, 180, 2.0
    path = str(tmp_path / {"dollygrip": "a.camera.json", "usd": "a.usda", "colmap": "sparse"}[kind])
    bpy.ops.dollygrip.save_take(filepath=path, kind=kind)
    before = camera.sample(bpy.context, 1, 1).intrinsics
    bpy.ops.dollygrip.load_take(filepath=path)
    assert np.allclose(camera.sample(bpy.context, 1, 1).intrinsics, before, rtol=0.003)
    assert "cropped" not in scene.dollygrip.notice
    scene.render.pixel_aspect_x = 1.0
    bpy.ops.dollygrip.load_take(filepath=path)
    assert ("its view of 320x180 was cropped to the scene's aspect" in scene.dollygrip.notice) == (kind != "usd")


@pytest.mark.parametrize(("varied", "said"), [(0.003, False), (0.02, True)])
def test_pixels_that_change_their_shape_are_squeezed_to_the_scenes(scene, tmp_path, varied, said):
    """Wider than the scene's, they are cropped at the sides; what is seen from top to bottom is kept."""
    pixels = np.tile([1500.0, 1500, 960, 540], (4, 1))
    pixels[:, 1] *= np.linspace(1, 1 + varied, 4)
    formats.write(tmp_path / "a.camera.json", Trajectory(np.tile(np.eye(4), (4, 1, 1)), pixels, (1920, 1080), 24.0))
    assert bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.camera.json")) == {"FINISHED"}
    assert np.allclose(camera.sample(bpy.context, 1, 4).intrinsics[:, :2], pixels[:, 1:2], rtol=0.0021)
    assert ("all got the scene's" in scene.dollygrip.notice) == said


def test_no_file_at_all_is_said(scene):
    with pytest.raises(RuntimeError, match="No camera file is chosen"):
        bpy.ops.dollygrip.load_take(filepath="")
