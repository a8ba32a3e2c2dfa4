"""Camera paths: one smooth, collision-free motion through a scene, starting at the reference view."""

from itertools import pairwise

import numpy as np
from mathutils import Euler, Matrix, Vector
from stage import distances

_SPHERE = np.array(
    [[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)], float
)
_SPHERE /= np.linalg.norm(_SPHERE, axis=1, keepdims=True)


class RejectedError(Exception):
    """This framing or path does not work in this scene; another is drawn."""


def look_at(position: np.ndarray, target: np.ndarray, roll: float = 0.0) -> Matrix:
    """Blender camera matrix at `position` looking at `target`, up towards +z, rolled by `roll` radians."""
    turn = Vector(target - position).to_track_quat("-Z", "Y").to_matrix().to_4x4()
    return Matrix.Translation(Vector(position)) @ turn @ Euler((0, 0, roll)).to_matrix().to_4x4()


def median_depth(camera: Matrix, view: tuple[float, float]) -> float:
    """Median depth along the view axis by casting 12 x 9 rays; view: (tan of half the horizontal, vertical angle).

    Raises RejectedError where most of the view is sky, or where something stands too near the lens.
    """
    x, y = np.meshgrid(np.linspace(-0.96, 0.96, 12) * view[0], np.linspace(-0.96, 0.96, 9) * view[1])
    rays = np.stack([x.ravel(), y.ravel(), np.full(x.size, -1.0)], 1)
    norm = np.linalg.norm(rays, axis=1)
    depth = distances(camera.translation, (rays / norm[:, None]) @ np.array(camera.to_3x3()).T) / norm
    seen = depth[np.isfinite(depth)]
    if len(seen) < 0.3 * len(depth):
        raise RejectedError("mostly sky")
    middle = float(np.median(seen))
    if np.quantile(seen, 0.02) < max(0.12 * middle, 0.15) or middle > 120:
        raise RejectedError("something is in front of the lens, or nothing is near")
    return middle


def smooth_path(rng: np.random.Generator, start: Matrix, depth: float, views: int) -> list[Matrix]:
    """`views` camera matrices from `start`: an eased move of up to half of `depth` and a turn of up to 40 degrees.

    The move bends (its direction changes on the way) and in a third of the cases the camera keeps the point at
    `depth` centred. Raises RejectedError where a point of the path comes near a surface.
    """
    reach = depth * rng.uniform(0.08, 0.5)
    direction, bend = rng.normal(size=(2, 3)) * (1.0, 0.45, 0.9)
    direction *= reach / np.linalg.norm(direction)
    turns = rng.normal(size=3) * np.radians((7, 14, 3))
    turns = np.clip(turns, -np.radians(40), np.radians(40))
    keep_centred = rng.uniform() < 0.35
    pivot = start @ Vector((0, 0, -depth))
    path = []
    for t in np.linspace(0, 1, views):
        eased = t * t * (3 - 2 * t)
        offset = direction * eased + 0.35 * bend * reach * np.sin(np.pi * t) * t
        at = start @ Vector(offset)
        if keep_centred:
            matrix = look_at(np.array(at), np.array(pivot), turns[2] * eased)
        else:
            matrix = Matrix.Translation(at) @ start.to_3x3().to_4x4() @ Euler(turns * eased).to_matrix().to_4x4()
        path.append(matrix)
    _check_clear(path, clearance=max(0.08 * depth, 0.1))
    return path


def _check_clear(path: list[Matrix], clearance: float) -> None:
    for before, after in pairwise(path):
        step = after.translation - before.translation
        if (
            step.length > 1e-6
            and distances(before.translation, np.array([step.normalized()]), step.length + clearance)[0] < 1e4
        ):
            raise RejectedError("the path meets a surface")
        if np.min(distances(after.translation, _SPHERE, clearance)) < clearance:
            raise RejectedError("the path comes near a surface")
