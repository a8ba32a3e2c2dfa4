"""A part predicted anew: what stays stays to the bit, the joins are smooth. A camera along a drawn path."""

import re
from itertools import pairwise

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import Outcome
from bl_ext.user_default.dollygrip.camera import camera, curve_parts
from bl_ext.user_default.dollygrip.direct import parts
from bl_ext.user_default.dollygrip.direct.redirect import Redirect
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import DEPTH, FRAMES, START, add_take, parent_of

from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec, rotvec_from_matrix
from dollygrip.trajectory import Trajectory

LAST = START + FRAMES - 1
STEP = 1 / 8


def weave(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward in waves, turning and rolling: at every border there is motion in every channel."""
    places = np.stack([0.5 * np.sin(7 * t), 0.2 * np.sin(5 * t + 1), 3 * t], 1)
    return places, np.stack([0.1 * np.sin(6 * t), 0.5 * np.sin(8 * t), 0.1 * t], 1)


def wild(frames: int, turn: float = 1.0, end: float = 1.0, zoom: float = 0.3) -> Trajectory:
    """A prediction that meets nothing: it goes elsewhere, turns and zooms."""
    t = np.linspace(0, 1, frames)[:, None]
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, 3] = end * (t * [0.5, -0.2, 1.5] + np.sin(5 * t) * [0.1, 0.0, 0.2])
    c2w[:, :3, :3] = matrix_from_rotvec(t * np.array([0.1, turn, 0.05]))
    focal = 1000 * np.exp(zoom * t)
    return Trajectory(c2w, np.hstack([focal, focal, 960 + 0 * t, 540 + 0 * t]), (1920, 1080), 24.0, DEPTH)


def ask(scene, picture_path, first, last, prompt="pan left") -> None:
    scene.dollygrip.brief.reference = str(picture_path)
    part = scene.dollygrip.brief.direct
    part.prompt, part.first, part.last = prompt, first, last


def redirected(scene, predicted=None) -> Redirect:
    """What the session does with a result, whatever the backend would have predicted."""
    task = Redirect.of(bpy.context)
    task.deliver(scene, (0, predicted or wild(task.span.frames)))
    assert not task.error, task.error
    return task


def matrix(scene, frame: float) -> np.ndarray:
    whole = int(np.floor(frame))
    scene.frame_set(whole, subframe=frame - whole)
    return np.array(scene.camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world)


def view(scene, first=START, last=LAST) -> dict[int, tuple]:
    """World matrices and lenses by frame, to the bit."""
    seen = {}
    for frame in range(first, last + 1):
        pose = matrix(scene, frame)
        seen[frame] = pose.tobytes(), scene.camera.data.lens
    return seen


def rates(scene, frame: int, side: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Velocity, spin and the lens's rate at a frame from one side, from subframes by differences of third order."""
    near = [matrix(scene, frame + side * STEP * i) for i in range(4)]
    lens = []
    for i in range(4):
        matrix(scene, frame + side * STEP * i)
        lens.append(scene.camera.data.lens)
    weights = side * np.array([-11.0, 18.0, -9.0, 2.0]) / (6 * STEP)
    turns = [
        rotvec_from_matrix(camera.c2w_from_blender(near[0][None])[0, :3, :3].T @ r[:3, :3])
        for r in (camera.c2w_from_blender(m[None])[0] for m in near)
    ]
    return weights @ np.array([m[:3, 3] for m in near]), weights @ np.array(turns), float(weights @ lens)


def assert_smooth(scene, frames) -> None:
    """Value and first derivative of position, rotation and lens agree within 1 % from both sides."""
    for frame in frames:
        before, here, after = (matrix(scene, frame + d) for d in (-1e-3, 0.0, 1e-3))
        assert np.abs(before - here).max() < 2e-3 and np.abs(after - here).max() < 2e-3
        for left, right, least in zip(rates(scene, frame, -1), rates(scene, frame, 1), (2e-4, 1e-4, 2e-3), strict=True):
            size = max(np.linalg.norm(left), np.linalg.norm(right))
            assert np.linalg.norm(np.subtract(left, right)) < 0.01 * size + least, (frame, left, right)


def outside(seen: dict, first: int, last: int) -> dict:
    return {frame: value for frame, value in seen.items() if not first < frame < last}


def keys_outside(action, first, last) -> dict:
    """All that there is to keys outside of a part, and to the outer sides of those at its borders."""
    found = {}
    for curve in compat.take_curves(action):
        keys = curve_parts.read(curve)
        x = keys["co"][:, 0]
        for name, values in keys.items():
            if name.startswith(("select", "handle_left_type", "handle_right_type")):
                continue
            keep = (x < first) | (x > last)
            if name in ("co", "handle_left"):
                keep |= x == first
            if name in ("co", "handle_right", "interpolation"):
                keep |= x == last
            found[curve.data_path, curve.array_index, name] = values[keep].tobytes()
    return found


def inner_keys(action) -> list[int]:
    return sorted({round(x) for x in curve_parts.read(compat.object_curves(action)[0])["co"][:, 0]})


@pytest.fixture
def film(scene, picture_path):
    """A take of several keys, of which the second to the last but one are asked for; there every channel has one."""
    action = add_take(scene, weave)
    keys = inner_keys(action)
    assert len(keys) >= 5
    for curve in compat.take_curves(action):
        for frame in keys[1:-1]:
            curve_parts.cut_out(curve, frame, None, (START, LAST))
    ask(scene, picture_path, keys[1], keys[-2])
    return action


@pytest.mark.parametrize("ends", [0.0, 1.0])
@pytest.mark.parametrize("scale", [None, 1.0, 2.5])
def test_outside_nothing_changes_and_the_joins_are_smooth(scene, film, scale, ends):
    if scale:
        parent_of(scene, scale)
    span, before = parts.chosen_span(scene, scene.camera), view(scene)
    kept = keys_outside(film, span.first, span.last)
    redirected(scene, wild(span.frames, end=ends))
    new = takes.shown(scene.camera)
    assert new != film
    after = view(scene)
    assert outside(after, span.first, span.last) == outside(before, span.first, span.last)
    changed = [f for f in after if after[f] != before[f]]
    assert len(changed) >= span.frames - 3, "the part is new"
    assert keys_outside(new, span.first, span.last) == kept
    assert_smooth(scene, (span.first, span.last))
    scene.camera.dollygrip_shot.take_index = 0
    assert view(scene) == before and takes.shown(scene.camera) == film, "the old take is as it was"


@pytest.mark.parametrize("mode", ["QUATERNION", "ZXY", "XYZ"])
def test_any_animated_camera_can_be_redirected(scene, picture_path, mode):
    """Keys by hand with automatic and linear handles, no take: its own Actions stay, its motion is the first take."""
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(made)
    scene.camera, made.rotation_mode = made, mode
    rotation = "rotation_quaternion" if mode == "QUATERNION" else "rotation_euler"
    rng = np.random.default_rng(5)
    for frame in (1, 20, 45, 70, 90):
        made.location = rng.normal(size=3)
        numbers = (
            [1.0, *rng.normal(scale=0.3, size=3)] if mode == "QUATERNION" else [1.4, *rng.normal(scale=0.3, size=2)]
        )
        setattr(made, rotation, numbers)
        made.data.lens = 40 + frame / 5
        made.keyframe_insert("location", frame=frame)
        made.keyframe_insert(rotation, frame=frame)
        made.data.keyframe_insert("lens", frame=frame)
    compat.curves_of(made)[0].keyframe_points[0].interpolation = "LINEAR"
    noise = compat.curves_of(made)[1].modifiers.new("NOISE")
    noise.strength, noise.scale = 0.3, 30
    scene.frame_end, own = 90, made.animation_data.action
    ask(scene, picture_path, 20, 70)
    before = view(scene, 1, 90)
    redirected(scene)
    after, new = view(scene, 1, 90), takes.shown(made)
    assert outside(after, 20, 70) == outside(before, 20, 70) and after[40] != before[40]
    assert_smooth(scene, (20, 70))
    assert takes.is_camera(made) and len(made.dollygrip_shot.takes) == 2
    made.dollygrip_shot.take_index = 0
    assert view(scene, 1, 90) == before, "what the camera did before is its first take"
    assert own.use_fake_user and not takes.is_take(own)
    assert takes.provenance(new)["parent_take"] == takes.provenance(takes.shown(made))["id"]


def test_an_edited_take_and_another_part_of_the_new_take(scene, film):
    """Moved keys, other handles; then the take that was made is re-directed in turn, overlapping the first part."""
    keys = inner_keys(film)
    for curve in compat.object_curves(film):
        points = curve.keyframe_points
        if len(points) > 2:
            points[2].co.y += 0.2
            points[1].handle_left_type = points[1].handle_right_type = "AUTO_CLAMPED"
            curve.update()
    for first, last in ((None, None), (START, keys[-2])):
        if first:
            scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = first, last
        span, before = parts.chosen_span(scene, scene.camera), view(scene)
        redirected(scene)
        assert outside(view(scene), span.first, span.last) == outside(before, span.first, span.last)
        assert_smooth(scene, [f for f in (span.first, span.last) if START < f < LAST])
    assert len(scene.dollygrip.take_list) == 3


def test_locked_keys_are_met_and_asked_for(scene, film):
    """Extreme keys inside: the backend is asked to lead there, and whatever it answers the pose is there."""
    keys = inner_keys(film)
    middle = keys[len(keys) // 2]
    for curve in compat.object_curves(film):
        for point in curve.keyframe_points:
            point.select_control_point = round(point.co.x) == middle
    assert bpy.ops.dollygrip.lock_keys() == {"FINISHED"}
    scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = keys[1], keys[-2]
    before = {f: matrix(scene, f) for f in (keys[1], middle, keys[-2])}
    task = redirected(scene)
    assert task.span.locked == (middle,)
    assert task.request.keyframes_at == [middle - keys[1], keys[-2] - keys[1]]
    first = camera.c2w_from_blender(before[keys[1]][None])[0]
    for sent, frame in zip(task.arrays["keyframes"], (middle, keys[-2]), strict=True):
        assert np.allclose(first @ sent, camera.c2w_from_blender(before[frame][None])[0], atol=1e-5)
    assert np.abs(matrix(scene, middle) - before[middle]).max() < 1e-5
    assert np.abs(matrix(scene, middle + 4) - before[middle]).max() > 0.01
    for side in zip(rates(scene, middle, -1)[:2], rates(scene, middle, 1)[:2], strict=True):
        assert np.linalg.norm(side[0] - side[1]) < 0.01 * np.linalg.norm(side[0]) + 1e-4
    new = takes.shown(scene.camera)
    assert middle in inner_keys(new) and parts.chosen_span(scene, scene.camera).locked == (middle,), "still locked"


def test_the_shots_end_is_free(scene, film):
    """To the last key: the camera goes where it is sent, zoom and all."""
    keys = inner_keys(film)
    scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = keys[2], LAST
    before, sent = view(scene), wild(LAST - keys[2] + 1)
    task = redirected(scene, sent)
    assert task.request.keyframes_at == [] and "keyframes" not in task.arrays
    after = view(scene)
    assert {f: v for f, v in after.items() if f <= keys[2]} == {f: v for f, v in before.items() if f <= keys[2]}
    assert_smooth(scene, [keys[2]])
    assert after[LAST][1] / after[keys[2]][1] == pytest.approx(np.exp(0.3), rel=0.1)


def test_the_shots_beginning_keeps_its_pose(scene, film):
    keys = inner_keys(film)
    scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = START, keys[2]
    before = view(scene)
    redirected(scene)
    after = view(scene)
    assert after[START] == before[START] and after[START + 5] != before[START + 5]
    assert {f: v for f, v in after.items() if f >= keys[2]} == {f: v for f, v in before.items() if f >= keys[2]}
    assert_smooth(scene, [keys[2]])


def test_a_full_turn_comes_home_without_spinning_back(scene, film):
    """Once around within the part: the orientations meet, and no subframe whirls to get the numbers right."""
    span, before = parts.chosen_span(scene, scene.camera), view(scene)
    turning = wild(span.frames, turn=2 * np.pi, end=0.1)
    redirected(scene, turning)
    after = view(scene)
    assert outside(after, span.first, span.last) == outside(before, span.first, span.last)
    grid = [
        camera.c2w_from_blender(matrix(scene, f)[None])[0, :3, :3] for f in np.arange(span.first, span.last + 0.1, 0.25)
    ]
    steps = [np.degrees(np.linalg.norm(rotvec_from_matrix(a.T @ b))) for a, b in pairwise(grid)]
    assert 300 < sum(steps) < 500
    assert max(steps) < 6 * np.median(steps)


def test_frames_between_keys_get_keys_and_the_curves_keep_their_shape(scene, picture_path):
    """Any frames may be asked for: outside the camera stays to the bit, and the joins are as smooth."""
    add_take(scene, weave)
    ask(scene, picture_path, START + 21, START + 50)
    before, keys = view(scene), len(inner_keys(takes.shown(scene.camera)))
    task = redirected(scene)
    task.finish(scene, Outcome("done"))
    assert outside(view(scene), START + 21, START + 50) == outside(before, START + 21, START + 50)
    assert len([k for k in inner_keys(takes.shown(scene.camera)) if not START + 21 < k < START + 50]) <= keys + 6
    assert_smooth(scene, (START + 21, START + 50))
    at = f"{START + 21} and {START + 50}"
    assert re.search(rf"without a key at frame {at} got \d+ new keys in all, and keep", scene.dollygrip.notice)


def test_few_keys_are_added_outside_of_the_take_and_all_are_counted(scene, picture_path):
    """A key long before and one long after the scene: only the take's own frames are held to the bit."""
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(made)
    scene.camera, scene.frame_start, scene.frame_end = made, 50, 90
    for frame, made.location.y in ((-20, 0), (200, 5)):
        made.keyframe_insert("location", frame=frame)
    ask(scene, picture_path, 60, 80)
    before = view(scene, -20, 200)
    far = [frame for frame in before if not 60 < frame < 80]
    was = np.array([matrix(scene, frame) for frame in far])
    task = redirected(scene)
    task.finish(scene, Outcome("done"))
    after = view(scene, -20, 200)
    assert all(after[frame] == before[frame] for frame in (*range(50, 61), *range(80, 91)))
    now = np.array([matrix(scene, frame) for frame in far])
    assert np.abs(now - was).max() < 1e-4
    curve = compat.object_curves(takes.shown(made)).find("location", index=1)
    beside = [point.co.x for point in curve.keyframe_points if not 60 < point.co.x < 80]
    assert len(beside) < 14 and not [frame for frame in beside if -20 < frame < 50 or 90 < frame < 200]
    assert f"at frame 60 and 80 got {len(beside) - 2} new keys in all, and keep" in scene.dollygrip.notice


@pytest.mark.parametrize("handles", ["FREE", "AUTO", "VECTOR", "long"])
def test_a_cut_keeps_the_shape(scene, handles):
    """Also where handles reach over each other, and where Blender would set them anew."""
    made = bpy.data.objects.new("Mine", None)
    scene.collection.objects.link(made)
    for frame, value in ((1, 0.0), (30, 3.0), (70, -1.0)):
        made.location.x = value
        made.keyframe_insert("location", index=0, frame=frame)
    [curve] = compat.curves_of(made)
    for point in curve.keyframe_points:
        point.handle_left_type = point.handle_right_type = "FREE" if handles == "long" else handles
    curve.update()
    if handles == "long":
        curve.keyframe_points[0].handle_right, curve.keyframe_points[1].handle_left = (20, 2), (13, 4)
    frames = np.arange(1, 70, 0.25)
    before = [curve.evaluate(f) for f in frames]
    assert curve_parts.cut_out(curve, 17, 30, (1, 70)) == [17] and not curve_parts.cut_out(curve, 17, None, (1, 70))
    assert 4 <= len(curve.keyframe_points) <= 9
    assert [curve.evaluate(f) for f in range(1, 18)] == before[: 4 * 17 : 4], "whole frames outside to the bit"
    assert np.abs(np.subtract([curve.evaluate(f) for f in frames], before)).max() < 3e-5
    curve.update()
    assert np.abs(np.subtract([curve.evaluate(f) for f in frames], before)).max() < 3e-5, "nor when Blender updates it"


def test_a_curve_that_no_key_can_follow_is_refused(scene, film):
    """Blender shortens handles that reach beyond their keys, and other interpolations have no handles at all."""
    curve, keys = compat.object_curves(film)[0], inner_keys(film)
    scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = keys[1] + 1, keys[-2]
    points = {round(point.co.x): point for point in curve.keyframe_points}
    task = Redirect.of(bpy.context)
    points[keys[1]].interpolation = "SINE"
    task.deliver(scene, (0, wild(task.span.frames)))
    assert "it is not a Bézier there" in task.error.message and task.error.hint
    points[keys[1]].interpolation = "BEZIER"
    points[keys[1]].handle_right, points[keys[2]].handle_left = (keys[2] + 9, 5), (keys[1] - 9, -5)
    before = view(scene)
    task.deliver(scene, (0, wild(task.span.frames)))
    assert "handles reach far over each other" in task.error.message and task.error.hint
    assert view(scene) == before and len(scene.dollygrip.take_list) == 1 and takes.shown(scene.camera) == film


def test_what_cannot_be_cut_is_refused_before_the_job_with_all_that_it_takes(scene, film):
    """Both borders at once, and those of the lens: the keys that the hint asks for are enough."""
    keys, shot = inner_keys(film), scene.camera
    first, last = keys[0] + 2, keys[-1] - 2
    scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = first, last
    for curve in (compat.object_curves(film)[1], *compat.lens_curves(film)):
        for point in curve.keyframe_points:
            point.interpolation = "BACK"
    with pytest.raises(RuntimeError) as refused:
        bpy.ops.dollygrip.redirect()
    assert f"The curve location 1 cannot be cut at frame {first} and {last}: it is not a Bézier" in str(refused.value)
    assert scene.dollygrip.hint == f"Insert keys for the camera at frame {first} and {last}."
    for frame in (first, last):
        scene.frame_set(frame)
        shot.keyframe_insert("location")
        shot.data.keyframe_insert("lens")
    redirected(scene)


def test_a_lens_that_cannot_be_cut_is_refused_before_the_job(scene, film):
    for point in compat.lens_curves(film)[0].keyframe_points:
        point.interpolation = "SINE"
    first, last = scene.dollygrip.brief.direct.first, scene.dollygrip.brief.direct.last = START + 2, START + 5
    with pytest.raises(InputError, match=f"lens 0 cannot be cut at frame {first} and {last}"):
        Redirect.of(bpy.context)


def test_selected_keys_go_before_the_preview_range_and_that_before_the_two_frames(scene, film):
    keys, state = inner_keys(film), scene.dollygrip.brief.direct

    def chosen():
        span = parts.chosen_span(scene, scene.camera)
        return span.first, span.last

    state.first, state.last = keys[1] + 2, keys[2] + 1
    assert chosen() == (keys[1] + 2, keys[2] + 1)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, keys[2], keys[3]
    assert chosen() == (keys[2], keys[3])
    for point in (point for curve in compat.object_curves(film) for point in curve.keyframe_points):
        point.select_control_point = round(point.co.x) in keys[:3]
    assert chosen() == (keys[0], keys[2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: setattr(s.dollygrip.brief.direct, "prompt", " "), "The prompt is empty."),
        (lambda s: setattr(s.dollygrip.brief.direct, "last", 0), "No part of the shot is chosen."),
        (
            lambda s: (setattr(s.dollygrip.brief.direct, "first", 500), setattr(s.dollygrip.brief.direct, "last", 600)),
            "lie outside",
        ),
        (lambda s: bpy.ops.dollygrip.set_rig(kind="AIM"), "The take has a rig."),
        (lambda s: setattr(s.camera, "rotation_mode", "AXIS_ANGLE"), "given by axis and angle"),
        (lambda s: s.camera.driver_add("location", 0), "Drivers pose"),
        (lambda s: setattr(s.dollygrip.brief, "takes", 99), "1 to 16 takes"),
    ],
)
def test_what_cannot_be_redirected_is_refused(scene, film, change, said):
    change(scene)
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.dollygrip.redirect()
    assert said in scene.dollygrip.error and scene.dollygrip.hint
    assert [action for action in bpy.data.actions if takes.is_take(action)] == [film], "nothing was made"


def test_without_a_camera_nothing_can_be_redirected(scene, film):
    scene.camera = None
    with pytest.raises(RuntimeError, match="The scene has no camera"):
        bpy.ops.dollygrip.redirect()
    with pytest.raises(InputError, match="has no camera"):
        Redirect.of(bpy.context)


def test_a_camera_that_only_strips_animate_is_refused(scene, picture_path):
    """Its first take would rest on all frames, and hide what the strips do; muted ones do nothing."""
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(made)
    scene.camera = made
    for frame, made.location.x in ((1, 0), (90, 5)):
        made.keyframe_insert("location", frame=frame)
    track = made.animation_data.nla_tracks.new()
    track.strips.new("Move", 1, made.animation_data.action)
    made.animation_data.action = None
    ask(scene, picture_path, 20, 70)
    before = view(scene, 1, 90)
    with pytest.raises(RuntimeError, match="Strips of the Nonlinear Animation editor move Mine"):
        bpy.ops.dollygrip.redirect()
    assert view(scene, 1, 90) == before
    track.mute = True
    before = view(scene, 1, 90)
    redirected(scene)
    assert outside(view(scene, 1, 90), 20, 70) == outside(before, 20, 70)


def test_a_take_that_was_given_a_rig_while_its_part_was_predicted_says_so(scene, film):
    task = Redirect.of(bpy.context)
    bpy.ops.dollygrip.set_rig(kind="PATH")
    before = view(scene)
    task.deliver(scene, (0, wild(task.span.frames)))
    assert "has a rig" in task.error.message and not task.made and view(scene) == before
