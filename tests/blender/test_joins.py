"""Joins by properties: whatever the take, the part and the locked keys are, outside nothing changes, to the bit."""

import bpy
import numpy as np
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import curve_parts
from bl_ext.user_default.dollygrip.direct import parts
from blender.sample_takes import DEPTH, parent_of
from blender.test_direct import ask, assert_smooth, redirected, view, wild
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FIRST, LAST = 1, 90
HANDLES = ["FREE", "ALIGNED", "AUTO", "AUTO_CLAMPED", "VECTOR"]


def a_camera(scene, dice: np.random.Generator, mode: str) -> bpy.types.Object:
    """Its channels have keys each at frames of their own, some none; handles and interpolations of all sorts."""
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(made)
    made.rotation_mode, scene.camera = mode, made
    rotation = "rotation_quaternion" if mode == "QUATERNION" else "rotation_euler"
    made.rotation_quaternion = (1, 0, 0, 0)
    channels = [(made, "location", i, 0.0, 2.0) for i in range(3)]
    channels += [
        (made, rotation, i, 0.0, 0.3) for i in range(1 if mode == "QUATERNION" else 0, len(getattr(made, rotation)))
    ]
    for owner, path, index, middle, size in [*channels, (made.data, "lens", -1, 40.0, 5.0)]:
        if dice.random() < 0.15:
            continue
        frames = np.cumsum([dice.integers(1, 15), *dice.integers(8, 30, size=6)])
        for frame in frames[frames <= LAST]:
            value = dice.normal(middle, size)
            if index < 0:
                setattr(owner, path, value)
            else:
                getattr(owner, path)[index] = value
            owner.keyframe_insert(path, index=index, frame=int(frame))
    for curve in [*compat.curves_of(made), *compat.curves_of(made.data)]:
        for point in curve.keyframe_points:
            point.handle_left_type = point.handle_right_type = dice.choice(HANDLES)
            if dice.random() < 0.15:
                point.interpolation = "LINEAR"
            if dice.random() < 0.15 and curve.data_path != "lens":
                point.type = "EXTREME"
        curve.update()
    scene.frame_start, scene.frame_end = FIRST, LAST
    return made


@settings(
    max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
)
@given(
    seed=st.integers(0, 2**32),
    mode=st.sampled_from(["XYZ", "XYZ", "ZXY", "QUATERNION"]),
    parented=st.booleans(),
    part=st.tuples(st.integers(FIRST, LAST), st.integers(FIRST, LAST)).map(sorted).filter(lambda p: p[1] - p[0] >= 4),
    turn=st.sampled_from([0.3, -1.0, 2.0]),
)
def test_outside_of_a_part_not_a_bit_changes(scene, picture_path, seed, mode, parented, part, turn):
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    camera = a_camera(scene, np.random.default_rng(seed), mode)
    if parented:
        parent_of(scene, 1.5)
    ask(scene, picture_path, *part)
    before = view(scene, FIRST - 5, LAST + 9)
    span = parts.chosen_span(scene, camera)
    redirected(scene, wild(span.frames, turn=turn, end=0.3 * DEPTH / 4))
    after = view(scene, FIRST - 5, LAST + 9)
    stay = [f for f in before if f <= span.first or (f >= span.last and not span.ends)]
    assert [f for f in stay if after[f] != before[f]] == []
    poses = [[np.frombuffer(seen[f][0]) for f in span.locked] for seen in (before, after)]
    assert np.allclose(*poses, atol=2e-5), "locked poses are met"
    assert_smooth(scene, [*([] if span.opens else [span.first]), *([] if span.ends else [span.last])])


def test_a_rest_before_and_behind_stays_a_rest(scene, picture_path):
    """A part of a shot that stands still, with no key before or behind it: it starts from rest and comes back to it."""
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(made)
    scene.camera, scene.frame_start, scene.frame_end = made, FIRST, LAST
    for frame in (30, 40):
        made.location.x = frame / 10
        made.keyframe_insert("location", frame=frame)
    for part in ((10, 25), (50, 70)):
        scene.camera.dollygrip_shot.take_index = 0
        ask(scene, picture_path, *part)
        before = view(scene, FIRST, LAST)
        redirected(scene)
        after = view(scene, FIRST, LAST)
        assert [f for f in before if not part[0] < f < part[1] and after[f] != before[f]] == []
        assert after[part[0] + 5] != before[part[0] + 5]
        assert_smooth(scene, part)


def test_few_keys_hold_what_lies_outside(scene):
    """A cut in the middle of a long curve: its values stay to the bit by far fewer keys than it has frames."""
    dice, added = np.random.default_rng(3), []
    for _ in range(10):
        made = bpy.data.objects.new("Mine", None)
        for frame in (1, 41, 81):
            made.location.x = 3 + dice.normal()
            made.keyframe_insert("location", index=0, frame=frame)
        [curve] = compat.curves_of(made)
        before = [curve.evaluate(f) for f in range(1, 82)]
        curve_parts.cut_out(curve, 25, 57, (1, 81))
        now = [curve.evaluate(f) for f in range(1, 82)]
        assert now[:25] == before[:25] and now[56:] == before[56:]
        assert np.abs(np.subtract(now, before)).max() < 1e-5
        added.append(len(curve.keyframe_points) - 5)
    assert np.mean(added) < 12, added
