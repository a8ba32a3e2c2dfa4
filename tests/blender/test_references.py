"""Where a reference comes from, and what its subject is: by pixels, and by the geometry of what is predicted."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat, drawing
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.references import panel as reference_panel
from bl_ext.user_default.dollygrip.references import picture, references, subject
from bl_ext.user_default.dollygrip.shots import colours, panel
from bl_ext.user_default.dollygrip.takes import sets, takes
from blender.test_fetching import a_context, texts
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Matrix, Vector

from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory

SIZE = (160, 96)
_OUTPUT = ("file_format", "color_mode", "color_depth")


@pytest.fixture
def film(scene, tmp_path):
    """A saved file that renders at SIZE."""
    (tmp_path / "film").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film" / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    return scene


@pytest.fixture
def stage(film):
    """A red ball of 0.4 m, 4 m in front of a camera that looks at it, 8 m in front of a wall, all of it glowing."""
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.4, location=(0, 4, 1.5))
    ball = bpy.context.object
    ball.name = "Ball"
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, 8, 0), rotation=(np.pi / 2, 0, 0))
    wall = bpy.context.object
    for thing, colour in ((ball, (1, 0, 0, 1)), (wall, (0, 0, 1, 1))):
        thing.data.materials.append(glowing(colour))
    seen_by = bpy.data.objects.new("Scout", bpy.data.cameras.new("Scout"))
    seen_by.location, seen_by.rotation_euler = (0, 0, 1.5), (np.pi / 2, 0, 0)
    film.collection.objects.link(seen_by)
    film.camera = seen_by
    return film


def glowing(colour) -> bpy.types.Material:
    material = bpy.data.materials.new("glow")
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    light, output = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    light.inputs["Color"].default_value = colour
    material.node_tree.links.new(light.outputs[0], output.inputs["Surface"])
    return material


def noise(size=SIZE, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)


def capture(**options) -> np.ndarray:
    """The captured reference, read as every other part of the extension reads it."""
    assert bpy.ops.dollygrip.capture_reference(**options) == {"FINISHED"}
    return picture.read_picture(bpy.context.scene.dollygrip.brief.reference)


def test_a_packed_image_becomes_a_file_beside_the_blend(film, tmp_path):
    rgb = noise()
    picture.write_png(tmp_path / "elsewhere.png", rgb)
    packed = bpy.data.images.load(str(tmp_path / "elsewhere.png"))
    packed.pack()
    (tmp_path / "elsewhere.png").unlink()
    assert np.array_equal(capture(source="IMAGE", image=packed.name), rgb)
    assert film.dollygrip.brief.reference.startswith("//dollygrip/references/elsewhere_")


def test_a_painted_linear_image_is_encoded(film):
    painted = bpy.data.images.new("painted", 8, 4, float_buffer=True)
    painted.pixels.foreach_set(np.tile(np.float32([0.5, 1.0, 7.0, 1.0]), 32))
    assert capture(source="IMAGE", image="painted")[0, 0].tolist() == [188, 255, 255]


def test_a_captured_reference_never_changes_and_equal_ones_are_one_file(film):
    paths = []
    image = bpy.data.images.new("paint", *SIZE)
    for value in (0.25, 0.75, 0.25):
        image.pixels.foreach_set(np.full(4 * SIZE[0] * SIZE[1], value, np.float32))
        capture(source="IMAGE", image="paint")
        paths.append(film.dollygrip.brief.reference)
    assert paths[0] == paths[2] != paths[1]
    assert picture.read_picture(paths[0]).mean() == pytest.approx(64, abs=1)


def test_a_capture_of_an_unsaved_file_moves_beside_it_when_it_is_saved(scene, tmp_path):
    bpy.data.images.new("paint", *SIZE)
    before = capture(source="IMAGE", image="paint")
    action = add_take(scene)
    assert Path(takes.reference(action)).is_file()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    shutil.move(tmp_path, tmp_path.with_name("moved"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path.with_name("moved") / "film.blend"))
    state = bpy.context.scene.dollygrip
    action = state.take_list[0].action
    assert state.brief.reference.startswith("//dollygrip/references/")
    assert Path(takes.reference(action)).is_relative_to(tmp_path.with_name("moved"))
    for path in (state.brief.reference, takes.reference(action)):
        assert np.array_equal(picture.read_picture(path), before)


def add_take(scene) -> bpy.types.Action:
    still = Trajectory(np.tile(np.eye(4), (5, 1, 1)), np.tile([150.0, 150, 80, 48], (5, 1)), SIZE, 24.0, 4.0, {})
    fitted = camera.fit(still, camera.Placement.of(scene, None, camera.level_start()))
    return takes.add(scene, fitted, "still", {"reference": scene.dollygrip.brief.reference})


@pytest.mark.parametrize(("aspect", "ours"), [(1.0, False), (2.0, False), (1.0, True)])
def test_the_sequencers_frame_has_the_strips_own_colours(film, tmp_path, aspect, ours):
    rgb = noise()
    picture.write_png(tmp_path / "one.png", rgb)
    picture.write_png(tmp_path / "two.png", 255 - rgb)
    film.render.pixel_aspect_x = aspect
    film.view_settings.view_transform, film.view_settings.exposure = "AgX", 1.0
    strips = compat.strips_of(film)
    strip = strips.new_image("clip", str(tmp_path / "one.png"), 1, 10, fit_method="FIT")
    strip.elements.append("two.png")
    if ours:  # it undoes the scene's view, which the others do not
        strip["dollygrip"], film.view_settings.exposure = {"take": ""}, 0.0
        colours.undo_view(film, strip)
        assert strip.colorspace_settings.name == "AgX Base sRGB"
    film.frame_set(11)
    seen = capture(source="SEQUENCER").astype(int)
    assert seen.shape == (SIZE[1], SIZE[0] * aspect, 3), "on square pixels"
    if aspect == 1:
        assert np.abs(seen - (255 - rgb)).max() <= 1
    assert (film.view_settings.view_transform, film.view_settings.exposure) == ("AgX", 0.0 if ours else 1.0)
    film.frame_set(40)
    with pytest.raises(RuntimeError, match="No strip with a picture lies on frame 40"):
        bpy.ops.dollygrip.capture_reference(source="SEQUENCER")


def test_the_render_is_taken_as_it_is_shown(stage, tmp_path):
    with pytest.raises(RuntimeError, match="Nothing has been rendered yet"):
        bpy.ops.dollygrip.capture_reference(source="RENDER")
    stage.render.engine, stage.cycles.samples = "CYCLES", 1
    stage.render.image_settings.file_format = "OPEN_EXR"
    stage.render.dither_intensity = 0.0
    bpy.ops.render.render()
    seen = capture(source="RENDER")
    assert stage.render.image_settings.file_format == "OPEN_EXR"
    stage.render.image_settings.file_format = "PNG"
    bpy.data.images["Render Result"].save_render(str(tmp_path / "own.png"))
    assert np.array_equal(seen, picture.read_picture(str(tmp_path / "own.png")))
    assert seen[48, 80, 0] > 150 > 60 > seen[48, 10, 0], "the ball is red, the wall is not"


@pytest.mark.parametrize("kept_as", ["INDIVIDUAL", "STEREO_3D"])
def test_of_a_stereo_scene_one_eye_is_taken(stage, kept_as):
    stage.render.engine, stage.cycles.samples = "CYCLES", 1
    stage.render.use_multiview, stage.render.image_settings.views_format = True, kept_as
    bpy.ops.render.render()
    for source in ("RENDER", "CAMERA"):
        seen = capture(source=source)
        assert seen.shape == (SIZE[1], SIZE[0], 3)
        assert seen[48, 80, 0] > 150 > 60 > seen[48, 10, 0], "the ball is red, the wall is not"
    columns = np.nonzero(seen[48, :, 0] > 150)[0]
    assert columns.mean() == pytest.approx(79.5, abs=1), "the camera's own view, of neither eye"
    assert stage.render.use_multiview and stage.render.image_settings.views_format == kept_as


@pytest.mark.parametrize(
    ("medium", *_OUTPUT),
    [
        ("IMAGE", "OPEN_EXR", "RGBA", "32"),
        ("IMAGE", "DPX", "RGB", "12"),
        ("IMAGE", "PNG", "BW", "16"),
        ("IMAGE", "JPEG", "RGB", "8"),
        ("MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER", "RGBA", "32"),
        ("VIDEO", "FFMPEG", "RGB", "8"),
    ],
)
def test_the_output_settings_are_those_of_the_animator_again(stage, medium, file_format, color_mode, color_depth):
    stage.render.engine, stage.cycles.samples = "CYCLES", 1
    bpy.ops.render.render()
    output = stage.render.image_settings
    if hasattr(output, "media_type"):
        output.media_type = medium
    wanted = file_format, color_mode, color_depth
    for name, value in zip(_OUTPUT, wanted, strict=True):
        setattr(output, name, value)
    capture(source="RENDER")
    assert tuple(getattr(output, name) for name in _OUTPUT) == wanted
    assert getattr(output, "media_type", medium) == medium


def test_the_cameras_view_comes_with_its_exact_depth(stage):
    proxy = stage.objects["Ball"].copy()
    proxy.name, proxy.hide_render, proxy.location = "Guide", True, (0.9, 2, 1.5)
    stage.collection.objects.link(proxy)
    stage.frame_start, stage.frame_current = 20, 33
    stage.objects["Ball"].keyframe_insert("location", frame=20)
    stage.objects["Ball"].location.x = 3
    stage.objects["Ball"].keyframe_insert("location", frame=33)
    rgb = capture(source="CAMERA")
    assert rgb.shape == (SIZE[1], SIZE[0], 3) and stage.frame_current == 33
    state = stage.dollygrip
    assert (state.brief.start, state.brief.exact_depth) == (stage.camera, True)
    state.brief.prompt, state.brief.frame_count = "push in", 5
    task = PredictCamera.of(bpy.context)
    depth = task.arrays["depth"]
    red = rgb[..., 0].astype(int) > rgb[..., 2]
    assert np.array_equal(red, depth < 5) or (red ^ (depth < 5)).mean() < 0.01, "depth and picture show the same"
    assert depth[48, 80] == pytest.approx(3.6, abs=0.01) and depth[5, 5] == pytest.approx(8, abs=1e-3)
    assert task.request.scene_depth is None and np.allclose(task.placement.start[:3, 3], (0, -1.5, 0))


def test_depth_of_a_camera_that_has_moved_since_is_refused(stage):
    capture(source="CAMERA")
    state = stage.dollygrip
    state.brief.prompt, state.brief.frame_count = "push in", 5
    bpy.ops.wm.save_as_mainfile(filepath=bpy.data.filepath)
    PredictCamera.of(bpy.context)
    stage.camera.location.x += 0.01
    with pytest.raises(InputError, match="has moved since its view became the reference"):
        PredictCamera.of(bpy.context)
    capture(source="CAMERA")
    PredictCamera.of(bpy.context)
    stage.camera.data.lens += 1
    with pytest.raises(InputError, match="has moved"):
        PredictCamera.of(bpy.context)
    state.brief.exact_depth = False
    assert "depth" not in PredictCamera.of(bpy.context).arrays


def test_a_camera_with_wide_pixels_is_seen_on_square_ones(stage):
    stage.render.pixel_aspect_x = 2.0
    rgb = capture(source="CAMERA").astype(int)
    assert rgb.shape == (SIZE[1], 2 * SIZE[0], 3)
    rows, columns = np.nonzero(rgb[..., 0] > rgb[..., 2])
    assert np.ptp(columns) == pytest.approx(np.ptp(rows), abs=2), "the ball is round"


# The subject


def object_seen_at(scene, place, unit=1.0) -> subject.Subject:
    scene.unit_settings.scale_length = unit
    thing = bpy.data.objects.new("Mark", None)
    thing.location = place
    scene.collection.objects.link(thing)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    return subject.in_picture(bpy.context, thing, image, camera.sample(bpy.context, 1, 1), 1)


@pytest.mark.parametrize("unit", [1.0, 0.01])
@pytest.mark.parametrize("place", [(0, 4, 1.5), (0.5, 3, 1.7), (-1.2, 7, 0.4)])
def test_an_object_lies_where_blender_projects_it(stage, place, unit):
    stage.camera.rotation_euler = Euler((1.5, 0.1, -0.05))
    stage.camera.data.shift_x = 0.1
    (x, y), depth = object_seen_at(stage, place, unit)
    seen = world_to_camera_view(stage, stage.camera, Vector(place))
    assert (x, y) == pytest.approx((seen.x, 1 - seen.y), abs=1e-5)
    assert depth == pytest.approx(seen.z * unit, rel=1e-5)


def test_the_centre_of_a_body_counts_not_its_origin(stage):
    ball = stage.objects["Ball"]
    ball.data.transform(Matrix.Translation((0, 2, 0)))
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    bpy.context.view_layer.update()
    (x, y), depth = subject.in_picture(bpy.context, ball, image, camera.sample(bpy.context, 1, 1), 1)
    assert (x, y, depth) == pytest.approx((0.5, 0.5, 6.0), abs=1e-3)


def test_what_the_camera_cannot_see_is_no_subject(stage):
    with pytest.raises(InputError, match="Mark is behind the start camera on frame 1"):
        object_seen_at(stage, (0, -4, 1.5))
    with pytest.raises(InputError, match=r"Mark.* is outside of the start camera's picture"):
        object_seen_at(stage, (9, 4, 1.5))


def test_a_subject_is_sent_and_kept_and_refused_in_words(stage, picture_path):
    state = stage.dollygrip
    state.brief.prompt, state.brief.reference, state.brief.frame_count = "orbit left", str(picture_path), 5
    assert PredictCamera.of(bpy.context).request.subject is None
    assert bpy.ops.dollygrip.pick_subject(point=(0.25, 0.75)) == {"FINISHED"}
    task = PredictCamera.of(bpy.context)
    assert task.request.subject == (0.25, 0.75) and task.request.subject_depth is None
    assert tuple(task.provenance["subject"]) == (0.25, 0.75)
    with pytest.raises(RuntimeError, match="outside of the picture"):
        bpy.ops.dollygrip.pick_subject(point=(1.25, 0.5))
    state.brief.subject_kind = "OBJECT"
    with pytest.raises(InputError, match="No object is chosen"):
        PredictCamera.of(bpy.context)
    state.brief.subject_object = stage.objects["Ball"]
    with pytest.raises(InputError, match="without a camera that took it"):
        PredictCamera.of(bpy.context)
    state.brief.start = stage.camera
    assert PredictCamera.of(bpy.context).request.subject_depth == pytest.approx(4.0, abs=1e-3)


@pytest.mark.parametrize("away", [0.0, 0.7])
def test_an_orbit_goes_around_the_object(stage, backend_home, away):
    """By what Blender evaluates: the ball keeps its place in the picture and its distance, and is gone around."""
    stage.camera.rotation_euler.z = -np.arctan(away / 4)
    ball = stage.objects["Ball"]
    ball.location.x = away
    capture(source="CAMERA")
    state = stage.dollygrip
    state.brief.subject_kind, state.brief.subject_object = "OBJECT", ball
    state.brief.prompt, state.brief.frame_count = "orbit 50 degrees to the right", 25
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    seen = camera.sample(bpy.context, 1, 25)
    start = np.linalg.norm(np.array(ball.location)[[0, 2, 1]] * [1, -1, 1] - seen.positions[0])
    arm = np.array([away, -1.5, 4.0]) - seen.positions
    distance = np.linalg.norm(arm, axis=1)
    off_axis = np.degrees(np.arccos(np.einsum("ti,ti->t", seen.rotations[:, :, 2], arm) / distance))
    assert off_axis.max() < 5
    assert distance == pytest.approx(np.full(25, start), rel=0.1)
    turned = np.degrees(np.arccos(np.clip(arm[0] @ arm[-1] / distance[0] / distance[-1], -1, 1)))
    assert turned == pytest.approx(50, abs=6)


@pytest.mark.parametrize(("width", "told"), [(128, True), (160, False), (150, False), (200, True)])
def test_a_reference_that_the_scene_crops_is_told_of(stage, scripted_backend, tmp_path, width, told):
    picture.write_png(tmp_path / "other.png", noise((width, 96)))
    state = stage.dollygrip
    state.brief.reference, state.brief.prompt, state.brief.frame_count = str(tmp_path / "other.png"), "go", 5
    bpy.ops.dollygrip.predict_camera()
    assert (f"Its view of {width}x96 was cropped to the scene's aspect." in state.notice) == told
    assert ("cropped" in state.notice) == told


def test_a_cropped_reference_is_told_of_where_it_is_chosen_with_the_way_to_see_it_whole(stage, tmp_path):
    path, render = tmp_path / "portrait.png", stage.render

    def said() -> str:
        return texts(lambda layout: reference_panel.draw_crop(layout, a_context(), str(path)))

    assert not said(), "there is none"
    with pytest.raises(RuntimeError, match="Choose a reference picture first"):
        bpy.ops.dollygrip.match_picture()
    stage.dollygrip.brief.reference = str(path)
    for size, aspect, wanted in (
        ((96, 128), 1.0, (1440, 1920)),
        ((300, 100), 1.0, (1920, 640)),
        ((96, 96), 2.0, (960, 1920)),
    ):
        render.resolution_x, render.resolution_y, render.pixel_aspect_x = 1920, 1080, 1.0
        picture.write_png(path, noise(size))
        share = f"{camera.share_shown(stage, size):.0%}"
        assert f"The scene's 1920×1080 shows {share} of this picture." in said() and "match_picture" in said()
        render.pixel_aspect_x = aspect
        assert bpy.ops.dollygrip.match_picture() == {"FINISHED"}
        assert (render.resolution_x, render.resolution_y) == wanted
        assert camera.share_shown(stage, size) == pytest.approx(1, abs=2e-3) and not said()
    path.unlink()
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.dollygrip.match_picture()


def share_seen(scene) -> float:
    """How much of a frame shows the reference, by where the corners of its set proxy are seen through the camera."""
    [proxy] = sets.proxies(scene)
    uv, corner = np.empty(2 * len(proxy.data.loops)), np.empty(len(proxy.data.loops), int)
    proxy.data.uv_layers[0].data.foreach_get("uv", uv)
    proxy.data.loops.foreach_get("vertex_index", corner)
    uv, where = uv.reshape(-1, 2), []
    for pick in (uv.sum(1).argmin(), uv.sum(1).argmax()):
        point = proxy.matrix_world @ proxy.data.vertices[corner[pick]].co
        where.append((np.array(world_to_camera_view(scene, scene.camera, point)[:2]), uv[pick]))
    (low, low_uv), (high, high_uv) = where
    whole = (high - low) / (high_uv - low_uv)
    return np.minimum(1, whole).prod()


@pytest.mark.parametrize(("shape", "told"), [(SIZE, False), ((160, 92), False), ((96, 160), True), ((96, 96), True)])
def test_a_view_beyond_the_picture_since_the_scene_s_shape_changed_is_told_of(stage, scripted_backend, shape, told):
    capture(source="CAMERA")
    state = stage.dollygrip
    state.brief.start, state.brief.prompt, state.brief.frame_count = None, "go", 5
    bpy.ops.dollygrip.predict_camera()
    take = takes.shown(stage.camera)
    dense = takes.dense(take)
    pose = {"c2w": dense.c2w[0].tolist(), "intrinsics": dense.intrinsics[0].tolist()}
    take[takes.KEY]["meta"] = json.dumps({**dense.meta, "reference": pose})  # as the real predictor tells it
    bpy.ops.dollygrip.build_set_proxy()
    stage.render.resolution_x, stage.render.resolution_y = shape
    stage.frame_set(1)
    seen = share_seen(stage)

    def said() -> str:
        return texts(lambda layout: panel.Takes.draw(SimpleNamespace(layout=layout), a_context()))

    words = f"The picture fills only {seen:.0%} of the first frame"
    assert (words in said().replace("  ", " ")) == told == (seen < 0.9)
    bpy.ops.dollygrip.render_shot()
    assert (words in state.notice) == told
    bpy.ops.dollygrip.refit()
    stage.frame_set(1)
    assert share_seen(stage) == pytest.approx(1, abs=0.02) and "of the first frame" not in said()


def test_more_like_a_take_keeps_its_subject(stage, scripted_backend):
    capture(source="CAMERA")
    state = stage.dollygrip
    state.brief.subject_kind, state.brief.subject_object = "OBJECT", stage.objects["Ball"]
    state.brief.prompt, state.brief.frame_count = "go", 5
    bpy.ops.dollygrip.predict_camera()
    state.brief.subject_kind = "AUTO"
    shot = takes.find_camera(stage)
    again = PredictCamera.like(bpy.context, shot, takes.shown(shot), 1)
    assert again.request.subject == pytest.approx((0.5, 0.5), abs=1e-4)
    assert again.request.subject_depth == pytest.approx(4.0, abs=1e-3)


def test_an_image_that_is_not_there_is_said(film):
    with pytest.raises(InputError, match="no image 'gone'"):
        references.capture(bpy.context, "IMAGE", "gone")
    film.camera = None
    with pytest.raises(InputError, match="has no camera"):
        references.capture(bpy.context, "CAMERA")


def test_a_shifted_lens_is_told_of_and_kept(stage, picture_path):
    """The backend learns where the axis is; the take that comes back starts with the start camera's very view."""
    scout = stage.camera
    scout.data.shift_x, scout.data.shift_y = 0.15, -0.1
    brief = stage.dollygrip.brief
    brief.start, brief.reference, brief.prompt, brief.frame_count = scout, str(picture_path), "go", 9
    brief.exact_depth, brief.subject_kind, brief.subject_object = False, "OBJECT", bpy.data.objects["Ball"]
    task = PredictCamera.of(bpy.context)
    request = task.request
    seen = camera.sample(bpy.context, 1, 1, scout)
    picture_size = np.array([128, 72])
    fx = picture_size[0] / 2 / np.tan(np.radians(request.view_degrees) / 2)
    across, down = (np.array(request.subject) - request.centre) * picture_size / fx
    assert np.allclose([across, down], 0, atol=1e-3), "the ball is on the axis, wherever that is in the picture"
    assert abs(request.centre[0] - 0.5) > 0.1
    made = np.tile(np.eye(4), (9, 1, 1))
    made[:, 2, 3] = np.linspace(0, 1, 9)
    size = np.array(request.size)
    scale = max(size / picture_size)
    middle = size / 2 + (np.array(request.centre) - 0.5) * picture_size * scale
    lens = np.tile([fx * scale, fx * scale, *middle], (9, 1))
    back = Trajectory(made, lens, request.size, 24.0, 4.0, {})
    task.deliver(stage, task.prepare(SimpleNamespace(index=0, trajectory=back)))
    shot = takes.find_camera(stage)
    assert shot != scout
    after = camera.sample(bpy.context, 1, 9, shot)
    assert np.allclose(after.intrinsics[0], seen.intrinsics[0], atol=0.05)
    assert np.allclose(after.intrinsics[-1, 2:], seen.intrinsics[0, 2:], atol=0.05)
    assert np.allclose(after.c2w[0], seen.c2w[0], atol=1e-5)


@pytest.mark.parametrize("named", ["//reference.png", "//another.png"])
def test_an_appended_scene_finds_its_reference(ready, tmp_path, named):
    """In a file elsewhere: by the take that is shown, whose picture has the same name; not in place of another."""
    ready.dollygrip.brief.reference = "//reference.png"
    bpy.ops.dollygrip.predict_camera()
    picture = takes.reference(takes.shown(ready.camera))
    ready.dollygrip.brief.reference = named
    bpy.ops.wm.save_mainfile()
    library = bpy.data.filepath
    (tmp_path / "elsewhere").mkdir()
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere" / "own.blend"))
    with bpy.data.libraries.load(library) as (there, here):
        here.scenes = there.scenes
    [scene] = here.scenes
    bpy.context.window.scene = scene
    if named == "//another.png":
        with pytest.raises(RuntimeError, match=r"another\.png does not exist"):
            bpy.ops.dollygrip.predict_camera()
        return
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"} and len(scene.dollygrip.take_list) == 2
    assert takes.reference(takes.shown(scene.camera)) == picture == str(tmp_path / "reference.png")


def referring_elsewhere(scene, path) -> bpy.types.Action:
    """A take made from the picture at `path`, in a scene whose own reference is not found, as an appended one's."""
    scene.dollygrip.brief.reference = str(path)
    take = add_take(scene)
    scene.dollygrip.brief.reference = f"/gone/{path.name}"
    assert takes.chosen_reference(scene) == str(path)
    return take


def test_a_click_is_where_the_shown_picture_shows_it(film, tmp_path):
    """A phone's picture, stored lying on its side, is shown upright."""
    plain = (Path(__file__).parents[1] / "data" / "pictures" / "sofa.jpg").read_bytes()
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    phone = tmp_path / "phone.jpg"
    phone.write_bytes(plain[:2] + b"\xff\xe1" + (len(turned) + 2).to_bytes(2) + turned + plain[2:])
    referring_elsewhere(film, phone)
    assert drawing.picture_size(str(phone)) == picture.read_picture(str(phone)).shape[1::-1]
    picking = type("Picking", (), dict(vars(subject.DOLLYGRIP_OT_pick_subject)))()  # without a window it has no events
    window, override = bpy.context.window, bpy.context.temp_override
    manager = SimpleNamespace(modal_handler_add=lambda _: None)
    area = window.screen.areas[0]
    context = SimpleNamespace(scene=film, area=area, window=window, window_manager=manager, temp_override=override)
    before = len(bpy.data.images)
    assert picking.invoke(context, None) == {"RUNNING_MODAL"}
    assert np.array_equal(picture.pixels_of(picking._image, False), picture.read_picture(str(phone)))
    view = SimpleNamespace(region_to_view=lambda x, y: (x / 100, y / 100))
    type(picking)._region = SimpleNamespace(x=7, y=5, view2d=view)
    click = SimpleNamespace(type="LEFTMOUSE", value="PRESS", mouse_x=17, mouse_y=85)
    assert picking.modal(context, click) == {"FINISHED"}
    assert tuple(film.dollygrip.brief.subject_point) == pytest.approx((0.1, 0.2))
    assert len(bpy.data.images) == before


def test_the_takes_panel_shows_no_picture_that_the_camera_panel_shows(film, picture_path, tmp_path, monkeypatch):
    monkeypatch.setattr(panel, "thumbnail", str)  # there are no icons without a window
    take = referring_elsewhere(film, picture_path)
    context = SimpleNamespace(scene=film, region=SimpleNamespace(width=300), preferences=bpy.context.preferences)

    def shown() -> int:
        layout = MagicMock()
        panel.draw_take(layout, context, film.camera, take)
        return layout.template_icon.call_count

    assert shown() == 0
    picture.write_png(tmp_path / "another.png", noise())
    film.dollygrip.brief.reference = str(tmp_path / "another.png")
    assert shown() == 1


def test_a_prompt_in_the_field_of_the_reference_is_no_picture(film):
    film.dollygrip.brief.reference = "//" + "push in slowly on the old lighthouse " * 10
    assert drawing.thumbnail(film.dollygrip.brief.reference) == 0
    with pytest.raises(InputError, match="does not exist"):
        picture.read_picture(film.dollygrip.brief.reference)


def test_a_reference_that_is_gone_is_told_of_before_anything_is_asked_of_it(film, picture_path):
    def said() -> str:
        return texts(lambda layout: reference_panel.draw_missing(layout, a_context(), film.dollygrip.brief.reference))

    assert not said(), "none is chosen"
    film.dollygrip.brief.reference = str(picture_path)
    assert "is not there" not in said()
    packed = bpy.data.images.load(str(picture_path))
    packed.pack()
    picture_path.unlink()
    assert "is not there" not in said(), "it is read from the .blend"
    bpy.data.images.remove(packed)
    assert "reference.png is not there." in said()


def test_a_packed_picture_whose_file_is_gone_can_be_read(film, picture_path):
    packed = bpy.data.images.load(str(picture_path))
    packed.pack()
    picture_path.unlink()
    assert picture.read_picture(str(picture_path)).shape == (72, 128, 3)
