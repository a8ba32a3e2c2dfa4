"""A take within what a real support can do, and the handheld layer: geometry, as Blender evaluates it."""

import re

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.rigs import physics, rigs
from blender.sample_takes import (
    DEPTH,
    FRAMES,
    START,
    add_take,
    assert_same_view,
    circle,
    counts,
    keys_of,
    orbit,
    parent_of,
    seen,
)
from blender.test_collisions import forward

from dollygrip.physics import RIGS, excess
from dollygrip.rotations import angle_between


@pytest.mark.parametrize("name", RIGS)
@pytest.mark.parametrize("rig", ["PLAIN", "PATH", "AIM"])
def test_a_support_bounds_the_evaluated_camera(scene, name, rig):
    """Speed, acceleration and jerk within the limits; frame 0 and the rig are kept; again nothing changes."""
    action = add_take(scene, lambda t: orbit(t**3))
    parent_of(scene, 1.0).animation_data_clear()
    before = seen(scene)
    bpy.ops.dollygrip.set_rig(kind=rig)
    assert bpy.ops.dollygrip.apply_physics(rig=name) == {"FINISHED"}
    after = seen(scene)
    over = excess(camera.attrs.evolve(after, scene_depth=DEPTH), RIGS[name])
    worst = max((ratio for ratio, _ in over.values() if np.isfinite(ratio)), default=0.0)
    assert worst < 1.06, over
    assert np.linalg.norm(after.positions[0] - before.positions[0]) < 0.002 * DEPTH
    stuck = name == "tripod"
    assert ("A tripod does not travel." in action[physics.SAID]) == stuck
    assert (np.ptp(after.positions, axis=0).max() < 1e-4) == stuck
    assert rigs.kind_of(action) == ("PLAIN" if stuck and rig == "PATH" else rig)
    bpy.ops.dollygrip.apply_physics(rig=name)
    assert_same_view(seen(scene), after, times=1e-3)
    assert list(action[physics.SAID]) == [f"The camera already moves like a {name}."] or stuck


def test_bounds_that_curves_cannot_keep_are_said(scene, monkeypatch):
    action = add_take(scene, lambda t: orbit(t**3))
    monkeypatch.setattr(physics, "_SHARES", (1.0,))
    monkeypatch.setattr(physics, "_NEARLY", 1.0)
    bpy.ops.dollygrip.apply_physics(rig="crane")
    over = excess(camera.attrs.evolve(seen(scene), scene_depth=DEPTH), RIGS["crane"])
    name = max(over, key=over.get)
    assert action[physics.SAID][-1] == f"Its curves still reach {over[name][0]:.1f} times the {name} of a crane."


def test_what_had_to_give_way_is_said_in_the_scenes_frames_and_in_metres(scene):
    """A jump of two metres half-way through a take that begins at frame 11, in a scene of centimetres."""
    scene.unit_settings.scale_length = 0.01
    action = add_take(scene, lambda t: (2.0 * (t[:, None] > 0.5) * [1.0, 0, 0], np.zeros((len(t), 3))))
    bpy.ops.dollygrip.apply_physics(rig="dolly")
    worst, moved = action[physics.SAID][:2]
    frame = int(re.search(r"at frame (\d+)\.", worst)[1])
    assert abs(frame - (START + FRAMES // 2)) <= 3
    length, unit = re.search(r"moved by up to ([\d.]+) (c?m) and", moved).groups()
    assert 0.5 < float(length) / {"m": 1, "cm": 100}[unit] < 2


def test_what_a_support_can_do_is_left_alone(scene):
    action = add_take(scene, lambda t: (0.1 * t[:, None] * [1.0, 0, 0], np.zeros((len(t), 3))))
    before, keys = seen(scene), [tuple(p.co) for c in compat.take_curves(action) for p in c.keyframe_points]
    bpy.ops.dollygrip.apply_physics(rig="dolly")
    assert_same_view(seen(scene), before, times=1e-3)
    assert keys == [tuple(p.co) for c in compat.take_curves(action) for p in c.keyframe_points]
    assert list(action[physics.SAID]) == ["The camera already moves like a dolly."]


def test_a_move_that_a_support_would_hardly_change_keeps_its_keys(scene):
    """An orbit of four keys, whose acceleration jumps at them by more than a steadicam's may."""
    action = add_take(scene, lambda t: circle(0.6 * t**3 * (10 - 15 * t + 6 * t**2)))
    over = excess(camera.attrs.evolve(seen(scene), scene_depth=DEPTH), RIGS["steadicam"])
    assert max(ratio for ratio, _ in over.values()) > physics._NEARLY
    keys = keys_of(action)
    assert len(keys["location", 0]) == 4
    bpy.ops.dollygrip.apply_physics(rig="steadicam")
    assert keys_of(action) == keys
    assert list(action[physics.SAID]) == ["The camera already moves like a steadicam."]


def test_handheld_is_a_layer_over_every_rig(scene):
    """It shakes alike on curves, path and aim, scales with its amount, and is gone without a trace."""
    add_take(scene)
    parent_of(scene, 2.0)
    still, kept = seen(scene), counts()
    assert bpy.ops.dollygrip.add_handheld(seed=3, amount=1.0) == {"FINISHED"}
    shaking = seen(scene)
    off = np.linalg.norm(shaking.positions - still.positions, axis=1)
    turned = np.degrees(angle_between(shaking.rotations, still.rotations))
    assert 0.001 * DEPTH < off.max() < 0.03 * DEPTH and 0.1 < turned.max() < 4
    for kind in ("PATH", "AIM", "PLAIN"):
        bpy.ops.dollygrip.set_rig(kind=kind)
        assert_same_view(seen(scene), shaking)
    with_layer = counts()
    bpy.ops.dollygrip.add_handheld(seed=3)
    assert counts() == with_layer and physics.handheld_of(scene.camera).influence == 1.0
    assert_same_view(seen(scene), shaking, times=1e-2)
    bpy.ops.dollygrip.add_handheld(seed=4)
    assert np.linalg.norm(seen(scene).positions - shaking.positions, axis=1).max() > 0.001 * DEPTH
    bpy.ops.dollygrip.add_handheld(seed=3)
    physics.handheld_of(scene.camera).influence = 0.25
    quarter_seen = seen(scene)
    quarter = np.linalg.norm(quarter_seen.positions - still.positions, axis=1)
    assert np.abs(quarter - off / 4).max() < 0.02 * off.max()
    copy = scene.camera.copy()
    scene.collection.objects.link(copy)
    physics.remove_handheld(copy)
    assert np.allclose(seen(scene).positions, quarter_seen.positions), "a copy's layer is not the shot's"
    bpy.ops.dollygrip.remove_handheld()
    assert_same_view(seen(scene), still, times=1e-3)
    bpy.data.objects.remove(copy)
    assert counts() == kept


def test_handheld_is_not_baked_by_physics(scene):
    """A support applied under the layer sees the take alone: what is left without the layer keeps the bounds."""
    add_take(scene, forward)
    bpy.ops.dollygrip.add_handheld(seed=1, amount=1.0)
    bpy.ops.dollygrip.apply_physics(rig="dolly")
    bpy.ops.dollygrip.remove_handheld()
    after = seen(scene)
    assert np.abs(after.positions[:, 0]).max() < 1e-3 and np.ptp(after.positions[:, 2]) > 0.5
