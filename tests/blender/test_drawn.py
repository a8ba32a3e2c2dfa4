"""A drawn path: what is sent is what was drawn, and the camera that comes back keeps to it."""

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.direct.drawn import AlongPath, polyline
from bl_ext.user_default.dollygrip.takes import takes
from mathutils import Matrix, Vector

from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory

UNIT = 0.1


@pytest.fixture
def film(scene, picture_path):
    state = scene.dollygrip
    state.brief.reference, state.brief.prompt, state.brief.frame_count = str(picture_path), "look up", 49
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    return scene


def bezier(scene, points, closed=False, handles="AUTO") -> bpy.types.Object:
    data = bpy.data.curves.new("Way", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    for point, place in zip(spline.bezier_points, points, strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = handles
    spline.use_cyclic_u = closed
    return placed(scene, bpy.data.objects.new("Way", data))


def placed(scene, drawing) -> bpy.types.Object:
    """In the scene, moved, turned and scaled, and picked as the path."""
    scene.collection.objects.link(drawing)
    drawing.location, drawing.rotation_euler, drawing.scale = (1, 2, 0.5), (0.1, 0.2, 0.3), (2, 2, 2)
    scene.dollygrip.brief.direct.path = drawing
    bpy.context.view_layer.update()
    return drawing


def pencil(scene, points) -> bpy.types.Object:
    """A stroke of the Grease Pencil that this Blender has."""
    if bpy.app.version >= (4, 3, 0):
        pencils = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils)
        data = pencils.new("Sketch")
        drawing = data.layers.new("Lines").frames.new(1).drawing
        drawing.add_strokes([2, len(points)])
        for point, place in zip(drawing.strokes[1].points, points, strict=True):
            point.position = place
    else:
        data = bpy.data.grease_pencils.new("Sketch")
        strokes = data.layers.new("Lines").frames.new(1).strokes
        for line in (points[:2], points):
            stroke = strokes.new()
            stroke.points.add(len(line))
            for point, place in zip(stroke.points, line, strict=True):
                point.co = place
    return placed(scene, bpy.data.objects.new("Sketch", data))


def hand(count: int = 200) -> np.ndarray:
    """A bend with the tremble of a hand."""
    t = np.linspace(0, 1, count)
    return np.stack([np.sin(3 * t), 2 * t, 0.3 * t + 0.002 * np.sin(90 * t)], 1)


def length(line: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def off(points: np.ndarray, line: np.ndarray) -> float:
    """The greatest distance of points (N, 3) from a polyline (M, 3)."""
    a, b = line[:-1], line[1:]
    along = np.clip(
        np.einsum("nmi,mi->nm", points[:, None] - a, b - a) / np.maximum(((b - a) ** 2).sum(1), 1e-30), 0, 1
    )
    return float(np.linalg.norm(points[:, None] - (a + along[..., None] * (b - a)), axis=-1).min(1).max())


def in_blender(line: np.ndarray, unit: float = 1.0) -> np.ndarray:
    poses = np.tile(np.eye(4), (len(line), 1, 1))
    poses[:, :3, 3] = line
    return blender_from_c2w(poses, unit)[:, :3, 3]


def delivered(film, task) -> np.ndarray:
    """The take of a prediction that walks the path as a backend does: (T, 3) evaluated positions, Blender units."""
    path = task.arrays["path"]
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, gone[-1], task.request.frames)
    c2w = np.tile(np.eye(4), (len(at), 1, 1))
    c2w[:, :3, 3] = np.stack([np.interp(at, gone, path[:, i]) for i in range(3)], 1)
    predicted = Trajectory(c2w, np.tile([300.0, 300, 160, 90], (len(at), 1)), (320, 180), 24.0, 50.0)
    task.deliver(film, task.prepare(SimpleNamespace(index=0, trajectory=predicted)))
    first, last = takes.frame_range(takes.shown(film.camera))
    return in_blender(camera.sample(bpy.context, first, last, film.camera).positions, film.unit_settings.scale_length)


@pytest.mark.parametrize("unit", [1.0, UNIT])
@pytest.mark.parametrize("kind", ["curve", "stroke"])
def test_the_camera_keeps_to_what_was_drawn(film, kind, unit):
    """Sent in the start camera's axes; back in Blender within 1 % of its length, also where the scene is far deeper."""
    film.unit_settings.scale_length = unit
    points = hand() if kind == "stroke" else hand(5)
    drawing = (pencil if kind == "stroke" else bezier)(film, points.tolist())
    matrix = np.array(drawing.matrix_world)
    drawn = in_blender(polyline(bpy.context, drawing, 1), unit)
    ends = points[[0, -1]] @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.allclose(drawn[[0, -1]], ends, atol=1e-5)
    task = AlongPath.of(bpy.context)
    assert np.allclose(task.arrays["path"][0], 0) and length(task.arrays["path"]) == pytest.approx(length(drawn) * unit)
    seen = delivered(film, task)
    assert np.allclose(seen[0], drawn[0], atol=0.002 * length(drawn))
    assert off(seen, drawn) < 0.01 * length(drawn)
    assert length(seen) == pytest.approx(length(drawn), rel=0.01 if kind == "curve" else 0.03)
    assert takes.provenance(takes.shown(film.camera))["path"] == drawing.name


def test_a_curve_is_sent_as_finely_as_it_bends(film):
    """A circle of four points, thick and of low resolution: its length is that of the circle, closed."""
    drawing = bezier(film, [(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)], closed=True)
    drawing.data.bevel_depth, drawing.data.resolution_u = 0.2, 2
    line = polyline(bpy.context, drawing, 1)
    assert length(line) == pytest.approx(2 * np.pi * 2, rel=0.01)
    assert np.allclose(line[0], line[-1], atol=1e-5)
    assert len(bpy.data.curves) == 1 and len(bpy.data.objects) == 1


def test_a_curve_is_followed_as_it_is_while_it_is_being_edited(film):
    """Blender's Draw tool works in Edit Mode, and adds a spline with each stroke: the last one counts."""
    drawing = bezier(film, [(0, 0, 0), (0, 1, 0), (0, 2, 0)])
    bpy.context.view_layer.objects.active = drawing
    bpy.ops.object.mode_set(mode="EDIT")
    drawing.data.splines[0].bezier_points[-1].co = (0, 5, 0)
    far = drawing.matrix_world @ Vector((0, 5, 0))
    assert np.allclose(in_blender(polyline(bpy.context, drawing, 1))[-1], far, atol=1e-5)
    again = drawing.data.splines.new("POLY")
    again.points.add(1)
    again.points[0].co, again.points[1].co = (1, 0, 0, 1), (3, 0, 0, 1)
    ends = [drawing.matrix_world @ Vector(place) for place in ((1, 0, 0), (3, 0, 0))]
    task = AlongPath.of(bpy.context)
    assert np.allclose(in_blender(polyline(bpy.context, drawing, 1))[[0, -1]], ends, atol=1e-5)
    delivered(film, task)
    assert task.said().endswith("Of the 2 strokes of Way the last one is followed.")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(bpy.data.curves) == 1


def test_a_moving_curve_is_followed_where_it_is_when_the_take_begins(film):
    """Wherever the playhead is, which stays there."""
    drawing = bezier(film, [(0, 0, 0), (0, 2, 0), (2, 2, 1)])
    for frame, drawing.location.x in ((1, 1.0), (24, 11.0)):
        drawing.keyframe_insert("location", frame=frame)
    film.frame_set(1)
    before = AlongPath.of(bpy.context).placement.start
    film.frame_set(24)
    after = AlongPath.of(bpy.context).placement.start
    assert np.allclose(after, before, atol=1e-5) and after[0, 3] == pytest.approx(1.0, abs=1e-5)
    assert film.frame_current == 24 and len(bpy.data.objects) == 1
    film.frame_start = 24
    assert AlongPath.of(bpy.context).placement.start[0, 3] == pytest.approx(11.0, abs=1e-5)


@pytest.mark.parametrize("hide", ["in viewports", "by the eye", "its collection", "out of the view layer"])
def test_a_hidden_curve_is_followed_where_it_is(film, hide):
    drawing, layer = bezier(film, [(0, 0, 0), (0, 2, 0), (2, 2, 1)]), bpy.context.view_layer
    kept = bpy.data.collections.new("Kept")
    film.collection.children.link(kept)
    kept.objects.link(drawing)
    film.collection.objects.unlink(drawing)
    layer.update()
    if hide == "in viewports":
        drawing.hide_viewport = True
    elif hide == "by the eye":
        drawing.hide_set(True)
    elif hide == "its collection":
        kept.hide_viewport = True
    else:
        layer.layer_collection.children["Kept"].exclude = True
    layer.update()
    drawing.location = (7, 8, 9)
    drawing.data.splines[0].bezier_points[-1].co = (0, 9, 0)
    line = in_blender(polyline(bpy.context, drawing, 1))
    turned = drawing.rotation_euler.to_matrix() @ Vector((0, 18, 0))
    assert np.allclose(line[0], (7, 8, 9), atol=1e-5)
    assert np.allclose(line[-1], turned + Vector((7, 8, 9)), atol=1e-4)
    assert len(bpy.data.objects) == 1


@pytest.mark.parametrize("shaped", [False, True])
def test_hooks_and_modifiers_of_the_spline_bend_the_path(film, shaped):
    """As they bend the way of what follows the curve in Blender; those that bend only what is drawn of it are named."""
    drawing = bezier(film, [(0, 0, 0), (0, 1, 0), (0, 2, 0)])
    if shaped:
        drawing.shape_key_add(name="Basis")
        key = drawing.shape_key_add(name="Aside")
        key.data[0].co, key.value = (3, 0, 0), 1.0
    held = bpy.data.objects.new("Held", None)
    film.collection.objects.link(held)
    hook = drawing.modifiers.new("Hook", "HOOK")
    hook.object = held
    hook.vertex_indices_set([6, 7, 8])
    held.location = (0, 0, 4)
    bpy.context.view_layer.update()
    follower = bpy.data.objects.new("Follower", None)
    film.collection.objects.link(follower)
    follow = follower.constraints.new("FOLLOW_PATH")
    follow.target, follow.use_fixed_location = drawing, True
    drawing.data.use_path, ends = True, []
    for share in (0.0, 1.0):
        follow.offset_factor = share
        bpy.context.view_layer.update()
        ends.append(follower.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation.copy())
    assert ends[1].z > drawing.matrix_world.translation.z + 2, "the hook lifts the end"
    task = AlongPath.of(bpy.context)
    assert np.allclose(in_blender(polyline(bpy.context, drawing, 1))[[0, -1]], ends, atol=1e-3) and not task.told
    drawing.modifiers.new("Cast", "CAST")
    assert AlongPath.of(bpy.context).told.endswith("not applied on the spline: Cast.")


def test_without_a_start_camera_it_looks_along_the_path(film):
    bezier(film, [(0, 0, 0), (0, 0.5, 0), (2, 2, 1)])
    start = AlongPath.of(bpy.context).placement.start
    line = polyline(bpy.context, film.dollygrip.brief.direct.path, 1)
    ahead = (line[8] - line[0]) / np.linalg.norm(line[8] - line[0])
    assert np.allclose(start[:3, 3], line[0]) and start[:3, 2] @ ahead > 0.99
    assert abs(start[1, 0]) < 1e-9 and start[1, 1] > 0, "the horizon is level"
    assert np.allclose(start[:3, :3].T @ start[:3, :3], np.eye(3), atol=1e-9) and np.linalg.det(start[:3, :3]) > 0


def test_straight_up_it_looks_ahead(film):
    drawing = bezier(film, [(0, 0, 0), (0, 0, 1), (0, 0, 2)])
    drawing.rotation_euler = (0, 0, 0)
    bpy.context.view_layer.update()
    start = AlongPath.of(bpy.context).placement.start
    assert np.allclose(start[:3, :3], np.eye(3)), "level, along Blender's +Y"


def test_the_start_camera_says_where_to_look_and_the_path_where_to_start(film):
    made = bpy.data.objects.new("Set Camera", bpy.data.cameras.new("Set Camera"))
    made.location, made.rotation_euler = (9, -4, 2), (1.2, 0.1, 0.6)
    film.collection.objects.link(made)
    bpy.ops.mesh.primitive_cube_add(size=2, location=(0, 12, 0))
    film.dollygrip.brief.start, film.dollygrip.brief.exact_depth = made, False
    bezier(film, [(0, 0, 0), (0, 2, 0), (2, 2, 1)])
    task = AlongPath.of(bpy.context)
    looks = camera.c2w_from_blender(np.array(made.matrix_world)[None])[0]
    assert np.allclose(task.placement.start[:3, :3], looks[:3, :3], atol=1e-6)
    drawn = polyline(bpy.context, film.dollygrip.brief.direct.path, 1)
    assert np.allclose(task.placement.start[:3, 3], drawn[0], atol=1e-6)
    assert np.allclose(looks[:3, :3] @ task.request.up, [0, -1, 0], atol=1e-6), "where the sky is, however it tilts"


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (
            lambda s: placed(s, bpy.data.objects.new("Empty Curve", bpy.data.curves.new("Way", "CURVE"))),
            "has no stroke",
        ),
        (lambda s: bezier(s, [(1, 1, 1)]), "is a single point"),
        (lambda s: bezier(s, [(1, 1, 1), (1, 1, 1)], handles="VECTOR"), "has no length"),
        (lambda s: pencil(s, [(1, 1, 1)]), "is a single point"),
        (lambda s: pencil(s, [(1, 1, 1)] * 5), "has no length"),
    ],
)
def test_what_is_no_path_is_refused(film, draw, said):
    draw(film)
    objects = len(bpy.data.objects)
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.dollygrip.predict_along_path()
    assert said in film.dollygrip.error and film.dollygrip.hint and len(bpy.data.objects) == objects


def test_without_a_path_there_is_nothing_to_move_along(film):
    with pytest.raises(RuntimeError, match="No path is chosen"):
        bpy.ops.dollygrip.predict_along_path()
    with pytest.raises(InputError, match="No path is chosen"):
        AlongPath.of(bpy.context)


def test_a_hidden_or_empty_drawing_has_no_stroke(film):
    drawing = pencil(film, hand().tolist())
    layer = drawing.data.layers[0]
    if bpy.app.version >= (4, 3, 0):
        group = drawing.data.layer_groups.new("Rejected")
        drawing.data.layers.move_to_layer_group(layer, drawing.data.layer_groups.new("Lines", parent_group=group))
        group.hide = True
        with pytest.raises(RuntimeError, match="has no stroke on frame"):
            bpy.ops.dollygrip.predict_along_path()
        group.hide = False
    layer.hide = True
    with pytest.raises(RuntimeError, match="has no stroke on frame"):
        bpy.ops.dollygrip.predict_along_path()


@pytest.mark.skipif(bpy.app.version < (4, 3, 0), reason="the older Grease Pencil")
@pytest.mark.parametrize("bone", [False, True])
def test_a_stroke_lies_where_its_layer_is_parented_to(film, bone):
    """As in the mesh that Blender itself makes of it."""
    drawing = pencil(film, hand().tolist())
    parent = bpy.data.objects.new("Parent", bpy.data.armatures.new("Parent") if bone else None)
    film.collection.objects.link(parent)
    parent.location, parent.rotation_euler = (0, 0, 7), (0.3, 0.2, 1)
    layer = drawing.data.layers[0]
    if bone:
        bpy.context.view_layer.objects.active = parent
        bpy.ops.object.mode_set(mode="EDIT")
        parent.data.edit_bones.new("Arm").tail = (0, 1, 1)
        bpy.ops.object.mode_set(mode="OBJECT")
        parent.pose.bones["Arm"].location.x = 2
        layer.parent_bone = "Arm"
    layer.parent, layer.translation, layer.rotation = parent, (1, 0, 0), (0, 0.5, 0)
    bpy.context.view_layer.update()
    line = in_blender(polyline(bpy.context, drawing, 1))
    for thing in film.objects:
        thing.select_set(thing == drawing)
    bpy.context.view_layer.objects.active = drawing
    bpy.ops.object.convert(target="MESH")
    made = film.objects[drawing.name]
    seen = np.array([made.matrix_world @ vertex.co for vertex in made.data.vertices])
    assert np.allclose(line, seen[-len(line) :], atol=1e-4)


def test_a_path_that_was_drawn_on_the_ground_is_said_to_lie_there(film):
    drawing = bezier(film, [(0, 0, 0), (0, 2, 0), (1, 4, 0)])
    drawing.matrix_world = Matrix()
    bpy.context.view_layer.update()
    assert AlongPath.of(bpy.context).told == "The path lies at height 0: raise Way to where the camera is to go."
    drawing.location.z = 1.5
    bpy.context.view_layer.update()
    assert not AlongPath.of(bpy.context).told


@pytest.mark.parametrize("draw", [lambda scene: bezier(scene, hand(5)), lambda scene: pencil(scene, hand(5))])
def test_what_is_drawn_is_left_when_the_camera_is_to_move_along_it(film, scripted_backend, draw):
    """So that the take comes at once; what else is edited meanwhile stays in its mode."""
    path, other = draw(film), bezier(film, hand(5))
    film.dollygrip.brief.direct.path = path
    for edited, mode in ((path, "OBJECT"), (other, "EDIT")):
        bpy.context.view_layer.objects.active = edited
        edited.select_set(True)
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.dollygrip.predict_along_path()
        assert edited.mode == mode
    assert len(film.dollygrip.take_list) == 2
