"""New keys for a take on its own frames, where keys outside of them, locks and modifiers stay."""

import bpy
import numpy as np

from dollygrip.curves import BezierKeys
from dollygrip.errors import InputError

from .. import compat
from ..camera import curve_parts
from ..takes import takes

_NEAR = 1e-3  # frames, within which a key is on a frame


def check_order(camera: bpy.types.Object, action: bpy.types.Action) -> None:
    """Raise InputError where rotations in XYZ, which a rig or a new turn needs, would lose keys or modifiers."""
    if camera.rotation_mode == "XYZ":
        return
    first, last = takes.frame_range(action)
    for curve in [c for c in compat.object_curves(action) if c.data_path.startswith("rotation_")]:
        if curve.modifiers or any(not first - _NEAR <= p.co.x <= last + _NEAR for p in curve.keyframe_points):
            raise InputError(
                f"{curve_parts.name_of(curve)} has modifiers or keys outside of the take, which XYZ Euler would lose.",
                "Remove them, or set the take's range to all of its keys.",
            )


def _adds(modifier: bpy.types.FModifier) -> bool:
    """Whether what a modifier adds to a curve does not depend on its keys."""
    return modifier.type == "NOISE" and modifier.blend_type != "MULTIPLY"


def added(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """What modifiers add to the value of a curve on each frame, whatever its keys are."""
    active = [modifier for modifier in curve.modifiers if not modifier.mute]
    if not (active and all(map(_adds, active))):
        return np.zeros(len(frames))
    return np.array([curve.evaluate(frame) - curve_parts.value_at(curve, frame) for frame in frames.tolist()])


def put(curve: bpy.types.FCurve, keys: BezierKeys, first: int, last: int, locked: set[int]) -> None:
    """Let these be a curve's keys from `first` to `last`, those at `locked` frames marked so; keys outside stay."""
    old, frames = curve_parts.read(curve), _frames(curve)
    before, after = frames < first - _NEAR, frames > last + _NEAR
    curve.keyframe_points.clear()
    takes.write_keys(curve, keys)
    if len(keys.frames) == 1 and (before.any() or after.any()):
        curve.keyframe_points.insert(last, keys.values[0])
    new = curve_parts.read(curve)
    new["type"][np.isin(_frames(curve).round(), list(locked))] = curve_parts.LOCKED
    curve_parts.write(curve, {name: np.concatenate([old[name][before], new[name], old[name][after]]) for name in new})
    curve.mute = False


def _frames(curve: bpy.types.FCurve) -> np.ndarray:
    return curve_parts.read(curve)["co"][:, 0]
