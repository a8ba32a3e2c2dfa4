"""A predicted trajectory becomes a part of a take: its keys between two cuts, joined to the curves on both sides."""

from collections.abc import Callable

import attrs
import bpy
import numpy as np

from dollygrip.conventions import blender_from_c2w, c2w_from_blender
from dollygrip.curves import Channel
from dollygrip.errors import InputError
from dollygrip.splice import Knot, fit_between, splice, splice_values
from dollygrip.trajectory import Trajectory

from . import camera, compat, curve_parts, pose_channels, rigs

EASE = 1.5  # seconds within which a difference in speed at a border dies away
_LENS = ("lens", 0)
_LENS_TOLERANCE = 0.002  # relative
_ZOOMS = 0.01  # as log of the focal length: less is no zoom
_STILL = 1e-6  # of a channel's own size: less is no motion


@attrs.frozen
class Span:
    """A part of a take from cut to cut. opens, ends: whether no key lies before or behind it; locked: frames of keys
    inside that are to be kept."""

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


def span_of(curves: list[bpy.types.FCurve], first: int, last: int) -> Span:
    """The part first..last of pose curves, made longer until every one of them can be cut at both ends.

    Raises InputError where that cannot be, or where the part is too short.
    """
    asked = first, last
    while stuck := [curve for curve in curves if not curve_parts.can_cut(curve, first)]:
        first = min(curve_parts.previous_cut(curve, first, -1) for curve in stuck)
    while stuck := [curve for curve in curves if not curve_parts.can_cut(curve, last)]:
        last = max(curve_parts.previous_cut(curve, last, 1) for curve in stuck)
    if last - first < 2:
        raise InputError(f"The part from frame {asked[0]} to {asked[1]} is too short.", "Choose at least 3 frames.")
    keys = [curve_parts.read(curve) for curve in curves]
    frames = np.concatenate([k["co"][:, 0] for k in keys if len(k["co"]) > 1] or [np.zeros(0)])
    marked = np.concatenate([k["co"][k["type"] == curve_parts.LOCKED, 0] for k in keys] or [np.zeros(0)])
    locked = {round(frame) for frame in marked.tolist() if first < round(frame) < last}
    return Span(first, last, not (frames < first).any(), not (frames > last).any(), tuple(sorted(locked)))


def complete(action: bpy.types.Action, shot: bpy.types.Object) -> None:
    """Give a take that its camera shows a key for every channel that it leaves to the camera's own settings.

    It then stays as it is when another take moves them. Raises InputError for a muted curve.
    """
    for name in [*pose_channels.names_of(shot), _LENS]:
        _curve(action, shot, name)


@attrs.frozen(eq=False)
class Joined:
    """What a join made of its part: poses c2w (n, 4, 4) in metres, lens (n,) relative to the first frame's.

    said: what could not be as predicted, or "".
    """

    c2w: np.ndarray
    zoom: np.ndarray
    said: str


def join(
    context: bpy.types.Context,
    shot: bpy.types.Object,
    action: bpy.types.Action,
    span: Span,
    predicted: Trajectory,
    depth: float,
) -> Joined:
    """Rewrite a take that the camera shows between the cuts of `span`, so that it moves as predicted there.

    predicted: span.frames poses from the first cut on, in metres; depth: the scene's, in metres. What stands outside
    of the part is not touched; both borders are met in value and velocity, locked keys in value.
    """
    unit, mode = context.scene.unit_settings.scale_length, shot.rotation_mode
    names = pose_channels.names_of(shot)
    curves = [_curve(action, shot, name) for name in names]
    parents = rigs.poses(context, shot, (span.first, span.last))[1]
    at = [0, *(frame - span.first for frame in span.met)]
    given = np.array([[curve_parts.value_at(curve, span.first + i) for curve in curves] for i in at])
    start = c2w_from_blender((parents[0] @ pose_channels.matrices(given[:1], mode)[0])[None], unit)[0]
    world = blender_from_c2w(start @ predicted.relative().c2w, unit)
    local = blender_from_c2w(c2w_from_blender(np.linalg.inv(parents) @ world))
    borders = _border_slopes(curves, span)
    knots = [Knot(i, pose) for i, pose in zip(at, pose_channels.matrices(given, mode), strict=True)]
    for place, slope in zip((0, -1), borders, strict=True):
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
    _write(curves, span, values, given, borders, violation)
    zoom, said = _join_lens(action, shot, span, predicted, ease)
    for curve in compat.take_curves(action):  # all new keys are selected, which would say nothing
        curve_parts.deselect(curve)
    return Joined(c2w_from_blender(parents @ local, unit), zoom, said)


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


def _join_lens(
    action: bpy.types.Action, shot: bpy.types.Object, span: Span, predicted: Trajectory, ease: float
) -> tuple[np.ndarray, str]:
    """The lens zooms as predicted, in the same way, where its curve can be cut; else it is left as it is, and said."""
    curve = _curve(action, shot, _LENS)
    asked = predicted.intrinsics[:, 0] / predicted.intrinsics[0, 0]
    if not all(curve_parts.can_cut(curve, frame) for frame in (span.first, span.last)):
        now = np.array([curve_parts.value_at(curve, frame) for frame in range(span.first, span.last + 1)])
        kept = f" The lens stays as it was: it has no key at both frame {span.first} and {span.last}."
        return now / now[0], kept if np.abs(np.log(asked)).max() > _ZOOMS else ""
    keys = [p.co.x for p in curve.keyframe_points]
    ends = len(keys) < 2 or max(keys) <= span.last
    at = [0] if span.ends and ends else [0, span.frames - 1]
    given = np.array([[curve_parts.value_at(curve, span.first + i)] for i in at])
    borders = _border_slopes([curve], attrs.evolve(span, ends=len(at) == 1))
    slopes = [None if slope is None else slope / value for slope, value in zip(borders, given, strict=False)]
    log = splice_values(np.log(asked)[:, None] + np.log(given[0]), at, np.log(given), slopes, ease)
    _write(
        [curve],
        attrs.evolve(span, ends=len(at) == 1, locked=()),
        np.exp(log),
        given,
        borders,
        lambda fit, true: np.abs(fit - true)[:, 0] / (_LENS_TOLERANCE * true[:, 0]),
    )
    return np.exp(log[:, 0] - log[0, 0]), ""
