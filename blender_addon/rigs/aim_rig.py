"""The aim rig's geometry: a subject on the camera's line of sight, and the roll against a level horizon."""

from math import radians

import numpy as np

from dollygrip.errors import InputError

STEEPEST = radians(88)  # nearer to straight up or down "level" has no meaning


def aim(world: np.ndarray, first_frame: int, depth: float, angle: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Subject (T, 3) and roll (T,) in radians of cameras (T, 4, 4), Blender axes and units, and how exact both must be.

    depth: the scene's, in Blender units; angle: in radians, what the camera may be off; the third result is the
    distance that the subject may be off for it. Raises InputError for a camera that looks straight up or down.
    """
    places, forward = world[:, :3, 3], -world[:, :3, 2]
    steepest = np.arcsin(np.abs(forward[:, 2]).max())
    if steepest > STEEPEST:
        frame = int(np.abs(forward[:, 2]).argmax())
        raise InputError(
            f"The camera looks straight {'up' if forward[frame, 2] > 0 else 'down'} at frame {first_frame + frame}, "
            "where roll cannot be told from turning.",
            "Keep the curves, or use the path rig.",
        )
    points = _looked_at(places, forward, depth, angle)
    roll = np.swapaxes(_level(forward), 1, 2) @ world[:, :3, :3]
    nearest = np.linalg.norm(points - places, axis=1).min()
    # Near the zenith a small step to the side is a large turn.
    return points, np.unwrap(np.arctan2(roll[:, 1, 0], roll[:, 0, 0])), angle * nearest * np.cos(steepest)


def _looked_at(places: np.ndarray, forward: np.ndarray, depth: float, angle: float) -> np.ndarray:
    """The subject (T, 3): on each line of sight, nearest to the point that all lines pass at the least distance.

    That point itself, T times, where the lines meet in it. A weak pull to the middle ground settles lines that are
    parallel; where the point lies behind the camera or very near, the subject keeps the scene's depth.
    """
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]
    weak = 1e-6 * len(places)
    middle = (places + depth * forward).mean(0)
    meet = np.linalg.solve(across.sum(0) + weak * np.eye(3), (across @ places[..., None]).sum(0)[:, 0] + weak * middle)
    ahead = ((meet - places) * forward).sum(1)
    if ahead.min() < 0.1 * depth:
        return places + depth * forward
    points = places + ahead[:, None] * forward
    off = np.linalg.norm(points - meet, axis=1) / ahead
    return np.repeat(meet[None], len(points), 0) if off.max() < angle else points


def _level(forward: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3) of cameras that look along the unit vectors `forward` (T, 3), their horizon level."""
    up = np.array([0.0, 0.0, 1.0]) - forward * forward[:, 2:]
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    return np.stack([np.cross(forward, up), up, -forward], -1)
