"""Rigs by properties: whatever a take does, it goes from curves to a path to an aim and back, and is seen the same."""

import bpy
import numpy as np
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.rigs import rigs
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import DEPTH, MOVES, START, add_take, counts, parent_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dollygrip.rotations import angle_between, matrix_from_rotvec
from dollygrip.splines import cubic_spline
from dollygrip.trajectory import Trajectory

FRAMES = 25
POSITION, ANGLE = 0.002 * DEPTH, np.radians(0.15)
KINDS = [rigs.PLAIN, rigs.PATH, rigs.AIM]


def random_take(scene, dice: np.random.Generator) -> bpy.types.Action:
    """Through random poses, some of them rests; sometimes a channel alone moves, or nothing but the rotation."""
    knots = int(dice.integers(2, 6))
    at = np.linspace(0, knots - 1, FRAMES)
    sizes = dice.choice([0.0, 0.1, 1.0, 3.0], 3), dice.choice([0.0, 0.2, 0.6], 3)
    poses = [dice.normal(size=(knots, 3)) * size for size in sizes]
    if dice.random() < 0.3:
        for each in poses:
            each[1] = each[0]
    places, turns = (cubic_spline(each, at) for each in poses)
    c2w = np.tile(np.eye(4), (FRAMES, 1, 1))
    c2w[:, :3, :3], c2w[:, :3, 3] = matrix_from_rotvec(turns), places
    lens = np.tile([1500.0, 1500.0, 960.0, 540.0], (FRAMES, 1))
    lens[:, :2] *= np.linspace(1, dice.uniform(0.7, 1.5), FRAMES)[:, None]
    trajectory = Trajectory(c2w, lens, (1920, 1080), 24.0, DEPTH, {})
    scene.frame_start = START
    shot = takes.ensure_camera(scene)
    fitted = camera.fit(trajectory, camera.Placement.of(scene, shot.data, camera.level_start()))
    return takes.add(scene, fitted, "any", {"prompt": "any"})


def view(scene) -> Trajectory:
    return camera.sample(bpy.context, START, START + FRAMES - 1, scene.camera)


@settings(
    max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.permutations(KINDS).map(lambda kinds: [*kinds, rigs.PLAIN]),
    scale=st.sampled_from([None, None, 1.0, 2.5]),
)
def test_any_take_is_seen_the_same_by_any_rig(scene, seed, kinds, scale):
    bpy.data.batch_remove([*bpy.data.objects, *bpy.data.actions, *bpy.data.cameras])
    action = random_take(scene, np.random.default_rng(seed))
    if scale:
        parent_of(scene, scale)
    before, kept = view(scene), (counts(), scene.camera.parent)
    for kind in kinds:
        try:
            bpy.ops.dollygrip.set_rig(kind=kind)
        except RuntimeError as refused:  # it rests, or looks straight up or down: a sentence, and the take as it was
            if kind == rigs.PATH:
                assert "stays where it is" in str(refused)
                assert np.ptp(before.positions, axis=0).max() < 0.01 * DEPTH or scale
            else:
                assert kind == rigs.AIM and "looks straight" in str(refused)
                assert np.abs(before.rotations[:, 1, 2]).max() > np.cos(np.radians(3))
        after = view(scene)
        assert np.linalg.norm(after.positions - before.positions, axis=1).max() < POSITION * (scale or 1)
        assert angle_between(after.rotations, before.rotations).max() < ANGLE
        assert np.abs(after.intrinsics / before.intrinsics - 1).max() < 1e-5
    assert rigs.kind_of(action) == rigs.PLAIN
    assert (counts(), scene.camera.parent) == kept and not scene.camera.constraints


def test_frames_render_the_same(scene, tmp_path):
    """Rendered pixels of a set, under every rig: what differs is the noise of an edge here and there."""
    action = add_take(scene, MOVES["orbit"])
    for x in range(-3, 4):
        for y in range(1, 7):
            bpy.ops.mesh.primitive_cube_add(size=0.5, location=(x, y, 1.6 + 0.5 * np.sin(3 * x + y)))
    world = scene.world or bpy.data.worlds.new("World")
    scene.world, scene.render.engine = world, "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 96, 54, 8
    scene.render.image_settings.file_format = "PNG"
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    pictures = {}
    for kind in (rigs.PLAIN, rigs.PATH, rigs.AIM):
        bpy.ops.dollygrip.set_rig(kind=kind)
        assert rigs.kind_of(action) == kind
        for frame in (START, START + 35, START + 72):
            scene.frame_set(frame)
            scene.render.filepath = str(tmp_path / f"{kind}{frame}.png")
            bpy.ops.render.render(write_still=True)
            image = bpy.data.images.load(scene.render.filepath)
            pictures[kind, frame] = np.array(image.pixels[:]).reshape(54, 96, 4)[..., :3]
    for (kind, frame), picture in pictures.items():
        assert np.ptp(picture) > 0.3, "there is something to see"
        off = np.abs(picture - pictures[rigs.PLAIN, frame])
        assert off.mean() < 0.005 and np.quantile(off, 0.98) < 0.05, (kind, frame)
    moved = np.abs(pictures[rigs.PLAIN, START] - pictures[rigs.PLAIN, START + 72]).mean()
    assert moved > 0.05, "and it moves"
