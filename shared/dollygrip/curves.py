"""Dense cameras to sparse Bézier keys: the curves that an animator edits.

Blender's F-curve between two keys is a cubic Bézier in (frame, value). With both handles at a third of the interval
the frame is linear in the curve's parameter, so the value is a plain cubic of the frame with the slopes of the
handles: a C1 Hermite spline. Keys lie on the dense camera exactly; the slopes are those of least squares over the
frames between (a tridiagonal system); keys are added where the pose error is largest until it is within bounds
everywhere, then those that turn out superfluous are taken out again.
"""

from collections.abc import Callable
from math import radians

import attrs
import numpy as np

from dollygrip.splines import solve_tridiagonal

SHIFT_TOLERANCE = 5e-4  # lens shift, in the image's fitted side: a quarter of a pixel at 512
_PRUNING_BUDGET = 40_000  # frames evaluated while taking keys out again: bounds the time for very long cameras
_SLOPE_TRUST = 0.1  # weight of the samples' own slope at a key beside least squares: fewer hitches in the speed
_LONGEST_FIRST_SPAN = 200  # frames; a long camera starts with keys this far apart, which saves rounds

Channel = tuple[str, int]
Violation = Callable[[np.ndarray, np.ndarray], np.ndarray]


@attrs.frozen(eq=False)
class BezierKeys:
    """Keys of one F-curve. frames (K,), values (K,); left, right (K, 2): the handles as (frame, value)."""

    frames: np.ndarray
    values: np.ndarray
    left: np.ndarray
    right: np.ndarray


def fit_channels(
    location: np.ndarray,
    euler: np.ndarray,
    lens: np.ndarray,
    shift: np.ndarray,
    frame_start: int,
    position_tolerance: float,
    angle_tolerance: float = radians(0.15),
    lens_tolerance: float = 0.002,
) -> dict[Channel, BezierKeys]:
    """Fit a dense camera, one sample a frame, with Bézier keys within an error bound at every frame.

    location (T, 3) and position_tolerance share one unit (the bound is on the distance); euler (T, 3) in radians,
    'XYZ', continuous; angle_tolerance in radians bounds the angle between the orientations; lens (T,) in millimetres
    with a relative bound; shift (T, 2). Location and rotation share their key frames, as an animator poses a camera.
    Returns the keys by (data path, array index); a channel that does not move has a single key.
    """
    pose = np.concatenate([location, euler], 1)

    def pose_violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(fit[:, :3] - true[:, :3], axis=1)
        dx, dy, dz = (fit[:, 3:] - true[:, 3:]).T
        # Angle between two XYZ Euler orientations to first order: |body rates|, where x and z share sin(y).
        angle = np.sqrt(np.maximum(dx * dx + dy * dy + dz * dz - 2 * np.sin(true[:, 4]) * dx * dz, 0))
        return np.maximum(distance / position_tolerance, angle / angle_tolerance)

    def lens_violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.abs(fit - true)[:, 0] / (lens_tolerance * true[:, 0])

    def shift_violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.abs(fit - true).max(1) / SHIFT_TOLERANCE

    names = [[("location", i) for i in range(3)] + [("rotation_euler", i) for i in range(3)], [("lens", 0)]]
    names.append([("shift_x", 0), ("shift_y", 0)])
    fitted: dict[Channel, BezierKeys] = {}
    groups = zip(names, (pose, lens[:, None], shift), (pose_violation, lens_violation, shift_violation), strict=True)
    for channels, values, violation in groups:
        fitted |= _fit_group(channels, np.asarray(values, float), violation, frame_start)
    return fitted


def evaluate(keys: BezierKeys, frames: np.ndarray) -> np.ndarray:
    """The value of the F-curve at `frames` (N,), for handles at a third of the interval as `fit_channels` sets them."""
    if len(keys.frames) == 1:
        return np.full(len(frames), keys.values[0])
    slopes = np.empty(len(keys.frames))
    slopes[:-1] = (keys.right[:-1, 1] - keys.values[:-1]) / (keys.right[:-1, 0] - keys.frames[:-1])
    slopes[-1] = (keys.values[-1] - keys.left[-1, 1]) / (keys.frames[-1] - keys.left[-1, 0])
    return _hermite(keys.frames, keys.values[:, None], slopes[:, None], np.asarray(frames, float))[:, 0]


def _fit_group(
    channels: list[Channel], values: np.ndarray, violation: Violation, frame_start: int
) -> dict[Channel, BezierKeys]:
    still = np.ptp(values, axis=0) <= 1e-9 * np.maximum(1.0, np.abs(values[0]))
    resting = np.repeat(values[:1], len(values), 0)
    if len(values) == 1 or violation(resting, values).max() <= 0.05:
        still[:] = True
    keys, slopes = (np.array([0]), None) if still.all() else _key_frames(values, violation)
    fitted = {}
    for i, channel in enumerate(channels):
        if still[i]:
            fitted[channel] = _as_bezier(np.array([0]), values[:1, i], np.zeros(1), frame_start)
        else:
            fitted[channel] = _as_bezier(keys, values[keys, i], slopes[:, i], frame_start)
    return fitted


def _key_frames(values: np.ndarray, violation: Violation) -> tuple[np.ndarray, np.ndarray]:
    """Frames (K,) of the keys, first and last included, and their least-squares slopes (K, C) per frame."""
    own = np.gradient(values, axis=0, edge_order=min(2, len(values) - 1))
    spans = 1 + (len(values) - 2) // _LONGEST_FIRST_SPAN
    keys = np.linspace(0, len(values) - 1, spans + 1).astype(int)
    slopes, error = _fit_slopes(keys, values, own, violation)
    while error.max() > 1:
        worst = np.maximum.reduceat(error, keys[:-1])
        added = [a + int(np.argmax(error[a:b])) for a, b in zip(keys[:-1][worst > 1], keys[1:][worst > 1], strict=True)]
        keys = np.union1d(keys, added)
        slopes, error = _fit_slopes(keys, values, own, violation)
    trials = min(_PRUNING_BUDGET // len(values), len(keys) - 2)
    gaps = keys[2:] - keys[:-2]
    for key in keys[1:-1][np.argsort(gaps, kind="stable")][:trials]:
        fewer = keys[keys != key]
        fewer_slopes, error = _fit_slopes(fewer, values, own, violation)
        if error.max() <= 1:
            keys, slopes = fewer, fewer_slopes
    return keys, slopes


def _fit_slopes(
    keys: np.ndarray, values: np.ndarray, own: np.ndarray, violation: Violation
) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares slopes (K, C) for keys that lie on the samples, and the violation (T,) of every sample.

    own (T, C): the samples' own slopes.
    """
    frames = np.arange(len(values), dtype=float)
    segment = np.clip(np.searchsorted(keys, frames, side="right") - 1, 0, len(keys) - 2)
    length = np.diff(keys)[segment].astype(float)
    t = (frames - keys[segment]) / length
    from_left, from_right = t * (1 - t) ** 2 * length, -(t**2) * (1 - t) * length
    blend = (t * t * (3 - 2 * t))[:, None]
    at_keys = values[keys]
    rest = values - (at_keys[segment] * (1 - blend) + at_keys[segment + 1] * blend)

    def per_segment(a: np.ndarray) -> np.ndarray:
        return np.add.reduceat(a, keys[:-1], axis=0)

    # The samples' own slope counts too, as much as `trust` of the samples around: a smooth speed is worth a key.
    diagonal = np.zeros(len(keys))
    diagonal[:-1] += per_segment(from_left**2)
    diagonal[1:] += per_segment(from_right**2)
    prior = _SLOPE_TRUST * diagonal + 1e-6
    diagonal += prior
    off = per_segment(from_left * from_right)
    rhs = own[keys] * prior[:, None]
    rhs[:-1] += per_segment(from_left[:, None] * rest)
    rhs[1:] += per_segment(from_right[:, None] * rest)
    slopes = solve_tridiagonal(off, diagonal, off, rhs)
    fit = values - rest + from_left[:, None] * slopes[segment] + from_right[:, None] * slopes[segment + 1]
    return slopes, violation(fit, values)


def _hermite(keys: np.ndarray, values: np.ndarray, slopes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic Hermite spline, held before the first and after the last key: (N,) frames -> (N, C)."""
    at = np.clip(at, keys[0], keys[-1])
    segment = np.clip(np.searchsorted(keys, at, side="right") - 1, 0, len(keys) - 2)
    length = (keys[segment + 1] - keys[segment])[:, None]
    t = (at[:, None] - keys[segment][:, None]) / length
    blend = t * t * (3 - 2 * t)
    tangents = t * (1 - t) ** 2 * slopes[segment] - t * t * (1 - t) * slopes[segment + 1]
    return values[segment] * (1 - blend) + values[segment + 1] * blend + tangents * length


def _as_bezier(keys: np.ndarray, values: np.ndarray, slopes: np.ndarray, frame_start: int) -> BezierKeys:
    """Hermite slopes to handles at a third of each interval; outer handles mirror the inner ones."""
    frames = keys + float(frame_start)
    gaps = np.diff(frames) if len(keys) > 1 else np.ones(1)
    before, after = np.concatenate([gaps[:1], gaps]) / 3, np.concatenate([gaps, gaps[-1:]]) / 3
    before, after = before[: len(keys)], after[: len(keys)]
    left = np.stack([frames - before, values - slopes * before], 1)
    right = np.stack([frames + after, values + slopes * after], 1)
    return BezierKeys(frames, np.array(values, float), left, right)
