"""Dense cameras to sparse Bézier keys: the curves that an animator edits.

Blender's F-curve between two keys is a cubic Bézier in (frame, value). With both handles at a third of the interval
the frame is linear in the curve's parameter, so the value is a plain cubic of the frame with the slopes of the
handles: a C1 Hermite spline. Handles are aligned, horizontal at holds, and never longer than a third of their interval.
`dollygrip.keyframes` places the keys.
"""

from collections.abc import Callable, Sequence
from math import radians

import attrs
import numpy as np

from dollygrip.keyframes import key_frames
from dollygrip.splines import c2_slopes, hermite

LENS_TOLERANCE = 0.002  # relative
SHIFT_TOLERANCE = 5e-4  # lens shift, in the image's fitted side: a quarter of a pixel at 512
_MARGIN = 0.98  # of every bound is used: the rest is for resting channels, single precision, angles to first order
_RESTING = 0.01  # of the bound: a camera or a channel that moves less has one key

Channel = tuple[str, int]


@attrs.frozen(eq=False)
class BezierKeys:
    """Keys of one F-curve. frames (K,), values (K,); left, right (K, 2): the handles as (frame, value)."""

    frames: np.ndarray
    values: np.ndarray
    left: np.ndarray
    right: np.ndarray


@attrs.frozen(eq=False)
class _Group:
    """Channels that share their key frames: samples (T, C) in `bounds` (C,), how far each channel alone may be off.

    violation: fitted and true samples, (N, C) each -> (N,), their difference in units of the bound.
    """

    channels: list[Channel]
    samples: np.ndarray
    bounds: np.ndarray
    violation: Callable[[np.ndarray, np.ndarray], np.ndarray]


def fit_channels(
    location: np.ndarray,
    rotation: np.ndarray,
    lens: np.ndarray,
    shift: np.ndarray,
    frame_start: int,
    position_tolerance: float,
    angle_tolerance: float = radians(0.15),
    lens_tolerance: float = LENS_TOLERANCE,
    shift_tolerance: float = SHIFT_TOLERANCE,
    held: Sequence[int] = (),
    smooth: bool = False,
) -> dict[Channel, BezierKeys]:
    """Fit a dense camera, one sample a frame, with Bézier keys within an error bound at every frame.

    location (T, 3) and position_tolerance share one unit (the bound is on the distance). rotation: (T, 3) Euler angles
    in radians, 'XYZ', or (T, 4) unit quaternions (w, x, y, z), continuous either way; angle_tolerance in radians bounds
    the angle between the orientations; lens (T,) in millimetres with a relative bound; shift (T, 2) with one in the
    image's fitted side. Location and rotation share their key frames, as an animator poses a camera, so that poses can
    be moved in time and parts be cut out; they have keys at the frames `held`. Returns the keys by (data path, array
    index); a channel that does not move has a single key. smooth: let the pieces join without a jump of acceleration,
    at the cost of some keys.
    """
    groups = (
        _pose(np.asarray(location, float), np.asarray(rotation, float), position_tolerance, angle_tolerance),
        _lens(np.asarray(lens, float), lens_tolerance),
        _shift(np.asarray(shift, float), shift_tolerance),
    )
    fixed = [frame - frame_start for frame in held], [], []
    fitted = (_fit_group(group, frame_start, at, smooth) for group, at in zip(groups, fixed, strict=True))
    return {channel: keys for group in fitted for channel, keys in group.items()}


def evaluate(keys: BezierKeys, frames: np.ndarray) -> np.ndarray:
    """The value of the F-curve at `frames` (N,), for handles at a third of the interval as `fit_channels` sets them."""
    if len(keys.frames) == 1:
        return np.full(len(frames), keys.values[0])
    slopes = np.empty(len(keys.frames))
    slopes[:-1] = (keys.right[:-1, 1] - keys.values[:-1]) / (keys.right[:-1, 0] - keys.frames[:-1])
    slopes[-1] = (keys.values[-1] - keys.left[-1, 1]) / (keys.frames[-1] - keys.left[-1, 0])
    return hermite(keys.frames, keys.values[:, None], slopes[:, None], np.asarray(frames, float))[:, 0]


def _pose(location: np.ndarray, rotation: np.ndarray, position_tolerance: float, angle_tolerance: float) -> _Group:
    quaternion = rotation.shape[1] == 4
    angle = _angle_of_quaternions if quaternion else _angle_of_eulers
    name = "rotation_quaternion" if quaternion else "rotation_euler"
    channels = [("location", i) for i in range(3)] + [(name, i) for i in range(rotation.shape[1])]
    turn = angle_tolerance / 2 if quaternion else angle_tolerance
    bounds = np.array([position_tolerance] * 3 + [turn] * rotation.shape[1])

    def violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(fit[:, :3] - true[:, :3], axis=1)
        return np.maximum(distance / position_tolerance, angle(fit[:, 3:], true[:, 3:]) / angle_tolerance)

    return _Group(channels, np.concatenate([location, rotation], 1), bounds, violation)


def _lens(lens: np.ndarray, tolerance: float) -> _Group:
    def violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.abs(fit - true)[:, 0] / (tolerance * true[:, 0])

    return _Group([("lens", 0)], lens[:, None], np.array([tolerance * lens.min()]), violation)


def _shift(shift: np.ndarray, tolerance: float) -> _Group:
    def violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.abs(fit - true).max(1) / tolerance

    return _Group([("shift_x", 0), ("shift_y", 0)], shift, np.full(2, tolerance), violation)


def _angle_of_eulers(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angle between XYZ Euler orientations (N, 3) to first order: |body rates|, where x and z share sin(y)."""
    dx, dy, dz = (fit - true).T
    return np.sqrt(np.maximum(dx * dx + dy * dy + dz * dz - 2 * np.sin(true[:, 1]) * dx * dz, 0))


def _angle_of_quaternions(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angle between quaternions (N, 4): `fit` is normalised when it is evaluated, as Blender does."""
    along = np.abs(np.sum(fit * true, 1))
    across = np.linalg.norm(fit - np.sum(fit * true, 1)[:, None] * true, axis=1)
    return 2 * np.arctan2(across, along)


def _fit_group(
    group: _Group, frame_start: int, fixed: Sequence[int], smooth: bool = False
) -> dict[Channel, BezierKeys]:
    """Keys of a group's channels: those that rest have one, the others share their frames, `fixed` samples included."""
    samples = group.samples
    still = np.ptp(samples, axis=0) <= _RESTING * group.bounds
    resting = np.where(still, samples[0], samples)
    if len(samples) == 1 or group.violation(np.repeat(samples[:1], len(samples), 0), samples).max() <= _RESTING:
        still[:] = True
    if still.all():
        return {channel: _single_key(samples[0, i], frame_start) for i, channel in enumerate(group.channels)}

    def violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        return group.violation(fit, true) / _MARGIN

    keys, slopes = key_frames(resting, violation, group.bounds, fixed)
    if smooth:
        keys, slopes = _joined_smoothly(keys, resting, violation)
    fitted = {}
    for i, channel in enumerate(group.channels):
        if still[i]:
            fitted[channel] = _single_key(samples[0, i], frame_start)
        else:
            fitted[channel] = _as_bezier(keys, samples[keys, i], slopes[:, i], frame_start)
    return fitted


def _joined_smoothly(
    keys: np.ndarray, samples: np.ndarray, violation: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Keys and slopes of a C2 spline: these keys, and one more at the worst frame until the bound is kept."""
    frames = np.arange(len(samples))
    while True:
        slopes = c2_slopes(keys, samples)
        off = violation(hermite(keys, samples[keys], slopes, frames), samples)
        if off.max() <= 1:
            return keys, slopes
        keys = np.union1d(keys, off.argmax())


def _single_key(value: float, frame_start: int) -> BezierKeys:
    return _as_bezier(np.zeros(1), np.array([value]), np.zeros(1), frame_start)


def _as_bezier(keys: np.ndarray, values: np.ndarray, slopes: np.ndarray, frame_start: int) -> BezierKeys:
    """Hermite slopes to handles at a third of each interval; outer handles mirror the inner ones."""
    frames = keys + float(frame_start)
    gaps = np.diff(frames) if len(keys) > 1 else np.ones(1)
    before, after = np.concatenate([gaps[:1], gaps]) / 3, np.concatenate([gaps, gaps[-1:]]) / 3
    before, after = before[: len(keys)], after[: len(keys)]
    left = np.stack([frames - before, values - slopes * before], 1)
    right = np.stack([frames + after, values + slopes * after], 1)
    return BezierKeys(frames, np.array(values, float), left, right)
