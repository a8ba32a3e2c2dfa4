"""Camera files in Blender: what is exported and imported again is the same evaluated camera."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.takes import files, takes
from blender.sample_takes import view_degrees
from mathutils import Euler

from dollygrip import formats
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory

FIRST, LAST = 11, 31
KINDS = [form.name for form in formats.FORMATS] + ["usd", "alembic"]
POSITION, ROTATION = 2.1 * camera.POSITION_TOLERANCE * camera.ASSUMED_DEPTH, 2.1 * camera.ANGLE_TOLERANCE


def build(scene) -> bpy.types.Object:
    """A camera that moves, turns and zooms under a turned parent, in frames 11 to 31."""
    scene.frame_start, scene.frame_end = FIRST, LAST
    made = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    parent = bpy.data.objects.new("Rig", None)
    parent.rotation_euler = Euler((0.0, 0.0, 0.6))
    for thing in (parent, made):
        scene.collection.objects.link(thing)
    made.parent = parent
    for frame, place, turn, lens in ((FIRST, (0, -6, 1.6), (1.5, 0, 0), 35), (LAST, (3, -2, 2), (1.3, 0.1, 0.8), 50)):
        made.location, made.rotation_euler, made.data.lens = place, turn, lens
        for owner, path in ((made, "location"), (made, "rotation_euler"), (made.data, "lens")):
            owner.keyframe_insert(path, frame=frame)
    scene.camera = made
    return made


def path_of(folder, kind):
    suffix = files._KINDS[kind][1][0]
    return folder / (suffix if suffix[0].isalpha() else f"a{suffix}")


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_camera_comes_back(scene, tmp_path, kind):
    """Poses within the fit's bounds, relative to frame 0 where the file has no world; the lens where it has one."""
    build(scene)
    before = camera.sample(bpy.context, FIRST, LAST)
    data = {name: len(getattr(bpy.data, name)) for name in ("scenes", "objects", "cameras", "cache_files", "meshes")}
    path = path_of(tmp_path / "new folder", kind)
    path.parent.mkdir()
    assert bpy.ops.dollygrip.save_take(filepath=str(path), kind=kind) == {"FINISHED"}
    assert bpy.ops.dollygrip.load_take(filepath=str(path), fps=24) == {"FINISHED"}
    assert scene.camera is takes.find_camera(scene)
    after = camera.sample(bpy.context, FIRST, LAST)
    assert np.linalg.norm(after.positions - before.positions, axis=1).max() < POSITION
    assert np.abs(after.rotations - before.rotations).max() < ROTATION
    holds = formats.format_named(kind).holds if kind in [form.name for form in formats.FORMATS] else {"lens"}
    if "lens" in holds:
        assert after.intrinsics[0, 0] == pytest.approx(before.intrinsics[0, 0], rel=0.003)
    if "zoom" in holds or kind == "usd":
        assert after.intrinsics[-1, 0] == pytest.approx(before.intrinsics[-1, 0], rel=0.003)
    grown = {name: len(getattr(bpy.data, name)) - count for name, count in data.items()}
    assert grown == {"scenes": 0, "objects": 1, "cameras": 1, "cache_files": 0, "meshes": 0}, "only the take's camera"


@pytest.mark.parametrize("millimetres", [24, 85, 400])
def test_a_tracked_camera_comes_in_to_the_pixel(scene, tmp_path, millimetres):
    """It trembles by some pixels in all that it has: place, rotation, lens and shift; points in its scene stay put."""
    rng, focal = np.random.default_rng(1), millimetres / 36 * 1920
    c2w = np.tile(np.eye(4), (48, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(rng.normal(0, 2 / focal, (48, 3)))
    c2w[:, :3, 3] = rng.normal(0, 5 * 2 / focal, (48, 3)) + np.linspace(0, 1, 48)[:, None]
    lens = focal * (1 + rng.normal(0, 1e-3, (48, 1)))
    intrinsics = np.hstack([lens, lens, rng.normal([960, 540], 1, (48, 2))])
    track = Trajectory(c2w, intrinsics, (1920, 1080), 24.0, 5.0)
    formats.write(tmp_path / "a.camera.json", track)
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.camera.json"))
    loaded = camera.sample(bpy.context, 1, 48)
    for corner in (-0.5, 0.5):
        point = np.array([0.5 + 5 * 1920 * corner / focal, 0.5 + 5 * 1080 * corner / focal, 5.5])
        assert np.linalg.norm(projected(loaded, point) - projected(track, point), axis=1).max() < 1


def projected(trajectory: Trajectory, point: np.ndarray) -> np.ndarray:
    """(T, 2) where a point of the world is seen, in pixels."""
    local = np.einsum("tji,tj->ti", trajectory.rotations, point - trajectory.positions)
    return local[:, :2] / local[:, 2:] * trajectory.intrinsics[:, :2] + trajectory.intrinsics[:, 2:]


def test_a_path_is_kept_however_far_the_subject_is_said_to_be(scene, tmp_path):
    c2w = np.tile(np.eye(4), (60, 1, 1))
    c2w[:, 0, 3], c2w[:, 1, 3] = np.linspace(0, 0.05, 60), 0.002 * np.sin(np.arange(60))
    formats.write(tmp_path / "a.camera.json", Trajectory(c2w, [[800.0, 800, 480, 270]] * 60, (960, 540), 24.0, 1.0))
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.camera.json"))
    loaded = camera.sample(bpy.context, 1, 60).positions
    assert np.linalg.norm(loaded - c2w[:, :3, 3], axis=1).max() < 1e-3 * 0.0502


@pytest.mark.parametrize("kind", ["usd", "alembic"])
@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920)])
@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
def test_any_sensor_sees_the_same_when_it_comes_back(scene, tmp_path, kind, size, fit):
    """The shift is animated, as a take's is; of an Alembic lens the first frame comes back."""
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.pixel_aspect_y = 1.25
    data = build(scene).data
    data.sensor_fit, data.sensor_height, data.shift_x, data.shift_y = fit, 30, 0.1, -0.2
    data.keyframe_insert("shift_x", frame=FIRST)
    before, curves = camera.sample(bpy.context, FIRST, LAST), len(bpy.data.actions)
    bpy.ops.dollygrip.save_take(filepath=str(path_of(tmp_path, kind)), kind=kind)
    assert np.array_equal(camera.sample(bpy.context, FIRST, LAST).intrinsics, before.intrinsics)
    assert (scene.camera.data, len(bpy.data.cameras), len(bpy.data.actions)) == (data, 1, curves)
    bpy.ops.dollygrip.load_take(filepath=str(path_of(tmp_path, kind)))
    assert camera.sample(bpy.context, FIRST, FIRST).intrinsics[0] == pytest.approx(before.intrinsics[0], rel=1e-3)


@pytest.mark.parametrize("kind", ["usd", "alembic"])
def test_a_camera_at_rest_comes_back_over_its_frames(scene, tmp_path, kind):
    """An error that was said before is not said any more."""
    build(scene)
    for owner in (scene.camera, scene.camera.data):
        owner.animation_data_clear()
    path = str(path_of(tmp_path, kind))
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.dollygrip.load_take(filepath=path)
    assert scene.dollygrip.error
    bpy.ops.dollygrip.save_take(filepath=path, kind=kind)
    bpy.ops.dollygrip.load_take(filepath=path)
    assert takes.frame_range(takes.shown(scene.camera)) == (FIRST, LAST)
    assert not scene.dollygrip.error and "frame 11 to 31" in scene.dollygrip.notice


def test_names_tell_the_format_and_the_notice_what_was_assumed(scene, tmp_path):
    build(scene)
    for name, begins in (("a.usda", b"#usda"), ("a.motionctrl.json", b"[\n["), ("a.txt", b"\n0 ")):
        bpy.ops.dollygrip.save_take(filepath=str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(begins)
    for kind, name, written in (
        ("usd", "named", "named.usd"),
        ("alembic", "named", "named.abc"),
        ("re10k", "named", "named.txt"),
        ("nerfstudio", "named", "named.nerfstudio.json"),
        ("gendop", "shot.v02", "shot.v02_transforms.json"),
        ("videox-fun", "pan.TXT", "pan.TXT"),
        ("colmap", "model", "model/images.txt"),
    ):
        bpy.ops.dollygrip.save_take(filepath=str(tmp_path / name), kind=kind)
        assert (tmp_path / written).stat().st_size > 500
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "a.motionctrl.json"), view=90)
    assert view_degrees(camera.sample(bpy.context, FIRST, FIRST)) == pytest.approx(90, abs=0.1)
    assert "the file does not say the frame rate: it is taken as 24" in scene.dollygrip.notice
    assert "field of view" not in scene.dollygrip.notice
    assert bpy.context.selected_objects == [scene.camera] and (scene.frame_start, scene.frame_end) == (FIRST, LAST)


def test_what_cannot_be_imported_or_exported_is_said(scene, tmp_path, monkeypatch):
    made = build(scene)
    (tmp_path / "bad.usda").write_text("no stage")
    (tmp_path / "broken.usda").write_text("#usda 1.0\n(((")
    (tmp_path / "bad.abc").write_text("no archive")
    (tmp_path / "bad.json").write_text('{"camera": 1}')
    for other in ("one", "two"):
        scene.collection.objects.link(bpy.data.objects.new(other, bpy.data.cameras.new(other)))
    bpy.ops.wm.usd_export(filepath=str(tmp_path / "three.usda"))
    count = len(bpy.data.objects)
    for name, words in (
        ("bad.usda", "bad.usda must be a file of USD .* it begins with b'no stage'"),
        ("bad.abc", "bad.abc must be a file of Alembic .* it begins with b'no archive'"),
        ("broken.usda", "Blender cannot read .*broken.usda"),
        ("gone.usd", "gone.usd cannot be read: No such file"),
        ("bad.json", "none of the known"),
        ("three.usda", "holds 3 cameras: Camera, one, two"),
    ):
        with pytest.raises(RuntimeError, match=words):
            bpy.ops.dollygrip.load_take(filepath=str(tmp_path / name))
    assert len(bpy.data.objects) == count and len(bpy.data.scenes) == 1
    monkeypatch.setattr(files, "_built_with", lambda _kind: False)
    for name, words in (("three.usda", "built without USD"), ("bad.abc", "built without Alembic")):
        with pytest.raises(RuntimeError, match=words):
            bpy.ops.dollygrip.load_take(filepath=str(tmp_path / name))
        with pytest.raises(RuntimeError, match=words):
            bpy.ops.dollygrip.save_take(filepath=str(tmp_path / name))
    monkeypatch.undo()
    made.hide_select = True
    with pytest.raises(RuntimeError, match="Camera cannot be selected"):
        bpy.ops.dollygrip.save_take(filepath=str(tmp_path / "a.usd"))
    assert not (tmp_path / "a.usd").exists()
    made.hide_select = False
    made.hide_set(True)
    with pytest.raises(RuntimeError, match="is hidden"):
        bpy.ops.dollygrip.save_take(filepath=str(tmp_path / "a.usd"))
    scene.camera = None
    with pytest.raises(RuntimeError, match="has no camera"):
        bpy.ops.dollygrip.save_take(filepath=str(tmp_path / "a.abc"))


def test_a_camera_that_was_predicted_from_another_picture_says_so_when_it_is_rendered(scene, picture_path, tmp_path):
    """Not of the same one, wherever it lies, nor of one so large that the command line reads other pixels of it."""
    rgb = picture.read_picture(str(picture_path))
    for name, other in (("same", rgb), ("other", 255 - rgb), ("large", np.zeros((8, 2600, 3), np.uint8))):
        picture.write_png(tmp_path / f"{name}.png", other)
    lens = [300, 300, 64, 36]
    reference = {"sha256": picture.fingerprint(rgb), "c2w": np.eye(4).tolist(), "intrinsics": lens}
    meta = {"prompt": "static", "reference": reference}
    still = Trajectory(np.tile(np.eye(4), (5, 1, 1)), np.tile(lens, (5, 1)), (128, 72), 24.0, 4.0, meta)
    formats.write(tmp_path / "still.camera.json", still)
    bpy.ops.dollygrip.load_take(filepath=str(tmp_path / "still.camera.json"))
    said = {}
    for name in ("same", "other", "large"):
        scene.dollygrip.brief.reference = str(tmp_path / f"{name}.png")
        said[name] = [notice for notice in RenderShot.of(bpy.context).notices if "another picture" in notice]
    assert said == {
        "same": [],
        "other": ["This camera was predicted from another picture than other.png."],
        "large": [],
    }
