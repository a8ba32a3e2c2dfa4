"""Blender's camera against a Trajectory: geometry, through files and curves and back."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera, depths
from bl_ext.user_default.dollygrip.direct.adopt import adopt
from bl_ext.user_default.dollygrip.direct.drawn import AlongPath
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.direct.redirect import Redirect
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.takes import takes
from bpy_extras.object_utils import world_to_camera_view
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mathutils import Euler, Matrix, Vector

from dollygrip import formats
from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory

EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def numbers(low, high):
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


CAMERAS = st.fixed_dictionaries(
    {
        "size": st.tuples(st.integers(15, 500), st.integers(15, 500)),  # times 4: Blender rounds odd halves down
        "percentage": st.sampled_from([100, 50, 25]),
        "aspect": st.sampled_from([(1.0, 1.0), (1.0, 1.5), (2.0, 1.0), (1.0, 1.067)]),
        "fit": st.sampled_from(["AUTO", "HORIZONTAL", "VERTICAL"]),
        "sensor": st.tuples(numbers(8, 60), numbers(8, 60)),
        "lens": numbers(10, 200),
        "shift": st.tuples(numbers(-0.4, 0.4), numbers(-0.4, 0.4)),
        "place": st.tuples(numbers(-50, 50), numbers(-50, 50), numbers(-50, 50)),
        "angles": st.tuples(numbers(-3, 3), numbers(-3, 3), numbers(-3, 3)),
        "parent_scale": st.sampled_from([None, 1.0, 0.25, 7.0]),
        "unit": st.sampled_from([1.0, 0.01, 0.3048]),
    }
)


def build(scene, spec) -> bpy.types.Object:
    """A camera as described, looking anywhere, perhaps under a moved, turned and scaled parent."""
    for old in list(bpy.data.objects):
        bpy.data.objects.remove(old)
    render = scene.render
    render.resolution_x, render.resolution_y = (4 * side for side in spec["size"])
    render.resolution_percentage = spec["percentage"]
    render.pixel_aspect_x, render.pixel_aspect_y = spec["aspect"]
    scene.unit_settings.scale_length = spec["unit"]
    data = bpy.data.cameras.new("Camera")
    data.sensor_fit, (data.sensor_width, data.sensor_height) = spec["fit"], spec["sensor"]
    data.lens, (data.shift_x, data.shift_y) = spec["lens"], spec["shift"]
    made = bpy.data.objects.new("Camera", data)
    made.location, made.rotation_euler = spec["place"], spec["angles"]
    scene.collection.objects.link(made)
    if spec["parent_scale"]:
        parent = bpy.data.objects.new("Rig", None)
        parent.matrix_world = Matrix.LocRotScale(Vector((1, -2, 3)), Euler((0.3, 1.0, -2.0)), None)
        parent.scale = [spec["parent_scale"]] * 3
        scene.collection.objects.link(parent)
        made.parent = parent
    scene.camera = made
    bpy.context.view_layer.update()
    return made


@EXAMPLES
@given(CAMERAS)
def test_points_project_alike(scene, spec):
    """Where Blender's camera sees a point is where the sampled c2w and intrinsics put it."""
    made = build(scene, spec)
    view = camera.sample(bpy.context, 1, 1)
    rng = np.random.default_rng(0)
    local = np.concatenate([rng.uniform(-1, 1, (20, 2)), rng.uniform(1, 20, (20, 1))], 1)
    local[:, :2] *= local[:, 2:]
    world = local @ view.c2w[0, :3, :3].T + view.c2w[0, :3, 3]
    fx, fy, cx, cy = view.intrinsics[0]
    ours = local[:, :2] / local[:, 2:] * [fx, fy] + [cx, cy]
    for point, (x, y) in zip(world, ours, strict=True):
        blender = blender_from_c2w(np.block([[np.eye(3), point[:, None]], [np.zeros(3), 1]]), spec["unit"])[:3, 3]
        seen = world_to_camera_view(scene, made, Vector(blender))
        theirs = seen.x * view.size[0], (1 - seen.y) * view.size[1]
        scale = max(abs(np.array([x, y, *view.size])))
        # single precision of Blender's points, magnified by their distance from the origin over the depth
        assert np.abs(np.array(theirs) - (x, y)).max() <= 1e-4 * scale


@EXAMPLES
@given(CAMERAS)
def test_round_trip_through_a_file_and_a_take(scene, tmp_path, spec):
    """Blender camera -> Trajectory -> file -> take -> Blender camera: exact to 1e-5 relative."""
    original = build(scene, spec)
    before = camera.sample(bpy.context, 1, 1)
    formats.write(tmp_path / "a.camera.json", before)
    rig = takes.ensure_camera(scene, original.data)
    fitted = camera.fit(formats.read(tmp_path / "a.camera.json"), camera.Placement.of(scene, rig.data, None))
    takes.add(scene, fitted, "round trip", {})
    assert scene.camera is not original
    after = camera.sample(bpy.context, 1, 1)
    assert after.size == before.size and after.fps == before.fps
    reach = np.abs(before.c2w[0, :3, 3]).max()
    assert np.abs(after.c2w[0, :3, :3] - before.c2w[0, :3, :3]).max() <= 1e-5
    assert np.abs(after.c2w[0, :3, 3] - before.c2w[0, :3, 3]).max() <= 1e-5 * max(reach, spec["unit"])
    assert np.abs(after.intrinsics - before.intrinsics).max() <= 1e-5 * np.abs(before.intrinsics).max()
    for action in list(bpy.data.actions):
        bpy.data.actions.remove(action)
    scene.dollygrip.take_list.clear()


def moving(frames: int, fps: float = 24.0, depth: float = 4.0) -> Trajectory:
    """A smooth handheld-like move with a zoom, 1920x1080."""
    t = np.linspace(0, 1, frames)
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, 3] = np.stack([np.sin(3 * t), 0.2 * np.cos(5 * t), 2 * t], 1)
    c2w[:, :3, :3] = matrix_from_rotvec(np.stack([0.2 * np.sin(4 * t), t, 0.1 * t * t], 1))
    focal = 1500 * (1 + 0.5 * t)
    intrinsics = np.stack([focal, focal, np.full(frames, 960.0), np.full(frames, 540.0)], 1)
    return Trajectory(c2w, intrinsics, (1920, 1080), fps, depth)


def test_curves_stay_within_their_bounds_and_are_sparse(scene):
    trajectory = moving(81)
    scene.frame_start = 101
    rig = takes.ensure_camera(scene)
    fitted = camera.fit(trajectory, camera.Placement.of(scene, rig.data, camera.level_start()))
    action = takes.add(scene, fitted, "move", {})
    assert takes.frame_range(action) == (101, 181)
    seen = camera.sample(bpy.context, 101, 181)
    placed = fitted.trajectory
    error = np.linalg.norm(seen.positions - placed.positions, axis=1)
    assert error.max() <= 1.001 * camera.POSITION_TOLERANCE * placed.scene_depth
    from dollygrip.rotations import angle_between

    assert angle_between(seen.rotations, placed.rotations).max() <= 1.001 * camera.ANGLE_TOLERANCE
    assert np.abs(seen.intrinsics / placed.intrinsics - 1).max() <= 0.0021
    assert max(len(keys.frames) for keys in fitted.channels.values()) <= 16
    assert np.array_equal(takes.dense(action).c2w, placed.c2w)
    assert seen.c2w[0, 1, 3] == pytest.approx(-camera.EYE_HEIGHT, abs=1e-4), "starts at eye height"


def test_another_frame_rate_keeps_the_duration(scene):
    scene.render.fps = 30
    rig = takes.ensure_camera(scene)
    fitted = camera.fit(moving(49, fps=24.0), camera.Placement.of(scene, rig.data, None))
    assert len(fitted.trajectory) == 61
    assert fitted.trajectory.duration == pytest.approx(2.0)
    assert np.allclose(fitted.trajectory.c2w[-1], moving(49).c2w[-1], atol=1e-9)


def test_evaluated_camera_counts_and_the_frame_is_restored(scene):
    """A constraint and an animated lens are seen; the user's frame and subframe stay."""
    made = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    target = bpy.data.objects.new("Target", None)
    target.location = (3, 10, -2)
    for thing in (made, target):
        scene.collection.objects.link(thing)
    constraint = made.constraints.new("TRACK_TO")
    constraint.target, constraint.track_axis, constraint.up_axis = target, "TRACK_NEGATIVE_Z", "UP_Y"
    for frame, lens, x in ((1, 35, 0), (11, 70, 5)):
        made.data.lens = lens
        made.data.keyframe_insert("lens", frame=frame)
        made.location.x = x
        made.keyframe_insert("location", frame=frame)
    scene.camera = made
    scene.frame_set(5, subframe=0.25)
    seen = camera.sample(bpy.context, 1, 11)
    assert (scene.frame_current, scene.frame_subframe) == (5, 0.25)
    assert seen.intrinsics[-1, 0] == pytest.approx(2 * seen.intrinsics[0, 0])
    aim = np.array([3, 2, 10.0])  # the target in Dollygrip's world
    for pose in seen.c2w:
        to = aim - pose[:3, 3]
        assert np.dot(pose[:3, 2], to / np.linalg.norm(to)) == pytest.approx(1, abs=1e-6)


def test_a_cut_on_the_way_leaves_the_shown_camera(scene):
    """A marker cuts to another camera on the frames that are looked at; what the animator was looking through stays."""
    bound, shown = (bpy.data.objects.new(name, bpy.data.cameras.new(name)) for name in ("Bound", "Shown"))
    for made in (bound, shown):
        scene.collection.objects.link(made)
    scene.timeline_markers.new("cut", frame=3).camera = bound
    bound.location.x = 5
    scene.frame_set(2)
    scene.camera = shown
    assert np.abs(camera.sample(bpy.context, 1, 9, shown).positions).max() == 0
    assert (scene.camera, scene.frame_current) == (shown, 2)
    assert camera.sample(bpy.context, 3, 9).positions[:, 0] == pytest.approx(5), "without a camera, cuts count"
    with camera.on_frame(scene, 5):
        assert scene.camera == bound
    assert (scene.camera, scene.frame_current) == (shown, 2)


def test_reframing_and_back():
    """A cropped view's lens in the picture is found again, also on anamorphic pixels."""
    picture = np.array([[900.0, 900.0, 410.0, 290.0]])
    for size, ratio in (((1920, 1080), 1.0), ((500, 900), 1.0), ((720, 576), 1.067)):
        view = camera.reframed(picture, (800, 600), size, ratio)
        assert view[0, 0] / view[0, 1] == pytest.approx(ratio)
        assert np.allclose(camera.in_picture(view, size, (800, 600)), picture)


def test_depth_is_measured_in_the_scene(scene):
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, 7, 0), rotation=(np.pi / 2, 0, 0))
    made = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    made.rotation_euler = (np.pi / 2, 0, 0)
    scene.collection.objects.link(made)
    scene.camera = made
    scene.unit_settings.scale_length = 0.1
    assert depths.known_depth(bpy.context, camera.sample(bpy.context, 1, 1), 1) == pytest.approx(0.7, rel=1e-5)
    scene.dollygrip.brief.scene_depth = 30
    assert depths.known_depth(bpy.context, camera.sample(bpy.context, 1, 1), 1) == pytest.approx(3.0)


def along_a_line(context) -> float:
    data = bpy.data.curves.new("Way", "CURVE")
    spline = data.splines.new("POLY")
    spline.points.add(1)
    spline.points[1].co = (1, 0, 0, 1)
    way = bpy.data.objects.new("Way", data)
    context.scene.collection.objects.link(way)
    context.scene.dollygrip.brief.direct.path = way
    return AlongPath.of(context).request.scene_depth


ASKING = {
    "predict": lambda context: PredictCamera.of(context).request.scene_depth,
    "along a line": along_a_line,
    "adopt": lambda context: takes.scene_depth(adopt(context, context.scene.camera)),
    "redirect": lambda context: Redirect.of(context).request.scene_depth,
    "render": lambda context: RenderShot.of(context).trajectory.scene_depth,
}


@pytest.mark.parametrize("asking", ASKING)
def test_the_scale_is_that_of_the_first_frame_wherever_the_playhead_stands(scene, picture_path, asking):
    """A wall comes from 12 m to 2 m; the playhead stays."""
    bpy.ops.mesh.primitive_plane_add(size=400, rotation=(np.pi / 2, 0, 0))
    wall = bpy.context.object
    made = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    made.rotation_euler = (np.pi / 2, 0, 0)
    scene.collection.objects.link(made)
    for frame, away in ((1, 12.0), (80, 2.0)):
        wall.location.y, made.location.x = away, frame / 80
        wall.keyframe_insert("location", frame=frame)
        made.keyframe_insert("location", frame=frame)
    scene.frame_end, scene.dollygrip.brief.start = 80, made
    scene.dollygrip.brief.reference, scene.dollygrip.brief.prompt = str(picture_path), "look up"
    part = scene.dollygrip.brief.direct
    part.prompt, part.first, part.last = "look up", 1, 40
    scene.camera = made
    scene.frame_set(80)
    assert ASKING[asking](bpy.context) == pytest.approx(12, rel=1e-4)
    assert scene.frame_current == 80


def test_the_depth_map_is_that_of_the_geometry(scene):
    """A wall at 7 with a box before it: exact depth along +Z, sky where there is nothing."""
    bpy.ops.mesh.primitive_plane_add(size=2, location=(0, 7, 0), rotation=(np.pi / 2, 0, 0))
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0.5, 4.5, 0.5))
    c2w, lens = np.eye(4), np.array([100.0, 100.0, 32.0, 18.0])
    depth = depths.depth_map(bpy.context, c2w, lens, (64, 36), 1)
    y, x = np.mgrid[:36, :64] + 0.5
    across, down = (x - 32) / 100, (y - 18) / 100
    wall = (np.abs(across * 7) < 1) & (np.abs(down * 7) < 1)
    box = (across * 4 > 0) & (across * 4 < 1) & (down * 4 < 0) & (down * 4 > -1)
    assert np.allclose(depth, np.where(box, 4, np.where(wall, 7, np.inf)), rtol=1e-4)
    assert depths.depth_map(bpy.context, c2w, lens * 20, (1280, 720), 1).shape == (720, 1280)
    with pytest.raises(InputError, match="no geometry"):
        depths.depth_map(bpy.context, np.diag([-1.0, 1, -1, 1]), lens, (64, 36), 1)


def test_no_camera_and_no_perspective_are_said(scene):
    with pytest.raises(InputError, match="has no camera"):
        camera.sample(bpy.context, 1, 2)
    made = bpy.data.objects.new("Ortho", bpy.data.cameras.new("Ortho"))
    made.data.type = "ORTHO"
    scene.collection.objects.link(made)
    scene.camera = made
    with pytest.raises(InputError, match="Ortho is not a perspective camera on frame 1"):
        camera.sample(bpy.context, 1, 2)
