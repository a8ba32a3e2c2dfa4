"""A predicted part joined into a camera that goes on around it: exact at the borders, whatever was predicted.

The part keeps its own shape; what is amiss at the borders and at poses in between is added to it as a smooth
correction. Offsets pass into each other by minimum jerk (Flash and Hogan 1985), a difference in velocity dies away
within an easing time; both start and end without acceleration. Positions are corrected by vectors, rotations in the
Lie algebra of the predicted orientation: R(t) exp(theta(t)).
"""

from collections.abc import Sequence

import attrs
import numpy as np

from dollygrip.rotations import matrix_from_rotvec, rotvec_from_matrix
from dollygrip.splines import parabola_slopes


@attrs.frozen(eq=False)
class Knot:
    """What a spliced camera meets at a frame of the part.

    frame: index into the part; pose: (4, 4). velocity: (3,) position per frame, in the poses' world; spin: (3,) radians
    per frame about the camera's own axes; None where they are free.
    """

    frame: int
    pose: np.ndarray
    velocity: np.ndarray | None = None
    spin: np.ndarray | None = None


def splice(poses: np.ndarray, knots: Sequence[Knot], ease: float) -> np.ndarray:
    """Rigid poses (T, 4, 4), one a frame -> the same move through the knots, value and velocity.

    The part is first moved as a whole so that frame 0 stands at the first knot, which must be of frame 0; knots are in
    order. ease: frames within which a difference in velocity dies away, at most the way to the next knot. Behind the
    last knot the end is free and the camera coasts.
    """
    poses = np.array(poses, float)
    poses = knots[0].pose @ np.linalg.inv(poses[0]) @ poses
    at, place, turn = [knot.frame for knot in knots], poses[:, :3, 3], poses[:, :3, :3]
    offsets = np.stack([knot.pose[:3, 3] - place[knot.frame] for knot in knots])
    going = _velocity(place)
    slopes = [None if knot.velocity is None else knot.velocity - going[knot.frame] for knot in knots]
    out = poses.copy()
    out[:, :3, 3] += correction(at, offsets, slopes, len(poses), ease)
    angles, spins = [], []
    for knot in knots:
        theta = rotvec_from_matrix(turn[knot.frame].T @ knot.pose[:3, :3])
        angles.append(theta if not angles else _nearest_turn(theta, angles[-1]))
        if knot.spin is None:
            spins.append(None)
        else:
            carried = matrix_from_rotvec(-angles[-1]) @ _spin(turn, knot.frame)
            spins.append(_right_jacobian_inverse(angles[-1]) @ (knot.spin - carried))
    out[:, :3, :3] = turn @ matrix_from_rotvec(correction(at, np.stack(angles), spins, len(poses), ease))
    return out


def splice_values(
    values: np.ndarray, at: Sequence[int], wanted: np.ndarray, slopes: Sequence[np.ndarray | None], ease: float
) -> np.ndarray:
    """The same for values (T, C) that pass through `wanted` (K, C) at frames `at`, with slopes (C,) where given."""
    values, wanted = np.array(values, float), np.asarray(wanted, float)
    own = _velocity(values)
    off = [None if slope is None else slope - own[frame] for frame, slope in zip(at, slopes, strict=True)]
    return values + correction(at, wanted - values[list(at)], off, len(values), ease)


def correction(
    at: Sequence[int], offsets: np.ndarray, slopes: Sequence[np.ndarray | None], frames: int, ease: float
) -> np.ndarray:
    """(frames, C): smooth, with offsets (K, C) at frames `at` (K,), the first of them 0, and slopes (C,) where given.

    A slope that is not given is that of the parabola through three neighbours, 0 at the ends.
    """
    at = np.asarray(at, float)
    tangents = parabola_slopes(at, offsets)
    for i, slope in enumerate(slopes):
        if slope is not None:
            tangents[i] = slope
    out = np.empty((frames, offsets.shape[1]))
    times = np.arange(frames, dtype=float)
    for i in range(len(at) - 1):
        part = (times >= at[i]) & (times <= at[i + 1])
        t, gap = times[part][:, None] - at[i], at[i + 1] - at[i]
        fade = min(ease, gap)
        u = t / gap
        out[part] = offsets[i] + (offsets[i + 1] - offsets[i]) * u**3 * (10 - 15 * u + 6 * u * u)
        out[part] += fade * (tangents[i] * _bump(t / fade) - tangents[i + 1] * _bump((gap - t) / fade))
    rest = times >= at[-1]
    u = np.minimum((times[rest][:, None] - at[-1]) / ease, 1)
    out[rest] = offsets[-1] + ease * tangents[-1] * (u - u**3 + u**4 / 2)
    return out


def _bump(u: np.ndarray) -> np.ndarray:
    """Quintic on 0..1 of slope 1 at 0, with value, slope and second derivative 0 wherever else it ends; 0 beyond 1."""
    u = np.minimum(u, 1)
    return u - 6 * u**3 + 8 * u**4 - 3 * u**5


def _velocity(values: np.ndarray) -> np.ndarray:
    """(T, C) samples a frame apart -> (T, C) derivatives, of second order also at the ends."""
    if len(values) == 1:
        return np.zeros_like(values)
    return np.gradient(values, axis=0, edge_order=min(2, len(values) - 1))


def _spin(turn: np.ndarray, frame: int) -> np.ndarray:
    """(3,) radians per frame about the camera's own axes at a frame of rotations (T, 3, 3)."""
    first = int(np.clip(frame - 1, 0, max(0, len(turn) - 3)))
    near = turn[first : first + 3]
    return _velocity(rotvec_from_matrix(turn[frame].T @ near))[frame - first]


def _nearest_turn(theta: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Of the rotation vectors of one rotation the one nearest to that of the knot before."""
    angle = float(np.linalg.norm(theta))
    if angle < 1e-9:
        return theta
    other = theta * (1 - 2 * np.pi / angle)
    return min((theta, other), key=lambda vector: float(np.linalg.norm(vector - before)))


def _right_jacobian_inverse(theta: np.ndarray) -> np.ndarray:
    """(3, 3) that takes a body rate to the rate of the rotation vector (Sola 2018, A micro Lie theory, eq. 144)."""
    angle = float(np.linalg.norm(theta))
    x, y, z = theta
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if angle < 1e-4:
        return np.eye(3) + cross / 2 + cross @ cross / 12
    factor = 1 / angle**2 - 1 / (2 * angle * np.tan(angle / 2))
    return np.eye(3) + cross / 2 + factor * cross @ cross
