"""How much of a take's frame its picture fills: not all, where the scene has another shape than for its prediction."""

import json

import bpy
import numpy as np

from dollygrip.conventions import intrinsics_from_lens

from .. import compat
from ..camera import camera
from . import takes, written

_FILLED = 0.9  # from which on it goes without saying


def share_filled(
    scene: bpy.types.Scene, shot: bpy.types.Object, take: bpy.types.Action, picture: tuple[int, int]
) -> float:
    """How much of the take's first frame, 0 to 1, its reference fills by its lens; 1 where that lens is not known.

    picture: (width, height) of the reference.
    """
    pose = camera.reference_pose(json.loads(take[takes.KEY]["meta"]))
    if pose is None:
        return 1.0
    curve, sensor = compat.lens_curves(take).find("lens"), camera.sensor_of(scene, shot.data)
    lens = curve.evaluate(takes.frame_range(take)[0]) if curve else shot.data.lens
    seen = intrinsics_from_lens([lens], [(0.0, 0.0)], sensor)[0, :2]
    taken = camera.in_picture(np.array([pose["intrinsics"]]), tuple(take[takes.KEY]["size"]), picture)[0, :2]
    return float(np.minimum(1.0, np.array(picture) * seen / taken / sensor.size).prod())


def said(
    scene: bpy.types.Scene, shot: bpy.types.Object, take: bpy.types.Action, picture: tuple[int, int] | None
) -> str:
    """That a take's first frame shows much beyond its reference, and the way out; "" where it does not."""
    filled = share_filled(scene, shot, take, picture) if picture else 1.0
    if filled >= _FILLED:
        return ""
    edited = written.is_edited(take)
    way_out = "predict again, or lengthen the lens" if edited else "Refit from Prediction fits the lens"
    return f"The picture fills only {filled:.0%} of the first frame, the rest is guessed: {way_out}."
