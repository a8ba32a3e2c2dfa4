"""Takes of known moves, and what of a scene is compared before and after."""

import bpy
import numpy as np
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.takes import takes
from mathutils import Euler

from dollygrip.rotations import angle_between, matrix_from_rotvec
from dollygrip.trajectory import Trajectory

DEPTH, FRAMES, START = 4.0, 73, 11
DATA = ("objects", "curves", "actions", "cameras")


def orbit(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Around a point ahead, with a slight rise, a late look away and some roll."""
    angle = 0.9 * t
    places = np.stack([4 * np.sin(angle), -0.3 * t, 4 - 4 * np.cos(angle)], 1)
    return places, np.stack([0.2 * t**3, -angle, 0.15 * np.sin(4 * t)], 1)


def out_and_back(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward, a rest and back again, turning meanwhile."""
    there = np.sin(np.pi * np.clip(1.4 * t, 0, 0.5)) - np.sin(np.pi * np.clip(1.4 * t - 0.9, 0, 0.5))
    return there[:, None] * [0.2, 0.0, 1.5], np.stack([0 * t, 0.8 * t, 0 * t], 1)


def circle(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An exact arc around a point that stays in the middle of the picture."""
    return np.stack([4 * np.sin(t), 0 * t, 4 - 4 * np.cos(t)], 1), np.stack([0 * t, -t, 0 * t], 1)


MOVES = {"orbit": orbit, "out and back": out_and_back, "circle": circle}


def add_take(scene, move=orbit, name="take", **made_from) -> bpy.types.Action:
    t = np.linspace(0, 1, FRAMES)
    places, turns = move(t)
    c2w = np.tile(np.eye(4), (FRAMES, 1, 1))
    c2w[:, :3, :3], c2w[:, :3, 3] = matrix_from_rotvec(turns), places
    focal = 1500 * (1 + 0.3 * t)
    intrinsics = np.stack([focal, focal, np.full(FRAMES, 960.0), np.full(FRAMES, 540.0)], 1)
    trajectory = Trajectory(c2w, intrinsics, (1920, 1080), 24.0, DEPTH, {"prompt": name})
    scene.frame_start = START
    shot = takes.ensure_camera(scene)
    fitted = camera.fit(trajectory, camera.Placement.of(scene, shot.data, camera.level_start()))
    return takes.add(scene, fitted, name, {"prompt": name, "seed": 7, **made_from})


def view_degrees(seen: Trajectory) -> float:
    """Horizontal field of view of frame 0."""
    return float(np.degrees(2 * np.arctan(seen.size[0] / 2 / seen.intrinsics[0, 0])))


def seen(scene) -> Trajectory:
    return camera.sample(bpy.context, START, START + FRAMES - 1, scene.camera)


def assert_same_view(after: Trajectory, before: Trajectory, depth: float = DEPTH, times: float = 1.0) -> None:
    assert np.linalg.norm(after.positions - before.positions, axis=1).max() < times * 1e-4 * depth
    assert np.degrees(angle_between(after.rotations, before.rotations)).max() < times * 0.05
    assert np.abs(after.intrinsics / before.intrinsics - 1).max() < 1e-6


def counts() -> dict[str, int]:
    return {kind: len(getattr(bpy.data, kind)) for kind in DATA}


def keys_of(action) -> dict:
    curves = compat.take_curves(action)
    return {(c.data_path, c.array_index): [tuple(p.co) for p in c.keyframe_points] for c in curves if not c.mute}


def parent_of(scene, scale: float) -> bpy.types.Object:
    """Parent the camera to a moving, turned and scaled empty."""
    parent = bpy.data.objects.new("Vehicle", None)
    scene.collection.objects.link(parent)
    parent.rotation_euler, parent.scale = Euler((0.2, -0.1, 0.7)), [scale] * 3
    for frame, place in ((START, (0, 0, 0)), (START + FRAMES, (5, -1, 0.5))):
        parent.location = place
        parent.keyframe_insert("location", frame=frame)
    scene.camera.parent = parent
    scene.camera.matrix_parent_inverse = Euler((0.1, 0.0, 0.3)).to_matrix().to_4x4()
    return parent
