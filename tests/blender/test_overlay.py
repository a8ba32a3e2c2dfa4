"""What the overlay draws: geometry against what Blender evaluates, and that looking changes nothing."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.live import overlay as overlay_module
from bl_ext.user_default.dollygrip.live import path_shape, plot, sampling
from bl_ext.user_default.dollygrip.live.overlay import Overlay
from bl_ext.user_default.dollygrip.live.path_shape import Shape
from bl_ext.user_default.dollygrip.rigs import collisions, physics, rigs
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import DEPTH, FRAMES, START, add_take, circle, counts, orbit, out_and_back, parent_of

LAST = START + FRAMES - 1


@pytest.fixture
def overlay():
    """An overlay of its own, told of every update as the drawn one is."""
    made = Overlay()

    def note(_scene, depsgraph):
        for update in depsgraph.updates:
            made.touch(update)

    bpy.app.handlers.depsgraph_update_post.append(note)
    yield made
    bpy.app.handlers.depsgraph_update_post.remove(note)


def evaluated(scene, camera) -> np.ndarray:
    """(T, 4, 4) world matrices of the camera on the take's frames, by going there."""
    kept, matrices = scene.frame_current, []
    for frame in range(START, LAST + 1):
        scene.frame_set(frame)
        matrices.append(np.array(camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world))
    scene.frame_set(kept)
    return np.array(matrices)


def shape_of(overlay, scene) -> Shape:
    overlay.refresh(scene)
    return overlay.view.shown


@pytest.mark.parametrize("kind", [rigs.PLAIN, rigs.PATH, rigs.AIM])
@pytest.mark.parametrize("parented", [False, True])
def test_the_line_is_the_evaluated_camera_by_any_rig(scene, overlay, kind, parented):
    add_take(scene, orbit)
    if parented:
        parent_of(scene, 2.0)
    bpy.ops.dollygrip.set_rig(kind=kind)
    physics.ensure_handheld(bpy.context, scene.camera, 3).influence = 1.0
    truth = evaluated(scene, scene.camera)
    shape = shape_of(overlay, scene)
    assert shape.line.shape == (FRAMES, 3) and shape.colours.shape == (FRAMES, 4)
    assert np.abs(shape.line - truth[:, :3, 3]).max() < 1e-4
    assert np.abs(shape.sampled.matrices - truth).max() < 1e-4


def test_a_shot_that_is_disabled_in_viewports_is_drawn_where_it_moves(scene, overlay):
    add_take(scene, orbit)
    scene.camera.hide_viewport = True
    truth = evaluated(scene, scene.camera)
    assert np.ptp(truth[:, :3, 3], axis=0).max() > 1
    assert np.abs(shape_of(overlay, scene).line - truth[:, :3, 3]).max() < 1e-4
    assert scene.camera.hide_viewport


def test_sampling_calls_nobody_s_handlers_of_frames(scene, overlay, monkeypatch):
    """They would be told of a scene that is not the animator's; the animator's own frames they hear of as before."""
    add_take(scene, orbit)
    heard = []

    def hear(told, *_):
        heard.append(told.name)

    @bpy.app.handlers.persistent
    def keep_hearing(told, *_):
        heard.append(told.name)

    lists = bpy.app.handlers.frame_change_pre, bpy.app.handlers.frame_change_post
    for handlers in lists:
        handlers.insert(0, hear)
        handlers.append(keep_hearing)
    before = [list(handlers) for handlers in lists]
    shape_of(overlay, scene)
    assert heard == [] and [list(handlers) for handlers in lists] == before
    with monkeypatch.context() as patched:
        patched.setattr(sampling.np, "array", None)
        with pytest.raises(TypeError):
            sampling.sample(scene, scene.camera, [takes.shown(scene.camera)])
    assert heard == [] and [list(handlers) for handlers in lists] == before
    scene.frame_set(30)
    assert heard == [scene.name] * 4
    for handlers in lists:
        handlers.remove(hear)
        handlers.remove(keep_hearing)


def test_sampling_leaves_no_trace(scene, overlay):
    """No data, no other frame, no lost pose: what has been moved but not keyed stays as it is."""
    add_take(scene, orbit)
    parent_of(scene, 1.0)
    scene.frame_set(30)
    scene.camera.location.x, scene.camera.parent.location.y = 77.0, 55.0
    bpy.context.view_layer.update()
    before = counts(), len(bpy.data.scenes), len(bpy.data.cameras), [a.users for a in bpy.data.actions]
    overlay.touch()
    overlay.refresh(scene)
    assert overlay.settled(scene), "its own doing is no change"
    assert before == (counts(), len(bpy.data.scenes), len(bpy.data.cameras), [a.users for a in bpy.data.actions])
    assert scene.frame_current == 30 and scene.camera.location.x == 77.0 and scene.camera.parent.location.y == 55.0


def test_it_is_sampled_anew_after_what_moves_the_camera_and_nothing_else(scene, overlay):
    action = add_take(scene, orbit)
    other = bpy.data.objects.new("Chair", None)
    scene.collection.objects.link(other)
    parent = parent_of(scene, 1.0)
    first = shape_of(overlay, scene)
    other.location.x = 3
    bpy.context.view_layer.update()
    assert overlay.settled(scene) and shape_of(overlay, scene) is first
    parent.delta_location.z = 2.0
    bpy.context.view_layer.update()
    lifted = shape_of(overlay, scene)
    assert np.allclose(lifted.line - first.line, [0, 0, 2.0], atol=1e-4)
    curve = next(c for c in overlay_module.takes.compat.take_curves(action) if c.data_path == "location")
    for point in curve.keyframe_points:
        point.co.y += 1.0
    curve.update()
    bpy.context.view_layer.update()
    assert not np.allclose(shape_of(overlay, scene).line, lifted.line, atol=0.1)


@pytest.mark.parametrize("edit", ["rigs", "support", "push"])
def test_what_operators_do_to_a_take_is_shown(scene, overlay, edit):
    """They go through the frames themselves, which must not hide from the overlay what they changed."""
    add_take(scene, lambda t: orbit(t**3))
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=scene.camera.location)
    scene.frame_set(START + FRAMES // 2)
    bpy.context.object.location = scene.camera.matrix_world.translation
    steps = {
        "rigs": [lambda kind=kind: bpy.ops.dollygrip.set_rig(kind=kind) for kind in (rigs.PATH, rigs.AIM, rigs.PLAIN)],
        "support": [lambda: bpy.ops.dollygrip.apply_physics(rig="dolly")],
        "push": [bpy.ops.dollygrip.fix_collisions],
    }
    for step in steps[edit]:
        before = shape_of(overlay, scene)
        assert step() == {"FINISHED"}
        bpy.context.view_layer.update()
        shown = shape_of(overlay, scene)
        assert shown is not before
        assert np.abs(shown.line - evaluated(scene, scene.camera)[:, :3, 3]).max() < 1e-4
        own = sampling.key_frames(takes.shown(scene.camera), START, LAST) - START
        assert np.array_equal(shown.sampled.keys, own)


def test_where_the_camera_touches_something_is_marked(scene, overlay):
    """The parts of the path within the frames found, and nothing more; none after the way was cleared."""
    add_take(scene, orbit)
    scene.frame_set(START + 40)
    bpy.ops.mesh.primitive_cube_add(size=0.1, location=scene.camera.matrix_world.translation)
    overlay.refresh(scene)
    assert len(overlay.view.touched) == 0
    bpy.ops.dollygrip.check_collisions()
    shape = shape_of(overlay, scene)
    [run] = collisions.found_in(takes.shown(scene.camera))
    marked = shape.line[run["first"] - 1 - START : run["last"] + 2 - START]
    assert np.array_equal(overlay.view.touched, np.repeat(marked, 2, 0)[1:-1])
    bpy.ops.dollygrip.fix_collisions()
    overlay.refresh(scene)
    assert len(overlay.view.touched) == 0


def test_other_takes_are_drawn_where_they_would_be(scene, overlay):
    """Each with its own rig, though only one is shown."""
    for move in (orbit, circle, out_and_back):
        add_take(scene, move, move.__name__)
    shot, truths = scene.camera.dollygrip_shot, {}
    for index, kind in enumerate((rigs.PATH, rigs.AIM, rigs.PLAIN)):
        shot.take_index = index
        bpy.ops.dollygrip.set_rig(kind=kind)
        truths[index] = evaluated(scene, scene.camera)[:, :3, 3]
    shot.take_index = 1
    overlay.refresh(scene)
    assert np.abs(overlay.view.shown.line - truths[1]).max() < 1e-4
    for other, index in zip(overlay.view.others, (0, 2), strict=True):
        assert np.abs(other.line - truths[index]).max() < 1e-4
    shot.take_index = 2
    assert not overlay.settled(scene) or overlay.view.of != overlay_module._identity(scene)
    assert np.abs(shape_of(overlay, scene).line - truths[2]).max() < 1e-4


def test_a_frustum_is_what_the_camera_sees_at_a_key(scene, overlay):
    """Its corners lie on the rays of the picture's corners, whatever the parent's scale; one at each key."""
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    action = add_take(scene, circle)
    parent_of(scene, 2.5)
    shape = shape_of(overlay, scene)
    keys = sampling.key_frames(action, START, LAST)
    assert shape.sampled.frames[shape.sampled.keys].tolist() == keys.tolist() and {START, LAST} <= set(keys)
    edges = shape.frustums.reshape(len(keys), 8, 2, 3)
    for frame, pyramid in zip(keys, edges, strict=True):
        scene.frame_set(int(frame))
        apex, corners = pyramid[0, 0], pyramid[:4, 1]
        assert np.allclose(apex, scene.camera.matrix_world.translation, atol=1e-4)
        assert np.allclose(np.linalg.norm(corners - apex, axis=1), shape.size, rtol=1e-4)
        seen = [world_to_camera_view(scene, scene.camera, Vector(corner)) for corner in corners]
        assert sorted((round(s.x, 3), round(s.y, 3)) for s in seen) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    scene.frame_set(START + 20)
    assert np.allclose(shape.at(START + 20)[0], scene.camera.matrix_world.translation, atol=1e-4)


def test_marks_stand_at_both_ends_and_the_arrow_looks_forward(scene, overlay):
    add_take(scene, orbit)
    shape = shape_of(overlay, scene)
    assert np.allclose((shape.start.min(0) + shape.start.max(0)) / 2, shape.line[0], atol=1e-5)
    ends = shape.end.reshape(-1, 2, 3)
    assert np.allclose(ends[:, 0], shape.line[-1], atol=1e-6)
    forward = shape.line[-1] - shape.line[-4]
    assert ((ends[:, 1] - ends[:, 0]) @ forward < 0).all(), "its barbs point backwards"


def test_speed_is_coloured_from_slow_to_fast(scene, overlay):
    add_take(scene, out_and_back)
    shape = shape_of(overlay, scene)
    speed = path_shape.speeds(shape.sampled)
    assert np.array_equal(shape.colours, path_shape.colour_of(speed / speed.max()))
    lightness = shape.colours[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert lightness[speed.argmax()] > lightness[speed.argmin()] + 0.2


def test_a_still_or_one_frame_take_is_drawn_too(scene, overlay):
    action = add_take(scene, lambda t: (np.zeros((len(t), 3)), np.zeros((len(t), 3))), "still")
    shape = shape_of(overlay, scene)
    assert np.isfinite(shape.line).all() and shape.size == pytest.approx(0.03 * DEPTH, rel=1e-5)
    action.frame_end = START
    overlay.touch()
    assert len(shape_of(overlay, scene).line) == 1 and plot.plot(overlay.view.shown, []).shape[2] == 4


def test_long_takes_are_sampled_sparsely_but_at_their_ends(scene, overlay):
    action = add_take(scene, orbit)
    action.frame_end = START + 4000
    frames = shape_of(overlay, scene).sampled.frames
    assert len(frames) <= sampling.MOST_SAMPLES + sampling.MOST_KEYS + 1
    assert (frames[0], frames[-1]) == (START, START + 4000)


def test_the_colours_are_even_rise_in_lightness_and_read_on_grey():
    """Equal steps of speed are equal steps in OKLab; every colour stands out from the viewport's grey by 3 to 1."""
    colours = path_shape.colour_of(np.linspace(0, 1, 256))[:, :3].astype(float)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    lms = np.cbrt(linear @ np.linalg.inv(path_shape._RGB).T)
    lab = lms @ np.linalg.inv(path_shape._LMS).T
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() < 1.2 * steps.min()
    assert (np.diff(lab[:, 0]) > 0).all()
    grey = ((0x3D / 255 + 0.055) / 1.055) ** 2.4
    assert ((linear @ [0.2126, 0.7152, 0.0722] + 0.05) / (grey + 0.05)).min() > 3


def test_the_plot_shows_speeds_and_phases(scene, overlay):
    """Travel above, turning below, each to its own maximum; a line where a phase ends."""
    add_take(scene, out_and_back)
    shape = shape_of(overlay, scene)
    picture = plot.plot(shape, [0.5, 1.0])
    assert picture.shape == (plot.SIZE, plot.SIZE, 4) and picture.min() >= 0 and picture.max() <= 1
    lower, upper = picture[: plot.SIZE // 2], picture[plot.SIZE // 2 :]
    bright = upper[..., :3].max(2) > 0.6
    heights = np.where(bright.any(0), plot.SIZE // 2 - bright[::-1].argmax(0), 0)[plot._MARGIN : -plot._MARGIN]
    speed = path_shape.speeds(shape.sampled)
    expected = np.interp(np.linspace(0, 1, len(heights)), np.linspace(0, 1, FRAMES), speed / speed.max())
    away = np.abs(np.arange(len(heights)) - len(heights) // 2) > 4  # from the phase's line
    assert np.corrcoef(heights[away], expected[away])[0, 1] > 0.98
    middle, beside = (lower[:, column, :3].mean() for column in (plot.SIZE // 2, plot.SIZE // 2 - 20))
    plain = plot.plot(shape, [])
    assert middle > plain[: plot.SIZE // 2, plot.SIZE // 2, :3].mean() + 0.05
    assert beside == pytest.approx(plain[: plot.SIZE // 2, plot.SIZE // 2 - 20, :3].mean())


def test_takes_without_a_shot_are_no_view(scene, overlay):
    overlay.refresh(scene)
    assert overlay.view is None and overlay.settled(scene)
    scene.camera = bpy.data.objects.new("Plain", bpy.data.cameras.new("Plain"))
    overlay.refresh(scene)
    assert overlay.view is None and takes.shown(scene.camera) is None
