"""A curve that was divided by new keys gives the very values that it gave before, on every whole frame.

A divided Bézier has the same shape, but single precision rounds its values anew. The handles of a piece are nudged by
their last bits until each value is what it was; a piece that is too long for that is divided again in the middle.
"""

from collections.abc import Callable

import bpy
import numpy as np

_TRIES = 2000  # of nudges of one piece: some hundredths of a second, enough for about 15 frames
_STEPS = 2  # of single precision that a handle is nudged by at most; more would only take it away

Divide = Callable[[bpy.types.FCurve, int, float], None]


def hold(curve: bpy.types.FCurve, first: float, last: float, values: dict[int, float], divide: Divide) -> None:
    """Let the stretch between the keys at first and last have these values at whole frames, to the bit.

    The curve must have them but for rounding; divide(curve, frame, value) inserts a key and keeps the shape. At worst
    every frame gets a key.
    """
    here = {frame: value for frame, value in values.items() if first < frame < last}
    if _nudged(curve, first, last, here):
        return
    middle = sorted(here)[len(here) // 2]
    divide(curve, middle, here[middle])
    hold(curve, first, middle, here, divide)
    hold(curve, middle, last, here, divide)


def _nudged(curve: bpy.types.FCurve, first: float, last: float, values: dict[int, float]) -> bool:
    """Whether the piece has these values, perhaps after its two handles were nudged; if not they are as before."""

    def same() -> bool:
        return all(curve.evaluate(frame) == value for frame, value in values.items())

    if same():
        return True
    times = np.array([point.co.x for point in curve.keyframe_points])
    a, b = (curve.keyframe_points[int(np.abs(times - frame).argmin())] for frame in (first, last))
    if a.interpolation != "BEZIER":
        return False
    kept = np.array([a.handle_right, b.handle_left], np.float32)
    nudges = np.random.default_rng(0).integers(-_STEPS, _STEPS + 1, (_TRIES, 2, 2))
    for nudged in (kept + nudges * np.spacing(np.abs(kept))).tolist():
        a.handle_right, b.handle_left = nudged
        if same():
            return True
    a.handle_right, b.handle_left = kept.tolist()
    return False
