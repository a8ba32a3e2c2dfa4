"""The path rig's geometry: a take's location curves as one Bézier curve object, and the way along it as a curve."""

from collections.abc import Callable

import bpy
import numpy as np

from dollygrip.curves import BezierKeys, evaluate, fit_channels
from dollygrip.errors import InputError


def build(
    name: str,
    curve: Callable[[np.ndarray], np.ndarray],
    key_frames: list[float],
    frames: np.ndarray,
    bound: float,
    smooth: bool,
) -> tuple[bpy.types.Object, BezierKeys]:
    """A path that no scene shows yet, and the keys of the share of its length, 0 to 1, that the camera has gone.

    curve: (N,) frames -> (N, 3) locations; key_frames: where it has keys; frames: (T,) of the take, 1 apart. The
    location that path and speed lead to is within twice the `bound`. smooth: the speed curve's acceleration does not
    jump. Raises InputError where the camera stays put.
    """
    knots, pieces = _pieces(curve, key_frames, frames, bound)
    # A chord of one n-th of a cubic lies within 6 |second difference of the control points| / (8 n²) of it.
    bend = np.linalg.norm(np.diff(pieces, 2, axis=1), axis=-1).max()
    steps = int(np.clip(np.ceil(np.sqrt(0.75 * bend / bound)), 12, 1024))
    line = _along(pieces, np.arange(len(pieces) * steps + 1) / steps)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    if way[-1] < 10 * bound:
        raise InputError("The camera stays where it is, so there is no path to ride.", "Use the aim rig instead.")
    at = np.interp(frames, knots, np.arange(len(knots))) * steps
    gone = np.interp(at, np.arange(len(way)), way)
    keys = _fitted(gone[:, None] * [1.0, 0.0, 0.0], frames, bound, smooth)[0]
    left, right = (np.stack([side[:, 0], side[:, 1] / way[-1]], 1) for side in (keys.left, keys.right))
    return bpy.data.objects.new(name, _object_data(name, pieces, steps)), BezierKeys(
        keys.frames, keys.values / way[-1], left, right
    )


def _pieces(
    curve: Callable[[np.ndarray], np.ndarray], key_frames: list[float], frames: np.ndarray, bound: float
) -> tuple[np.ndarray, np.ndarray]:
    """Frames (K,) of the path's points and control points (K - 1, 4, 3) of the cubics between them.

    Between two keys with handles at a third the curves are cubics of the frame, and so is the path: then its points
    are the take's keys. Other curves are fitted first. A take of one frame has no pieces to ride: InputError.
    """
    if len(frames) < 2:
        raise InputError("A take of one frame has no path to ride.", "Give the take a longer frame range.")
    dense = curve(frames)
    inner = {frame for frame in key_frames if frames[0] < frame < frames[-1]}
    knots = np.array(sorted({frames[0], frames[-1], *inner}))
    pieces = _cubics(curve, knots)
    at = np.interp(frames, knots, np.arange(len(knots)))
    if np.linalg.norm(_along(pieces, at) - dense, axis=1).max() <= bound:
        return knots, pieces
    fitted = _fitted(dense, frames, bound)
    knots = max((keys.frames for keys in fitted), key=len)
    return knots, _cubics(lambda at: np.stack([evaluate(keys, at) for keys in fitted], 1), knots)


def _fitted(places: np.ndarray, frames: np.ndarray, bound: float, smooth: bool = False) -> list[BezierKeys]:
    """Keys of the three coordinates of (T, 3) places."""
    still, count = np.zeros((len(frames), 3)), len(frames)
    fitted = fit_channels(places, still, np.ones(count), still[:, :2], int(frames[0]), bound, smooth=smooth)
    return [fitted["location", i] for i in range(3)]


def _cubics(curve: Callable[[np.ndarray], np.ndarray], knots: np.ndarray) -> np.ndarray:
    """Control points (K - 1, 4, C) of the cubics through a curve (N,) -> (N, C) at the thirds between its knots."""
    gaps = np.diff(knots)
    a, b, c, d = (curve(at) for at in (knots[:-1], knots[:-1] + gaps / 3, knots[:-1] + 2 * gaps / 3, knots[1:]))
    return np.stack([a, (-5 * a + 18 * b - 9 * c + 2 * d) / 6, (2 * a - 9 * b + 18 * c - 5 * d) / 6, d], 1)


def _along(pieces: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Points (N, 3) of a chain of cubics at N parameters, whole numbers being its knots."""
    piece = np.clip(at.astype(int), 0, len(pieces) - 1)
    u = (at - piece)[:, None]
    a, b, c, d = np.moveaxis(pieces[piece], 1, 0)
    return (1 - u) ** 3 * a + 3 * u * (1 - u) ** 2 * b + 3 * u * u * (1 - u) * c + u**3 * d


def _object_data(name: str, pieces: np.ndarray, steps: int) -> bpy.types.Curve:
    """The curve with a point at each knot; `steps` straight lines a piece are what Blender follows."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions, data.use_path, data.resolution_u = "3D", True, steps
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(len(pieces))
    places = np.concatenate([pieces[:, 0], pieces[-1:, 3]])
    before = np.concatenate([2 * pieces[:1, 0] - pieces[:1, 1], pieces[:, 2]])
    after = np.concatenate([pieces[:, 1], 2 * pieces[-1:, 3] - pieces[-1:, 2]])
    for point, place, left, right in zip(spline.bezier_points, places, before, after, strict=True):
        lengths, whole = (np.linalg.norm(place - left), np.linalg.norm(right - place)), np.linalg.norm(right - left)
        smooth = np.linalg.norm(np.cross(place - left, right - place)) < 1e-4 * whole**2
        smooth &= min(lengths) > 1e-3 * whole  # where the camera rests, Blender would give a handle of no length one
        point.handle_left_type = point.handle_right_type = "ALIGNED" if smooth else "FREE"
        point.co, point.handle_left, point.handle_right = place, left, right
    return data
