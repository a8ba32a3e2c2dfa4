"""A predicted trajectory becomes a part of a take: its keys between two cuts, joined to the curves on both sides."""

from collections.abc import Callable

import attrs
import bpy
import numpy as np

from dollygrip.conventions import blender_from_c2w, c2w_from_blender
from dollygrip.curves import Channel
from dollygrip.errors import InputError
from dollygrip.keyframes import fit_between
from dollygrip.splice import Knot, splice, splice_values
from dollygrip.trajectory import Trajectory

from .. import compat
from ..camera import camera, curve_parts, pose_channels
from ..rigs import rigs
from ..takes import takes

EASE = 1.5  # seconds within which a difference in speed at a border dies away
_LENS = ("lens", 0)
_LENS_TOLERANCE = 0.002  # relative
_STILL = 1e-6  # of a channel's own size: less is no motion


@attrs.frozen
class Span:
    """A part of a take. opens, ends: whether the shot begins or ends with it, and no key lies before or behind it;
    locked: frames of keys inside that are to be kept."""

    first: int
    last: int
    opens: bool
    ends: bool
    locked: tuple[int, ...]

    @property
    def frames(self) -> int:
        return self.last - self.first + 1

    @property
    def met(self) -> list[int]:
        """Frames inside and at the end whose pose is given."""
        return [*self.locked, *([] if self.ends else [self.last])]


def span_of(curves: list[bpy.types.FCurve], first: int, last: int, whole: tuple[int, int]) -> Span:
    """The part first..last of pose curves, of a shot with the frames `whole`; raises InputError for too short a one."""
    if last - first < 2:
        raise InputError(f"The part from frame {first} to {last} is too short.", "Choose at least 3 frames.")
    locked = {frame for frame in curve_parts.locked_frames(curves) if first < frame < last}
    opens, ends = _reach(curves, first, last)
    return Span(first, last, opens and first <= whole[0], ends and last >= whole[1], tuple(sorted(locked)))


def _reach(curves: list[bpy.types.FCurve], first: int, last: int) -> tuple[bool, bool]:
    """Whether no curve that moves has a key before `first`, and none behind `last`."""
    moving = [curve.keyframe_points for curve in curves if len(curve.keyframe_points) > 1]
    frames = np.array([point.co.x for points in moving for point in points])
    return not (frames < first).any(), not (frames > last).any()


def _of_lens(lens: bpy.types.FCurve, span: Span) -> Span:
    """The part as it is for the lens, whose curve may begin or end elsewhere than those of the pose."""
    opens, ends = _reach([lens], span.first, span.last)
    return attrs.evolve(span, opens=span.opens and opens, ends=span.ends and ends, locked=())


def check_borders(curves: list[bpy.types.FCurve], lens: bpy.types.FCurve | None, span: Span) -> None:
    """Raise InputError where pose curves, or that of the lens, cannot be cut at the borders of a part."""
    wanted = [(curve, span) for curve in curves] + ([(lens, _of_lens(lens, span))] if lens else [])
    curve_parts.check_cuts((curve, [own.first, *([] if own.ends else [own.last])]) for curve, own in wanted)


def _cut(curves: list[bpy.types.FCurve], span: Span, whole: tuple[int, int]) -> tuple[set[int], int]:
    """Cut curves at the borders of a part -> the frames where that took a new key, the number of all new keys."""
    last, before = None if span.ends else span.last, sum(len(curve.keyframe_points) for curve in curves)
    frames = {frame for curve in curves for frame in curve_parts.cut_out(curve, span.first, last, whole)}
    return frames, sum(len(curve.keyframe_points) for curve in curves) - before


def complete(action: bpy.types.Action, shot: bpy.types.Object) -> None:
    """Give a take that its camera shows a key for every channel that it leaves to the camera's own settings.

    It then stays as it is when another take moves them. Raises InputError for a muted curve.
    """
    for name in [*pose_channels.names_of(shot), _LENS]:
        _curve(action, shot, name)


@attrs.frozen(eq=False)
class Joined:
    """What a join made of its part: poses c2w (n, 4, 4) in metres, lens (n,) relative to the first frame's.

    added: borders at which channels got a key that they did not have; keys: how many these are, with those outside.
    """

    c2w: np.ndarray
    zoom: np.ndarray
    added: tuple[int, ...]
    keys: int


def join(
    context: bpy.types.Context,
    shot: bpy.types.Object,
    action: bpy.types.Action,
    span: Span,
    predicted: Trajectory,
    depth: float,
) -> Joined:
    """Rewrite a take that the camera shows within `span`, so that it moves as predicted there.

    predicted: span.frames poses from the first on, in metres; depth: the scene's, in metres. Both borders are met in
    value and velocity, locked keys in value. Outside the camera stays as it is on every frame of the take, bit for bit;
    channels that move and have no key at a border get one, and perhaps a few more outside that hold their values.
    """
    unit, mode = context.scene.unit_settings.scale_length, shot.rotation_mode
    names = pose_channels.names_of(shot)
    curves = [_curve(action, shot, name) for name in names]
    lens = _curve(action, shot, _LENS)
    of_lens, whole = _of_lens(lens, span), takes.frame_range(action)
    cuts = _cut(curves, span, whole), _cut([lens], of_lens, whole)
    added, keys = set.union(*(frames for frames, _ in cuts)), sum(count for _, count in cuts)
    parents = rigs.poses(context, shot, (span.first, span.last))[1]
    at = [0, *(frame - span.first for frame in span.met)]
    given = np.array([[curve_parts.value_at(curve, span.first + i) for curve in curves] for i in at])
    start = c2w_from_blender((parents[0] @ pose_channels.matrices(given[:1], mode)[0])[None], unit)[0]
    world = blender_from_c2w(start @ predicted.relative().c2w, unit)
    local = blender_from_c2w(c2w_from_blender(np.linalg.inv(parents) @ world))
    slopes = _border_slopes(curves, span)
    knots = [Knot(i, pose) for i, pose in zip(at, pose_channels.matrices(given, mode), strict=True)]
    for place, slope in zip((0, -1), slopes, strict=True):
        if slope is not None:
            knots[place] = attrs.evolve(
                knots[place],
                **dict(zip(("velocity", "spin"), pose_channels.rates(given[place], slope, mode), strict=True)),
            )
    ease = EASE * camera.scene_fps(context.scene)
    local = splice(local, knots, ease)
    values = pose_channels.values(local, mode, given)
    scale = np.linalg.norm(parents[:, :3, :3], axis=1).max()
    violation = _pose_violation(camera.POSITION_TOLERANCE * depth / unit / scale, mode)
    _write(curves, span, values, given, slopes, violation)
    zoom = _join_lens(lens, of_lens, predicted, ease)
    for curve in compat.take_curves(action):  # all new keys are selected, which would say nothing
        curve_parts.deselect(curve)
    return Joined(c2w_from_blender(parents @ local, unit), zoom, tuple(sorted(added)), keys)


def _curve(action: bpy.types.Action, shot: bpy.types.Object, name: Channel) -> bpy.types.FCurve:
    """A take's curve of this channel; a channel without one, or without keys, gets a key of what it is at."""
    lens = name == _LENS
    curves = compat.lens_curves(action) if lens else compat.object_curves(action)
    found = curves.find(name[0], index=name[1])
    if found is None:
        found = compat.new_fcurve(curves, *name, "Lens" if lens else "Camera")
    if not len(found.keyframe_points):
        held = shot.data.lens if lens else getattr(shot, name[0])[name[1]]
        found.keyframe_points.insert(0, held)
    if found.mute:
        raise InputError(f"{curve_parts.name_of(found)} is muted.", "Unmute it, or delete it.")
    return found


def _border_slopes(curves: list[bpy.types.FCurve], span: Span) -> list[np.ndarray | None]:
    """Slopes (C,) that the curves have outside of the first and the last frame; None where nothing lies there."""
    before = [curve_parts.slope_at(curve, span.first, -1) for curve in curves]
    after = [curve_parts.slope_at(curve, span.last, 1) for curve in curves]
    return [None if span.opens else np.array(before), None if span.ends else np.array(after)]


def _pose_violation(position: float, mode: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """How far poses are off, in tolerances; the angle is bounded from above by the channels' own differences."""

    def violation(fit: np.ndarray, true: np.ndarray) -> np.ndarray:
        off = np.abs(fit - true)
        far = np.linalg.norm(off[:, :3], axis=1) / position
        quaternion = mode == "QUATERNION"
        turned = 2 * np.linalg.norm(off[:, 3:], axis=1) if quaternion else off[:, 3:].sum(1)
        return np.maximum(far, turned / camera.ANGLE_TOLERANCE)

    return violation


def _write(
    curves: list[bpy.types.FCurve],
    span: Span,
    values: np.ndarray,
    given: np.ndarray,
    borders: list[np.ndarray | None],
    violation: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    """Fit channels (n, C) and write their keys; given: (K, C) at the first frame and those of span.met."""
    at = [0, *(frame - span.first for frame in span.met)]
    turned = np.abs(values[at] - given).max(1) > 1e-3  # the same pose by other angles
    values[[i for i, off in zip(at, turned, strict=True) if not off]] = given[~turned]
    full_circle = bool(turned[-1]) and not span.ends
    end = None if full_circle else borders[1]
    keys, slopes = fit_between(values, (borders[0], end), violation, at)
    frames = (span.first + keys).astype(float)
    if full_circle:
        frames[-1] -= curve_parts.TURN
    for i, curve in enumerate(curves):
        numbers = values[keys, i]
        if full_circle and abs(values[-1, i] - given[-1, i]) < 1e-6:
            numbers[-1] = given[-1, i]
        inside = [p.co.x for p in curve.keyframe_points if span.first < p.co.x < span.last]
        still = np.ptp(values[:, i]) <= _STILL * max(1.0, np.abs(values[:, i]).max())
        if not (still and not inside and np.abs(slopes[[0, -1], i]).max() < _STILL):
            curve_parts.replace(curve, frames, numbers, slopes[:, i], span.ends, set(span.locked))


def _join_lens(curve: bpy.types.FCurve, span: Span, predicted: Trajectory, ease: float) -> np.ndarray:
    """The lens zooms as predicted, joined in the same way -> (n,) relative to its first frame."""
    asked = predicted.intrinsics[:, 0] / predicted.intrinsics[0, 0]
    at = [0] if span.ends else [0, span.frames - 1]
    given = np.array([[curve_parts.value_at(curve, span.first + i)] for i in at])
    borders = _border_slopes([curve], span)
    slopes = [None if slope is None else slope / value for slope, value in zip(borders, given, strict=False)]
    log = splice_values(np.log(asked)[:, None] + np.log(given[0]), at, np.log(given), slopes, ease)
    _write(
        [curve],
        span,
        np.exp(log),
        given,
        borders,
        lambda fit, true: np.abs(fit - true)[:, 0] / (_LENS_TOLERANCE * true[:, 0]),
    )
    return np.exp(log[:, 0] - log[0, 0])
