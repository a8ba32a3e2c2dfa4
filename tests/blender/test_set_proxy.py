"""The set proxy by geometry: through Blender's own camera each vertex is seen at its pixel, at the estimate's depth."""

import json
import struct
import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera, depths
from bl_ext.user_default.dollygrip.references import own_set, panel, picture, proxy_mesh, set_proxy
from bl_ext.user_default.dollygrip.takes import sets, takes
from blender.test_fetching import a_context, texts
from bpy_extras.object_utils import world_to_camera_view
from hypothesis import given, settings
from hypothesis import strategies as st

from dollygrip.client import Client, DepthReady
from dollygrip.connection import read_connection
from dollygrip.protocol import DepthRequest

SIZE = (192, 108)


@pytest.fixture
def film(scene, tmp_path):
    """A saved file that renders at SIZE, with a reference of the same aspect and four times the pixels."""
    rgb = np.random.default_rng(0).integers(0, 256, (4 * SIZE[1], 4 * SIZE[0], 3), np.uint8)
    picture.write_png(tmp_path / "reference.png", rgb)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = "//reference.png", 5, "go"
    return scene


def start_camera(scene, shift=(0.0, 0.0)) -> bpy.types.Object:
    """Tilted, off the origin, with a lens of its own."""
    scout = bpy.data.objects.new("Scout", bpy.data.cameras.new("Scout"))
    scout.location, scout.rotation_euler = (1, -2, 1.5), (1.45, 0.05, 0.3)
    scout.data.lens = 35
    scout.data.shift_x, scout.data.shift_y = shift
    scene.collection.objects.link(scout)
    scene.dollygrip.brief.start = scout
    return scout


def assert_on_its_pixels(scene, proxy, depth_at, picture_size) -> np.ndarray:
    """Every vertex within half a pixel of the reference of where its texture is, at depth_at(x, y), in metres."""
    first = takes.frame_range(takes.shown(takes.find_camera(scene)))[0]
    scene.frame_set(first)
    mesh, unit = proxy.data, scene.unit_settings.scale_length
    uv = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers[0].data.foreach_get("uv", uv)
    corner = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corner)
    own = np.full((len(mesh.vertices), 2), np.nan)
    own[corner] = uv.reshape(-1, 2)
    used = np.nonzero(np.isfinite(own[:, 0]))[0][:: max(1, len(corner) // 8000)]
    bpy.context.view_layer.update()
    matrix = proxy.matrix_world
    seen = [world_to_camera_view(scene, scene.camera, matrix @ mesh.vertices[i].co) for i in used]
    seen = np.array([tuple(place) for place in seen])
    off = np.abs(seen[:, :2] - own[used]) * picture_size
    assert off.max() < 0.5, "pixels"
    expected = depth_at(own[used, 0], 1 - own[used, 1])
    assert np.allclose(seen[:, 2] * unit, expected, rtol=2e-3)
    return used


@pytest.mark.parametrize(("unit", "with_start"), [(1.0, False), (1.0, True), (0.01, True)])
def test_the_estimate_stands_in_the_predicted_cameras_view(film, scripted_backend, unit, with_start):
    film.unit_settings.scale_length = unit
    if with_start:
        start_camera(film)
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    assert bpy.ops.dollygrip.build_set_proxy() == {"FINISHED"}
    [proxy] = bpy.data.collections[set_proxy.COLLECTION].objects
    far = takes.scene_depth(takes.shown(film.camera))
    depth = estimate(scripted_backend.home, film.dollygrip.brief.reference, far)

    def depth_at(x, y):
        return depth[(y * depth.shape[0]).astype(int), (x * depth.shape[1]).astype(int)]

    used = assert_on_its_pixels(film, proxy, depth_at, (4 * SIZE[0], 4 * SIZE[1]))
    assert len(used) > 1000


def estimate(home, reference, scene_depth) -> np.ndarray:
    """What the backend says of the reference, asked directly."""
    with Client.connect(read_connection(home)) as client:
        image = {"image": picture.read_picture(reference)}
        [depth] = [
            e.depth for e in client.run(DepthRequest(scene_depth=scene_depth), image) if isinstance(e, DepthReady)
        ]
    return depth


def test_the_real_estimate_gives_a_set_of_moderate_size(film, backend_home):
    film.dollygrip.brief.prompt = "push in"
    bpy.ops.dollygrip.predict_camera()
    assert bpy.ops.dollygrip.build_set_proxy() == {"FINISHED"}
    [proxy] = bpy.data.collections[set_proxy.COLLECTION].objects
    assert 4_000 < len(proxy.data.vertices) < 100_000
    depth = estimate(backend_home, film.dollygrip.brief.reference, takes.scene_depth(takes.shown(film.camera)))

    def depth_at(x, y):
        return depth[(y * depth.shape[0]).astype(int), (x * depth.shape[1]).astype(int)]

    assert_on_its_pixels(film, proxy, depth_at, (4 * SIZE[0], 4 * SIZE[1]))


def test_exact_depth_is_the_geometrys_own(film, scripted_backend):
    bpy.ops.mesh.primitive_plane_add(size=200, location=(0, 9, 0), rotation=(np.pi / 2, 0, 0))
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0.2, 2, 1.4))
    film.dollygrip.brief.exact_depth = True
    start_camera(film)
    bpy.ops.dollygrip.predict_camera()
    assert bpy.ops.dollygrip.build_set_proxy() == {"FINISHED"}
    [proxy] = bpy.data.collections[set_proxy.COLLECTION].objects
    seen = camera.sample(bpy.context, 1, 1)

    def depth_at(x, y):
        return depths.depths_seen(bpy.context, seen.c2w[0], seen.intrinsics[0], x * SIZE[0], y * SIZE[1])

    assert_on_its_pixels(film, proxy, depth_at, (4 * SIZE[0], 4 * SIZE[1]))
    edges = [proxy.data.vertices[i].co for edge in proxy.data.edges for i in edge.vertices]
    depth = -np.array(edges).reshape(-1, 2, 3)[..., 2]
    assert (depth.max(1) / depth.min(1)).max() < 1.5, "nothing spans from the cube to the wall"


def test_the_proxy_counts_neither_as_depth_nor_in_a_render(film, scripted_backend):
    bpy.ops.mesh.primitive_plane_add(size=200, location=(0, 30, 0), rotation=(np.pi / 2, 0, 0))
    scout = start_camera(film)
    bpy.ops.dollygrip.predict_camera()
    seen = camera.sample(bpy.context, 1, 1, scout)
    before = depths.measured_depth(bpy.context, seen)
    bpy.ops.dollygrip.build_set_proxy()
    bpy.context.view_layer.update()
    assert depths.measured_depth(bpy.context, seen) == pytest.approx(before, rel=1e-6)
    proxy = sets.proxies(film)[0]
    assert proxy.hide_render and proxy.hide_select and proxy.visible_get()


def test_rebuilt_it_is_one_and_removed_it_leaves_nothing(film, scripted_backend):
    kinds = ("objects", "meshes", "materials", "collections", "images")

    def counts():
        return {kind: len(getattr(bpy.data, kind)) for kind in kinds}

    bpy.ops.dollygrip.predict_camera()
    before = counts()
    assert not bpy.ops.dollygrip.remove_set_proxy.poll()
    for _ in range(3):
        bpy.ops.dollygrip.build_set_proxy()
    assert counts() == {kind: n + (kind != "images") for kind, n in before.items()}
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.build_set_proxy()
    assert len(bpy.data.collections[set_proxy.COLLECTION].objects) == 1, "one for each reference"
    assert bpy.ops.dollygrip.remove_set_proxy() == {"FINISHED"}
    assert counts() == before


def test_it_shows_the_reference_unlit_and_survives_the_file(film, scripted_backend):
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.build_set_proxy()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    proxy = sets.proxies(bpy.context.scene)[0]
    nodes = proxy.data.materials[0].node_tree.nodes
    assert {node.bl_idname for node in nodes} == {
        "ShaderNodeTexImage",
        "ShaderNodeEmission",
        "ShaderNodeOutputMaterial",
    }
    assert nodes.active.image == takes.reference_image(takes.shown(bpy.context.scene.camera))
    assert tuple(nodes.active.image.size) == (4 * SIZE[0], 4 * SIZE[1])


@pytest.mark.parametrize("kind", ["png", "exr", "turned jpg"])
def test_rendered_it_shows_the_colours_of_the_reference_where_they_are(film, scripted_backend, tmp_path, kind):
    """By Blender's own render of the proxy's material: whatever the file's colour space and however it is turned."""
    rgb = np.zeros((4 * SIZE[1], 4 * SIZE[0], 3), np.uint8)
    for part, colour in zip(quarters(rgb), ((200, 60, 30), (40, 180, 90), (70, 90, 220), (120, 120, 120)), strict=True):
        part[:] = colour
    film.dollygrip.brief.reference = str(file_of(rgb, kind, tmp_path))
    assert np.abs(picture.read_picture(film.dollygrip.brief.reference).astype(int) - rgb).mean() < 2
    bpy.ops.dollygrip.predict_camera()
    assert bpy.ops.dollygrip.build_set_proxy() == {"FINISHED"}
    [proxy] = sets.proxies(film)
    proxy.hide_render = bpy.data.collections[set_proxy.COLLECTION].hide_render = False
    film.render.engine, film.cycles.samples, film.render.dither_intensity = "CYCLES", 1, 0
    film.view_settings.view_transform, film.render.image_settings.file_format = "Standard", "PNG"
    film.render.filepath = str(tmp_path / "seen.png")
    film.frame_set(1)
    bpy.ops.render.render(write_still=True)
    for seen, shown in zip(quarters(picture.read_picture(film.render.filepath)), quarters(rgb), strict=True):
        at = seen.shape[0] // 2, seen.shape[1] // 2
        assert np.abs(seen[at].astype(int) - shown[0, 0]).max() <= 3


def quarters(rgb) -> list[np.ndarray]:
    return [part for half in np.array_split(rgb, 2) for part in np.array_split(half, 2, axis=1)]


def file_of(rgb, kind, folder):
    """A file that shows this picture: PNG, linear EXR, or a JPEG stored on its side, to be turned right by EXIF."""
    if kind == "png":
        picture.write_png(folder / "shown.png", rgb)
        return folder / "shown.png"
    values, exr = rgb / 255, kind == "exr"
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    stored = linear if exr else np.rot90(values)
    image = bpy.data.images.new("shown", *stored.shape[1::-1], float_buffer=exr)
    if exr:
        image.colorspace_settings.name = "Non-Color"  # saved as the numbers are
    image.pixels.foreach_set(np.dstack([stored, np.ones(stored.shape[:2])])[::-1].astype(np.float32).ravel())
    path = folder / f"shown.{kind[-3:]}"
    image.filepath_raw, image.file_format = str(path), "OPEN_EXR" if exr else "JPEG"
    image.save()
    bpy.data.images.remove(image)
    if not exr:
        tiff = b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0) + bytes(4)
        plain, block = path.read_bytes(), b"Exif\0\0" + tiff
        path.write_bytes(plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:])
    return path


def test_a_job_that_outlived_blender_ends_as_a_proxy(film, scripted_backend):
    bpy.ops.dollygrip.predict_camera()
    task = set_proxy.BuildSetProxy.of(bpy.context)
    with Client.connect(read_connection(scripted_backend.home)) as client:
        task.job_id = client.submit(task.request, task.arrays)
    film.dollygrip.job = json.dumps(task.record())
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert bpy.ops.dollygrip.resume_job() == {"FINISHED"}
    scene = bpy.context.scene
    [proxy] = sets.proxies(scene)
    assert proxy == sets.proxy_of(scene, takes.shown(scene.camera)) and len(proxy.data.polygons) > 1000


def offered() -> str:
    """What the Camera panel says of sets below Predict."""
    return texts(lambda layout: panel.draw_offer(layout, a_context()))


def set_panel() -> str:
    return texts(lambda layout: panel.Reference.draw(SimpleNamespace(layout=layout), a_context()))


def test_it_is_offered_while_the_shot_s_camera_sees_nothing_of_its_picture(film, scripted_backend):
    assert not offered()
    bpy.ops.dollygrip.predict_camera()
    assert "dollygrip.build_set_proxy" in offered() and "Numpad 0" in offered()
    bpy.ops.dollygrip.build_set_proxy()
    assert "dollygrip.build_set_proxy" not in offered() and "The set stands in the scene" in offered()
    bpy.ops.dollygrip.remove_set_proxy()
    assert "dollygrip.build_set_proxy" in offered()
    film.dollygrip.brief.start = start_camera(film)
    assert "dollygrip.build_set_proxy" not in offered(), "that camera's own scene is seen"


@pytest.mark.parametrize("exact", [False, True])
def test_what_came_of_it_is_said_where_it_was_pressed(film, scripted_backend, exact):
    if exact:
        bpy.ops.mesh.primitive_plane_add(size=50)
        film.dollygrip.brief.start, film.dollygrip.brief.exact_depth = start_camera(film), True
        film.dollygrip.brief.start.rotation_euler.x = 0.8
    bpy.ops.dollygrip.predict_camera()
    for here, said, elsewhere in (("", offered, set_panel), ("Subject and Set", set_panel, offered)):
        assert bpy.ops.dollygrip.build_set_proxy(panel=here) == {"FINISHED"}
        assert "The set stands in the scene" in said() and "The set stands in the scene" not in elsewhere()
    Path(takes.reference(takes.shown(film.camera))).unlink()
    for here, said, elsewhere in (("", offered, set_panel), ("Subject and Set", set_panel, offered)):
        with pytest.raises(RuntimeError, match="does not exist"):
            bpy.ops.dollygrip.build_set_proxy(panel=here)
        assert "does not exist" in said() and "does not exist" not in elsewhere()


def test_what_came_of_it_is_said_of_its_own_shot_alone(film, scripted_backend):
    bpy.ops.dollygrip.predict_camera()
    first = film.camera
    bpy.ops.dollygrip.new_shot()
    film.dollygrip.brief.prompt = "go"
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.build_set_proxy()
    assert "The set stands in the scene" in offered()
    film.camera = first
    assert "The set stands in the scene" not in offered()


def seen(scene) -> list[bpy.types.Object]:
    """The sets that viewports show, once the timer has looked."""
    own_set.follow(scene)
    bpy.context.view_layer.update()
    return [proxy for proxy in sets.proxies(scene) if proxy.visible_get()]


def test_viewports_show_the_set_of_the_shown_shot_alone(film, scripted_backend, tmp_path):
    seen(film)
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.build_set_proxy()
    first, [its_set] = film.camera, sets.proxies(film)
    film.frame_set(6)
    bpy.ops.dollygrip.new_shot()
    assert seen(film) == [its_set], "a shot without a take stands in whatever there is"
    bpy.ops.dollygrip.bind_shot()
    picture.write_png(tmp_path / "other.png", np.full((108, 192, 3), 99, np.uint8))
    film.dollygrip.brief.reference, film.dollygrip.brief.prompt = "//other.png", "go"
    bpy.ops.dollygrip.predict_camera()
    assert seen(film) == [], "its own is not built yet"
    bpy.ops.dollygrip.build_set_proxy()
    other_set = sets.proxy_of(film, takes.shown(film.camera))
    assert seen(film) == [other_set]
    film.frame_set(1)
    assert film.camera == first and seen(film) == [its_set], "where the timeline cuts"
    film.frame_set(6)
    assert seen(film) == [other_set]
    its_set.hide_viewport = False
    assert len(seen(film)) == 2, "as the animator likes"
    other_set.hide_viewport = True
    film.frame_set(1)
    assert seen(film) == [its_set]
    film.frame_set(6)
    assert seen(film) == [], "what the animator hid is not brought back"


def test_a_shot_on_the_scene_s_own_geometry_leaves_sets_alone(film, scripted_backend):
    seen(film)
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.build_set_proxy()
    assert seen(film) == sets.proxies(film)
    scout = start_camera(film)
    film.camera = scout
    assert seen(film) == sets.proxies(film), "a camera that is no shot"
    bpy.ops.mesh.primitive_plane_add(size=50)
    bpy.ops.dollygrip.new_shot()
    film.dollygrip.brief.start, film.dollygrip.brief.exact_depth = scout, True
    film.dollygrip.brief.prompt, scout.rotation_euler.x = "go", 0.8
    bpy.ops.dollygrip.predict_camera()
    assert takes.has_exact_depth(takes.shown(film.camera)) and seen(film) == sets.proxies(film)


def test_without_a_take_it_is_refused_in_words(film):
    with pytest.raises(RuntimeError, match="no take with a reference picture"):
        bpy.ops.dollygrip.build_set_proxy()


# The mesh alone


def planes(normals, offsets, x, y) -> np.ndarray:
    """Depth of the nearest of some planes n·p = d along rays with z = 1 through a grid, inf where there is none."""
    rays = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))], -1)
    depth = np.full(rays.shape[:2], np.inf)
    for normal, offset in zip(normals, offsets, strict=True):
        along = rays @ np.asarray(normal, float)
        depth = np.minimum(depth, np.where(along > 1e-9, offset / np.maximum(along, 1e-9), np.inf))
    return depth


@settings(deadline=None, max_examples=60)
@given(st.floats(-0.35, 0.35), st.floats(-0.35, 0.35), st.floats(0.1, 100))
def test_a_slanted_plane_stays_whole(across, down, far):
    x, y = np.linspace(-0.6, 0.6, 60), np.linspace(-0.4, 0.4, 40)
    depth = planes([(across, down, 1)], [far], x, y)
    assert proxy_mesh.whole_cells(1 / depth).all()


def test_a_floor_stays_whole_to_near_the_horizon_and_is_cut_from_the_sky():
    y = (np.arange(60) - 29.5) / 60
    depth = planes([(0, 1, 0)], [1.5], np.linspace(-0.6, 0.6, 80), y)
    whole = proxy_mesh.whole_cells(np.where(np.isfinite(depth), 1 / depth, 0.0))
    assert whole[33:].all() and not whole[29].any() and whole[:29].all()


@given(st.floats(1.6, 50), st.integers(3, 50), st.integers(3, 30))
def test_a_box_before_a_wall_is_cut_along_its_border_and_nowhere_else(ratio, column, row):
    depth = np.full((36, 56), ratio)
    depth[row:, column:] = 1.0
    whole = proxy_mesh.whole_cells(1 / depth)
    spanning = np.zeros_like(whole)
    corners = [depth[:-1, :-1], depth[:-1, 1:], depth[1:, :-1], depth[1:, 1:]]
    spanning |= np.max(corners, 0) > np.min(corners, 0)
    assert np.array_equal(whole, ~spanning)


@given(st.integers(2, 3000), st.integers(2, 3000))
def test_the_grid_is_bounded_even_and_inside(width, height):
    grid, part = proxy_mesh.Grid.over((width, height), (4 * width, 4 * height))
    assert len(grid.x) * len(grid.y) <= 1.1 * proxy_mesh.MAX_VERTICES
    for at, side in ((grid.x, width), (grid.y, height)):
        assert len(at) == len(np.arange(side)[part]) >= 1
        assert np.ptp(np.diff(at)) < 1e-6 if len(at) > 2 else True
        assert at[0] > 0 and at[-1] < 4 * side


def test_a_set_of_the_largest_size_takes_a_moment():
    grid, _ = proxy_mesh.Grid.over((1920, 1080), (1920, 1080))
    depth = np.random.default_rng(0).uniform(1, 1.05, (len(grid.y), len(grid.x)))
    started = time.perf_counter()
    mesh = proxy_mesh.mesh_of(depth, grid, np.array([1500.0, 1500, 960, 540]), (1920, 1080))
    assert len(mesh.points) > 50_000 and time.perf_counter() - started < 2
