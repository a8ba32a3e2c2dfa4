"""New keys for a take's own frames: what an animator has put outside of them, locked and laid on top of them stays."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.rigs import rigs
from blender.sample_takes import DEPTH, FRAMES, START, add_take, orbit, parent_of, seen

from dollygrip.rotations import angle_between

LATER = START + FRAMES + 50


@pytest.fixture
def worked(scene) -> bpy.types.Action:
    """A take with a key behind its end, a locked key inside and a noise on X, under a parent."""
    action = add_take(scene, orbit)
    parent_of(scene, 1.0)
    curves = compat.object_curves(action)
    for curve in curves:
        curve.keyframe_points.insert(LATER, 0.25)
    frame = sorted({round(p.co.x) for c in curves for p in c.keyframe_points})[1]
    for point in (p for c in curves for p in c.keyframe_points if round(p.co.x) == frame):
        point.type = "EXTREME"
    noise = curves.find("location", index=0).modifiers.new("NOISE")
    noise.strength, noise.scale = 0.2, 5.0
    return action


def kept(action, locked: int) -> None:
    for curve in compat.object_curves(action):
        if curve.data_path in ("location", "rotation_euler"):
            last = curve.keyframe_points[-1]
            assert (last.co.x, last.co.y) == (LATER, 0.25), curve.data_path
    [noise] = compat.object_curves(action).find("location", index=0).modifiers
    assert noise.type == "NOISE" and not noise.mute
    assert locked in locks(action)


def locks(action) -> set[int]:
    curves = compat.object_curves(action)
    return {round(p.co.x) for c in curves for p in c.keyframe_points if p.type == "EXTREME"}


def assert_seen(scene, places, before, far: float = 0.004) -> None:
    after = seen(scene)
    assert np.linalg.norm(after.positions - places, axis=1).max() < far * DEPTH
    assert np.degrees(angle_between(after.rotations, before.rotations)).max() < 0.2


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("rig", [rigs.PLAIN, rigs.PATH])
def test_new_keys_lie_between_the_animators_own(scene, worked, rig, turn):
    """Raised by half a metre: the noise is there once, on top."""
    [locked], before = locks(worked), seen(scene)
    bpy.ops.dollygrip.set_rig(kind=rig)
    world, _ = rigs.poses(bpy.context, scene.camera, keys_only=True)
    world[:, 2, 3] += 0.5
    rigs.rewrite(bpy.context, scene.camera, world, turn, (1e-3, 1e-3))
    bpy.ops.dollygrip.set_rig(kind=rigs.PLAIN)
    kept(worked, locked)
    assert_seen(scene, before.positions - [0, 0.5, 0], before)


def test_a_real_support_keeps_them(scene, worked):
    [locked] = locks(worked)
    before = seen(scene)
    bpy.ops.dollygrip.apply_physics(rig="dolly")
    assert not np.allclose(seen(scene).positions, before.positions, atol=1e-3)
    kept(worked, locked)
    noise = compat.object_curves(worked).find("location", index=0).modifiers[0]
    with_noise = seen(scene).positions
    noise.mute = True
    jolts = [np.abs(np.diff(places, 3, axis=0)).max() for places in (with_noise, seen(scene).positions)]
    assert jolts[1] < 0.2 * jolts[0], "the noise is not among the keys"


def test_leaving_an_edited_path_keeps_them(scene, worked):
    [locked] = locks(worked)
    bpy.ops.dollygrip.set_rig(kind=rigs.PATH)
    rigs.helper_of(worked).location.z += 0.7
    edited = seen(scene)
    bpy.ops.dollygrip.set_rig(kind=rigs.PLAIN)
    kept(worked, locked)
    assert_seen(scene, edited.positions, edited)


def test_a_turn_that_would_lose_keys_is_refused(scene, worked):
    curves = compat.object_curves(worked)
    scene.camera.rotation_mode = "ZXY"
    before = seen(scene)
    with pytest.raises(RuntimeError, match="XYZ Euler would lose"):
        bpy.ops.dollygrip.set_rig(kind=rigs.AIM)
    assert np.array_equal(seen(scene).c2w, before.c2w)
    assert all(curve.keyframe_points[-1].co.x == LATER for curve in curves)
