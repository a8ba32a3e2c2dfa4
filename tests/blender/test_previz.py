"""A shot on the animator's own set: depth of every frame as Blender has it, and frames that keep the geometry."""

import time

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.camera import camera, depths
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render import scene_depth
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import shots, strips
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip import formats, shot_record
from dollygrip.errors import DollygripError, InputError

SIZE = (160, 96)
FRAMES = 5
WALL, BOX = 8.0, 5.0  # metres before the camera; of the box its front


def plain(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """A surface that glows in its colour: the same from everywhere."""
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    nodes = material.node_tree
    nodes.nodes.clear()
    glow, out = nodes.nodes.new("ShaderNodeEmission"), nodes.nodes.new("ShaderNodeOutputMaterial")
    glow.inputs["Color"].default_value = (*colour, 1)
    nodes.links.new(glow.outputs[0], out.inputs[0])
    return material


@pytest.fixture
def film(scene, tmp_path):
    """A camera that trucks right past a red box before a blue wall, with its own view as the reference."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.view_settings.view_transform = "Standard"
    bpy.ops.mesh.primitive_cube_add(size=2, location=(0.5, BOX + 1, 0))
    bpy.context.object.name = "Box"
    bpy.context.object.data.materials.append(plain("Red", (0.8, 0.05, 0.05)))
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, WALL, 0), rotation=(np.pi / 2, 0, 0))
    bpy.context.object.data.materials.append(plain("Blue", (0.05, 0.1, 0.8)))
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 2, 0))
    bpy.context.object.hide_render = True  # a helper of the animator's
    shot = bpy.data.objects.new("Shot", bpy.data.cameras.new("Shot"))
    shot.rotation_euler = (np.pi / 2, 0, 0)
    scene.collection.objects.link(shot)
    scene.camera = shot
    for frame, x in ((1, 0.0), (FRAMES, 0.8)):
        shot.location.x = x
        shot.keyframe_insert("location", frame=frame)
    for curve in compat.curves_of(shot):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
    bpy.ops.dollygrip.capture_reference(source="CAMERA")
    state = scene.dollygrip
    state.brief.prompt, (state.width, state.height) = "a red box", SIZE
    return scene


def edges(row: np.ndarray) -> tuple[float, float]:
    """Where the box begins and ends in a row of a frame, (w, 3): the red pixels."""
    red = np.flatnonzero(row[:, 0].astype(int) > row[:, 2].astype(int))
    return red.min(), red.max() + 1


def expected(seen, t: int) -> tuple[float, float]:
    """Where its front's sides lie in frame t by geometry; the camera stays between them."""
    return tuple(seen.intrinsics[t, 0] * (np.array([-0.5, 1.5]) - seen.positions[t, 0]) / BOX + seen.intrinsics[t, 2])


def exact(scene, seen, t: int) -> np.ndarray:
    """A ray into every pixel of a frame of the scene itself, (h, w)."""
    x, y = np.meshgrid(*(np.arange(side) + 0.5 for side in seen.size))
    with camera.on_frame(scene, scene.frame_start + t):
        return depths.depths_seen(bpy.context, seen.c2w[t], seen.intrinsics[t], x.ravel(), y.ravel()).reshape(x.shape)


@pytest.mark.timeout(600)
def test_the_frames_keep_the_sets_geometry(film, backend_home):
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    [strip] = compat.strips_of(film)
    shot = strips.shot_of(strip)
    assert shot["kept_set"] and shot["engine"] == "embedded"
    seen = formats.read(f"{shot['folder']}/{shot_record.CAMERA}")
    for t, element in enumerate(strip.elements):
        frame = picture.read_picture(f"{shot['folder']}/{element.filename}")
        found, wanted = edges(frame[SIZE[1] // 2]), expected(seen, t)
        assert np.abs(np.array(found) - wanted).max() <= 1.0, f"frame {t}: the box is at {found}, not {wanted}"
    kept = np.load(f"{shot['folder']}/depths.npy")
    assert kept.shape == (FRAMES, SIZE[1], SIZE[0]) and kept.dtype == np.float16
    for t in (0, FRAMES - 1):
        assert np.abs(kept[t] / exact(film, seen, t) - 1).max() < 1e-3, "the guide is Blender's own depth"


def test_what_moves_in_the_scene_is_where_it_is_on_each_frame(film):
    box = film.objects["Box"]
    for frame, x in ((1, -2.0), (FRAMES, 2.0)):
        box.location.x = x
        box.keyframe_insert("location", frame=frame)
    seen = camera.sample(bpy.context, 1, FRAMES)
    film.frame_set(3)
    said = []
    depths = scene_depth.DepthPass.of(bpy.context, seen, 1).render(SIZE, said.append)
    assert film.frame_current == 3 and said[-1].total == FRAMES
    for t in range(FRAMES):
        true = exact(film, seen, t)
        assert (true < 5.5).any() and (true > 7.5).any()
        assert np.abs(depths[t] / true - 1).max() < 1e-3
    assert any("Something moves" in notice for notice in RenderShot.of(bpy.context).notices)
    wide = scene_depth.DepthPass.of(bpy.context, seen, 1).render((40, 96), said.append)
    assert wide.shape == (FRAMES, 96, 40)


def leave_out(film, box, how: str) -> None:
    """Let a camera not see the box: from frame 3 on, or at all."""
    if how == "a key":
        for box.hide_render, frame in ((False, 1), (True, 3)):
            box.keyframe_insert("hide_render", frame=frame)
    elif how == "its collections":
        inner, outer = (bpy.data.collections.new(name) for name in ("Inner", "Helpers"))
        film.collection.children.link(outer)
        outer.children.link(inner)
        inner.objects.link(box)
        film.collection.objects.unlink(box)
        outer.hide_render = True
    else:
        box.visible_camera = False


@pytest.mark.parametrize("how", ["a key", "its collections", "its ray visibility"])
def test_what_is_not_rendered_has_no_depth(film, how):
    box, seen = film.objects["Box"], camera.sample(bpy.context, 1, FRAMES)
    leave_out(film, box, how)
    depths = scene_depth.DepthPass.of(bpy.context, seen, 1).render(SIZE, lambda status: None)
    for t in range(FRAMES):
        behind = how != "a key" or t >= 2
        assert depths[t].min() == pytest.approx(WALL if behind else BOX, rel=1e-3), t
        assert exact(film, seen, t).min() == pytest.approx(WALL if behind else BOX, rel=1e-3), t
    assert not box.hide_viewport


@pytest.mark.parametrize("how", ["itself", "its eye", "its collection", "its collection's eye", "keys"])
def test_what_is_hidden_from_viewports_alone_has_its_depth(film, how):
    box, layer = film.objects["Box"], bpy.context.view_layer
    heavy = bpy.data.collections.new("Heavy")
    film.collection.children.link(heavy)
    heavy.objects.link(box)
    film.collection.objects.unlink(box)
    helper = next(thing for thing in film.objects if thing.hide_render)
    heavy.objects.link(helper)
    film.collection.objects.unlink(helper)
    owner = {"its collection": heavy, "its collection's eye": layer.layer_collection.children["Heavy"]}.get(how, box)
    if how == "its eye":
        box.hide_set(True)
    else:
        owner.hide_viewport = True
    if how == "keys":
        box.keyframe_insert("hide_viewport", frame=1)
    seen = camera.sample(bpy.context, 1, FRAMES)
    found = scene_depth.DepthPass.of(bpy.context, seen, 1).render(SIZE, lambda status: None)
    for t in range(FRAMES):
        assert found[t].min() == pytest.approx(BOX, rel=1e-3), t
        assert exact(film, seen, t).min() == pytest.approx(BOX, rel=1e-3), t
    assert not box.visible_get() and box.hide_get() == (how == "its eye") and not helper.hide_viewport
    assert how == "its eye" or owner.hide_viewport


def test_what_the_camera_clips_has_no_depth(film):
    """From frame 3 on it looks past the box, as into a room from outside; then the wall is too far."""
    data = film.camera.data
    for data.clip_start, frame in ((0.1, 2), (BOX + 2.5, 3)):
        data.keyframe_insert("clip_start", frame=frame)
    for curve in compat.curves_of(data):
        for key in curve.keyframe_points:
            key.interpolation = "CONSTANT"
    seen = camera.sample(bpy.context, 1, FRAMES)
    found = scene_depth.DepthPass.of(bpy.context, seen, 1).render(SIZE, lambda status: None)
    for t in range(FRAMES):
        assert found[t].min() == pytest.approx(BOX if t < 2 else WALL, rel=1e-3), t
    data.animation_data_clear()
    data.clip_start = BOX + 2.5
    bpy.ops.dollygrip.capture_reference(source="CAMERA")
    task = RenderShot.of(bpy.context)
    image, depth = task.arrays["image"].astype(int), task.arrays["depth"]
    assert (image[..., 2] > image[..., 0]).all() and depth.min() == pytest.approx(WALL, rel=1e-3), "the wall alone"
    assert depths.known_depth(bpy.context, seen, 1) == pytest.approx(WALL, rel=1e-3)
    data.clip_start, data.clip_end = 0.1, WALL - 1
    depth = RenderShot.of(bpy.context).arrays["depth"]
    assert np.isinf(depth).any() and depth.min() == pytest.approx(BOX, rel=1e-3)


def test_sky_and_curved_surfaces(film):
    film.objects["Plane"].hide_render = True
    bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24, location=(-1.5, 5, 0.5))
    seen = camera.sample(bpy.context, 1, 1)
    [depth] = scene_depth.DepthPass.of(bpy.context, seen, 1).render(SIZE, lambda status: None)
    true = exact(film, seen, 0)
    assert np.array_equal(np.isinf(depth), np.isinf(true)) and np.isinf(true).any()
    near = np.isfinite(true)
    assert np.abs(depth[near] / true[near] - 1).max() < 6e-3


def test_the_interface_goes_on_and_a_cancelled_pass_leaves_nothing(film, backend_home):
    film.frame_end = 200
    task = RenderShot.of(bpy.context)
    folder = task.depth_pass.copy.file.parent
    session.start(task, "")
    deadline = time.monotonic() + 120
    longest, asked, outcome = 0.0, False, None
    while outcome is None:
        assert time.monotonic() < deadline
        began = time.thread_time()
        outcome = session.pump()
        longest = max(longest, time.thread_time() - began)
        if session.status.text == "Depth of the scene" and session.status.done and not asked:
            asked = True
            session.cancel()
        time.sleep(0.01)
    assert asked and outcome.state == "cancelled" and longest < 0.05
    assert not folder.exists()
    assert not compat.strips_of(film) and film.frame_current == 1


def test_shots_of_a_queue_share_one_copy_of_the_scene_which_goes_with_the_last(film, scripted_backend, monkeypatch):
    written, kept = [], scene_depth.DepthPass.render
    own = film.camera.copy()
    own.data = own.data.copy()
    film.collection.objects.link(own)
    own.location.x = 0.4
    own.animation_data_clear()
    takes.make_shot(film, film.camera)
    takes.make_shot(film, own)

    def rendered(depth_pass, *given):
        written.append(depth_pass.copy.file)
        assert depth_pass.copy.file.is_file()
        return kept(depth_pass, *given)

    monkeypatch.setattr(scene_depth.DepthPass, "render", rendered)
    for shot in shots.of_scene(film):
        shot.dollygrip_shot.brief.prompt = "a red box"
        shot.dollygrip_shot.brief.reference = film.dollygrip.brief.reference
        shot.dollygrip_shot.brief.captured = film.dollygrip.brief.captured
    assert bpy.ops.dollygrip.render_shots(which="ALL") == {"FINISHED"}, film.dollygrip.error
    assert len(written) == 2 and len(set(written)) == 1 and not written[0].parent.exists()
    for strip in strips.rendered(film):
        shot = strips.shot_of(strip)
        seen = formats.read(f"{shot['folder']}/{shot_record.CAMERA}")
        depth = np.load(f"{shot['folder']}/depths.npy")[FRAMES - 1]
        assert np.abs(depth / exact(film, seen, FRAMES - 1) - 1).max() < 1e-3


def test_only_a_view_of_the_set_offers_its_depth(film, picture_path):
    assert scene_depth.view_of_set(film, None) and not RenderShot.of(bpy.context).notices
    film.dollygrip.use_scene_depth = False
    task = RenderShot.of(bpy.context)
    assert task.depth_pass is None and "depth" in task.arrays
    film.dollygrip.brief.reference = str(picture_path)
    film.dollygrip.use_scene_depth = True
    assert scene_depth.view_of_set(film, None) is None
    assert RenderShot.of(bpy.context).depth_pass is None


def test_what_cannot_be_kept_is_said_before(film):
    for name in ("Box", "Plane"):
        bpy.data.objects.remove(film.objects[name])
    with pytest.raises(InputError, match="sees no geometry"):
        scene_depth.DepthPass.of(bpy.context, camera.sample(bpy.context, 1, FRAMES), 1)
    with pytest.raises(RuntimeError, match="no geometry"):
        bpy.ops.dollygrip.render_shot()
    film.camera = None
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.dollygrip.render_shot()


def test_too_much_depth_and_a_blender_that_fails_say_so(film):
    seen = camera.sample(bpy.context, 1, FRAMES)
    wanted = scene_depth.DepthPass.of(bpy.context, seen, 1)
    with pytest.raises(InputError, match="at most 4 frames"):
        wanted.render((4096, 4096), lambda status: None)
    wanted.copy.file.write_bytes(b"none")
    with pytest.raises(DollygripError, match="ended with code 1"):
        wanted.render(SIZE, lambda status: None)
