"""The collision check, and the path that is pushed clear, by the geometry that Blender evaluates."""

import time
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.references import proxy_mesh, set_proxy
from bl_ext.user_default.dollygrip.rigs import collisions, rigs
from bl_ext.user_default.dollygrip.takes import sets, takes
from blender.sample_takes import (
    DEPTH,
    FRAMES,
    START,
    add_take,
    assert_same_view,
    keys_of,
    orbit,
    seen,
)
from blender.test_previz import leave_out


def forward(t):
    """Two metres straight ahead: along Blender's +Y at 1.6 m."""
    return 2.0 * t[:, None] * [0.0, 0.0, 1.0], np.zeros((len(t), 3))


def box(scene, name, centre, sides) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=1, location=centre, scale=sides)
    made = bpy.context.object
    made.name = name
    return made


def check() -> list[dict]:
    assert bpy.ops.dollygrip.check_collisions() == {"FINISHED"}
    return collisions.found_in(takes.shown(bpy.context.scene.camera))


def test_the_frames_of_a_wall_are_found(scene):
    """A thin wall across the path, at the very frame; a wall beside it only where it is nearer than the clearance."""
    add_take(scene, forward)
    wall = box(scene, "Wall", (0, 1.0, 1.6), (3, 0.002, 3))
    before = scene.frame_current
    runs = check()
    y = seen(scene).positions[:, 2]
    reach = collisions.CLEARANCE * DEPTH
    touched = np.flatnonzero(np.abs(y - 1.0) < reach + 0.002) + START
    assert [(run["name"], run["distance"]) for run in runs] == [("Wall", 0.0)]
    assert abs(runs[0]["first"] - touched[0]) <= 1 and abs(runs[0]["last"] - touched[-1]) <= 1
    assert scene.frame_current == before
    wall.location.x = 1.5 + reach * 1.5
    assert check() == []
    wall.location.x = 1.5 + reach * 0.5
    assert {run["name"] for run in check()} == {"Wall"}


@pytest.mark.parametrize("how", ["hidden", "unrendered", "helpers", "carried", "edges", "bent away"])
def test_what_is_not_there_is_not_touched(scene, how):
    add_take(scene, forward)
    wall = box(scene, "Wall", (0, 1.0, 1.6), (3, 0.01, 3))
    if how == "hidden":
        wall.hide_set(True)
    elif how == "unrendered":
        wall.hide_render = True
    elif how == "helpers":
        leave_out(scene, wall, "its collections")
    elif how == "carried":
        holder = bpy.data.objects.new("Holder", None)
        scene.collection.objects.link(holder)
        holder.parent, wall.parent = scene.camera, holder
    elif how == "edges":
        bpy.ops.object.mode_set(mode="EDIT")
        assert not bpy.ops.dollygrip.check_collisions.poll()
        bpy.ops.mesh.delete(type="ONLY_FACE")
        bpy.ops.object.mode_set(mode="OBJECT")
    else:
        wall.modifiers.new("Away", "DISPLACE").strength = 50.0
        assert wall.modifiers[0].direction == "NORMAL"
        for vertex in wall.data.vertices:
            vertex.co.z += 500
    assert check() == []


def test_the_set_that_a_reference_shows_counts(scene, picture_path):
    """Its proxy, which is never rendered, is in the way; that of another reference is not."""
    other = add_take(scene, forward, reference=str(picture_path.with_name("other.png")))
    near = set_of(scene, other, 0.5)
    take = add_take(scene, forward, reference=str(picture_path))
    assert check() == [] and sets.is_missing(scene, take)
    proxy = set_of(scene, take, 1.0)
    assert proxy.hide_render and near.hide_render and not sets.is_missing(scene, take)
    [touched] = check()
    set_proxy.remove(proxy)
    box(scene, "Wall", (0, 1.0, 1.6), (3, 0.0001, 3))
    [wall] = check()
    assert touched["name"] == "Set reference" and touched["distance"] == 0
    assert (touched["first"], touched["last"]) == (wall["first"], wall["last"])


def set_of(scene, take, depth) -> bpy.types.Object:
    """The proxy of a take's reference, which shows a wall at a depth."""
    view = set_proxy.View.of(take, (128, 72))
    grid, _ = proxy_mesh.Grid.over((128, 72), (128, 72))
    return set_proxy.put(scene, take, view, proxy_mesh.mesh_of(np.full((72, 128), depth), grid, view.lens, (128, 72)))


def test_moving_scaled_and_instanced_things_count(scene):
    add_take(scene, forward)
    part = box(scene, "Part", (0, 0, 0), (1, 1, 1))
    group = bpy.data.collections.new("Group")
    group.objects.link(part)
    scene.collection.objects.unlink(part)
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", group
    instance.scale = (0.2, 0.2, 3.0)
    scene.collection.objects.link(instance)
    for frame, x in ((START + 30, 5.0), (START + 31, 0.0), (START + 33, 0.0), (START + 34, 5.0)):
        y = 2.0 * (frame - START) / (FRAMES - 1)
        instance.location = (x, y, 1.6)
        instance.keyframe_insert("location", frame=frame)
    runs = check()
    assert {run["name"] for run in runs} == {"Part"}
    assert runs[0]["first"] == START + 31 and runs[-1]["last"] <= START + 34


def test_a_large_mesh_is_split_and_no_step_is_long(scene):
    """A million triangles: the same answer as for a plain wall; no step is a large part of the work, on any machine."""
    add_take(scene, forward)
    box(scene, "Wall", (0, 1.0, 1.6), (3, 0.001, 3))
    coarse = check()
    bpy.data.objects.remove(bpy.data.objects["Wall"])
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=700, y_subdivisions=700, size=3, location=(0, 1.0, 1.6))
    grid = bpy.context.object
    grid.rotation_euler.x = np.pi / 2
    work, steps = collisions.check(bpy.context, scene.camera, collisions.CLEARANCE * DEPTH), []
    try:
        while True:
            begun = time.process_time()
            next(work)
            steps.append(time.process_time() - begun)
    except StopIteration as ended:
        runs = collisions.spans(ended.value)
    assert [(r["first"], r["last"]) for r in runs] == [(r["first"], r["last"]) for r in coarse]
    print(f"{len(steps)} steps, the longest {max(steps):.3f} s of {sum(steps):.3f}")
    assert max(steps) < 0.2 * sum(steps)


@pytest.mark.parametrize("rig", ["PLAIN", "PATH"])
def test_the_path_is_pushed_clear_in_one_undo_step(scene, rig):
    """A post in the way: afterwards clear, start kept, look kept, no jerk at the seams, and undone at once."""
    add_take(scene, forward)
    bpy.ops.dollygrip.set_rig(kind=rig)
    box(scene, "Post", (0.05, 1.0, 1.6), (0.2, 0.2, 4))
    assert check()
    before = seen(scene)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.dollygrip.fix_collisions("EXEC_DEFAULT", True) == {"FINISHED"}
    after = seen(scene)
    assert check() == []
    assert rigs.kind_of(takes.shown(scene.camera)) == rig
    assert np.linalg.norm(after.positions[0] - before.positions[0]) < 0.002 * DEPTH
    assert np.abs(after.rotations - before.rotations).max() < 1e-4
    assert np.linalg.norm(after.positions - before.positions, axis=1).max() < 0.15 * DEPTH
    assert np.linalg.norm(after.positions[-1] - before.positions[-1]) < 0.002 * DEPTH
    assert np.linalg.norm(np.diff(after.positions, 2, axis=0), axis=1).max() < 0.02 * DEPTH
    gap = np.abs(after.positions[:, [0, 2]] - [0.05, 1.0]) - 0.1
    assert np.linalg.norm(np.maximum(gap, 0), axis=1).min() > collisions.CLEARANCE * DEPTH
    bpy.ops.ed.undo()
    assert_same_view(seen(bpy.context.scene), before, times=1e-2)


def test_a_wall_that_must_be_passed_is_refused(scene):
    add_take(scene, lambda t: (2 * forward(t)[0], forward(t)[1]))
    box(scene, "Wall", (0, 1.0, 1.6), (9, 0.1, 9))
    before = seen(scene)
    with pytest.raises(RuntimeError, match="no way around Wall within 2 m"):
        bpy.ops.dollygrip.fix_collisions()
    assert_same_view(seen(scene), before, times=1e-3)


def cut_to(scene, seen_by) -> None:
    """The timeline cuts to a camera on frame 1; what is shown stays."""
    shown = scene.camera
    scene.timeline_markers.new("cut", frame=1).camera = seen_by
    scene.camera = shown


def second_shot(scene, move) -> bpy.types.Action:
    """A shot that no marker cuts to, shown."""
    bpy.ops.dollygrip.new_shot()
    return add_take(scene, move, "second")


def plain_camera(scene) -> bpy.types.Object:
    made = bpy.data.objects.new("Plain", bpy.data.cameras.new("Plain"))
    scene.collection.objects.link(made)
    return made


def test_the_shown_shot_is_checked_where_the_timeline_cuts_to_another(scene):
    """Only the other one hits the wall; the answer belongs to the take that is shown, which stays shown."""
    bound = add_take(scene, forward)
    cut_to(scene, scene.camera)
    shown = second_shot(scene, lambda t: (-forward(t)[0], forward(t)[1]))
    box(scene, "Wall", (0, 1.0, 1.6), (3, 0.01, 3))
    camera_shown = scene.camera
    assert check() == []
    assert scene.camera == camera_shown and collisions.found_in(shown) == []
    assert collisions.found_in(bound) is None


def test_a_cut_to_a_plain_camera_does_not_matter(scene):
    take = add_take(scene, forward)
    shot = scene.camera
    cut_to(scene, plain_camera(scene))
    box(scene, "Post", (0.05, 1.0, 1.6), (0.2, 0.2, 4))
    assert [run["name"] for run in check()] == ["Post"]
    assert bpy.ops.dollygrip.fix_collisions() == {"FINISHED"}
    assert collisions.found_in(take) == [] and scene.camera == shot
    assert bpy.ops.dollygrip.set_rig(kind="PATH") == {"FINISHED"}
    assert rigs.kind_of(take) == "PATH" and scene.camera == shot


@pytest.mark.parametrize("operator", ["check_collisions", "fix_collisions"])
def test_a_take_that_arrives_meanwhile_is_left_alone(scene, monkeypatch, operator):
    """Neither it nor the one that was shown changes, and the playhead is back."""
    first = add_take(scene, forward)
    box(scene, "Post", (0.05, 1.0, 1.6), (0.2, 0.2, 4))
    name = "check" if operator == "check_collisions" else "push"
    slow, arrived = getattr(collisions, name), []

    def interrupted(*given):
        work = slow(*given)
        yield next(work)
        arrived.append(add_take(scene, orbit, "arrived"))
        arrived[0].frame_end -= 30
        return (yield from work)

    monkeypatch.setattr(collisions, name, interrupted)
    before, frame = keys_of(first), scene.frame_current
    with pytest.raises(RuntimeError, match="shows another take by now"):
        getattr(bpy.ops.dollygrip, operator)()
    assert keys_of(first) == before and keys_of(arrived[0]) == keys_of(add_take(scene, orbit, "alike"))
    assert collisions.found_in(first) is None and collisions.found_in(arrived[0]) is None
    assert scene.frame_current == frame


def test_a_pushed_path_is_one_undo_step_though_a_take_arrives_while_it_is_checked(scene, monkeypatch):
    add_take(scene, forward)
    box(scene, "Post", (0.05, 1.0, 1.6), (0.2, 0.2, 4))
    slow, before, pushed = collisions.check, seen(scene), []

    def interrupted(*given):
        pushed.append(seen(scene))
        yield next(work := slow(*given))
        add_take(scene, orbit, "arrived")
        return (yield from work)

    monkeypatch.setattr(collisions, "check", interrupted)
    bpy.ops.ed.undo_push(message="before")
    with pytest.raises(RuntimeError, match="take was not checked to the end"):
        bpy.ops.dollygrip.fix_collisions("EXEC_DEFAULT", True)
    assert np.linalg.norm(pushed[0].positions - before.positions, axis=1).max() > 0.02 * DEPTH
    bpy.ops.ed.undo()
    assert_same_view(seen(bpy.context.scene), before, times=1e-2)
    bpy.ops.ed.redo()
    bpy.context.scene.camera.dollygrip_shot.take_index = 0
    assert_same_view(seen(bpy.context.scene), pushed[0], times=1e-2)


def test_a_failure_in_the_interface_ends_cleanly(scene):
    """Timer and progress go, and the playhead is back, when the work fails or is cancelled."""
    add_take(scene, forward)

    class Window:
        timers, progress = 0, 0

        def event_timer_add(self, *_, **__):
            self.timers += 1

        def event_timer_remove(self, _):
            self.timers -= 1

        def progress_begin(self, *_):
            self.progress += 1

        def progress_end(self):
            self.progress -= 1

        def modal_handler_add(self, _):
            pass

        progress_update = modal_handler_add

    class Failing(collisions._Sliced):
        def work(self, context):
            with camera.playhead(scene):
                scene.frame_set(40)
                yield 0.5
                raise ValueError("broken")

    manager, frame = Window(), scene.frame_current
    context = SimpleNamespace(window_manager=manager, window=None, scene=scene)
    failing = Failing()
    failing.invoke(context, None)
    assert (manager.timers, manager.progress) == (1, 1)
    with pytest.raises(ValueError, match="broken"):
        failing.modal(context, SimpleNamespace(type="TIMER"))
    assert (manager.timers, manager.progress, scene.frame_current) == (0, 0, frame)
    stopped = Failing()
    stopped.invoke(context, None)
    next(stopped._work)
    assert stopped.modal(context, SimpleNamespace(type="ESC")) == {"CANCELLED"}
    assert (manager.timers, manager.progress, scene.frame_current) == (0, 0, frame)
