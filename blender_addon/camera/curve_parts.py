"""Parts of F-curves: where a curve can be cut, how it goes there, and new keys between two cuts.

Everything outside of a part keeps its keys, handles and values bit for bit. Blender's own update of a curve computes
handles anew and may change their last bits, so keys are written as they are to be.
"""

from collections.abc import Iterable

import bpy
import numpy as np

from dollygrip.errors import InputError

from .. import compat
from . import exact
from .camera import muted

LOCKED = 1  # RNA value of Keyframe.type EXTREME
_ARRAYS = (
    ("co", 2, np.float32),
    ("handle_left", 2, np.float32),
    ("handle_right", 2, np.float32),
    ("handle_left_type", 1, np.int32),
    ("handle_right_type", 1, np.int32),
    ("interpolation", 1, np.int32),
    ("easing", 1, np.int32),
    ("type", 1, np.int32),
    ("back", 1, np.float32),
    ("amplitude", 1, np.float32),
    ("period", 1, np.float32),
    ("select_control_point", 1, bool),
    ("select_left_handle", 1, bool),
    ("select_right_handle", 1, bool),
)
_CONSTANT, _LINEAR, _BEZIER = 0, 1, 2  # RNA values of Keyframe.interpolation
_FREE, _AUTO, _VECTOR, _ALIGNED, _CLAMPED = range(5)  # of the handle types
_NEAR = 1e-3  # frames: nearer keys are at the frame
_SHAPELESS, _CROSSED = "it is not a Bézier there", "its handles reach far over each other"
TURN = 0.02  # frames before a cut at which a rotation that has turned full circle goes back to its old numbers

Keys = dict[str, np.ndarray]


def read(curve: bpy.types.FCurve) -> Keys:
    """All that there is to its keys, as arrays (K,) and (K, 2)."""
    points, keys = curve.keyframe_points, {}
    for name, width, kind in _ARRAYS:
        values = np.empty(len(points) * width, kind)
        points.foreach_get(name, values)
        keys[name] = values.reshape(-1, width) if width > 1 else values
    return keys


def write(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Make these the keys of a curve, to the bit."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(keys["co"]))
    for name, _, kind in _ARRAYS:
        points.foreach_set(name, np.ascontiguousarray(keys[name], kind).ravel())
    curve.id_data.update_tag()


def locked_frames(curves: Iterable[bpy.types.FCurve]) -> set[int]:
    """Frames at which any of these curves has a key that is marked as locked."""
    keys = [read(curve) for curve in curves]
    return {round(frame) for k in keys for frame in k["co"][k["type"] == LOCKED, 0].tolist()}


def deselect(curve: bpy.types.FCurve) -> None:
    for name in ("select_control_point", "select_left_handle", "select_right_handle"):
        curve.keyframe_points.foreach_set(name, np.zeros(len(curve.keyframe_points), bool))


def copy(source: bpy.types.FCurve, curves) -> None:
    """A copy of a curve with its modifiers among other F-curves."""
    group = source.group.name if source.group else "Camera"
    made = compat.new_fcurve(curves, source.data_path, source.array_index, group)
    made.extrapolation, made.mute, made.color_mode = source.extrapolation, source.mute, source.color_mode
    write(made, read(source))
    for modifier in source.modifiers:
        own = made.modifiers.new(modifier.type)
        for setting in modifier.bl_rna.properties:
            if not (setting.is_readonly or setting.type in {"POINTER", "COLLECTION"}):
                setattr(own, setting.identifier, getattr(modifier, setting.identifier))


def can_cut(curve: bpy.types.FCurve, frame: float) -> bool:
    """Whether a key can be at this frame without a change elsewhere: there is one, or the curve is level there."""
    keys = read(curve)
    x, y = keys["co"].T if len(keys["co"]) else (np.zeros(0), np.zeros(0))
    if not len(x) or np.abs(x - frame).min() < _NEAR:
        return True
    after = int(np.searchsorted(x, frame))
    if after in (0, len(x)):
        return curve.extrapolation == "CONSTANT" or len(x) == 1
    before, kind = after - 1, keys["interpolation"][after - 1]
    level = y[before] == y[after]
    if kind == _BEZIER:
        level &= keys["handle_right"][before, 1] == y[before] and keys["handle_left"][after, 1] == y[after]
    return bool(level or kind == _CONSTANT)


def check_cuts(wanted: Iterable[tuple[bpy.types.FCurve, list[int]]]) -> None:
    """Raise InputError where a curve cannot be cut at one of its frames, with all that it takes to cut them all."""
    obstacles = [
        (curve, frame, why)
        for curve, frames in wanted
        for frame in frames
        if not can_cut(curve, frame) and (why := _obstacle(read(curve), frame))
    ]
    if obstacles:
        curve, _, why = obstacles[0]
        own = [frame for other, frame, _ in obstacles if other == curve]
        raise _uncut(curve, own, why, sorted({frame for _, frame, _ in obstacles}))


def cut_out(curve: bpy.types.FCurve, first: int, last: int | None, whole: tuple[int, int]) -> list[int]:
    """Make sure that a curve can be cut at first and last, or at first alone -> which of them took a new key.

    Its shape is kept to single precision, and outside its values on those whole frames that lie in `whole` to the bit,
    for which it may get a few keys more. Raises InputError where no key can do that: the keys around are not Bézier or
    linear ones.
    """
    borders = [(first, -1)] if last is None else [(first, -1), (last, 1)]
    kept = []
    with muted(curve.modifiers):
        for frame, side in borders:
            if not can_cut(curve, frame):
                end = _neighbour(curve, frame, side)
                reach = max(int(end), whole[0]) if side < 0 else min(int(np.ceil(end)), whole[1] + 1)
                outer = range(reach, frame) if side < 0 else range(frame + 1, reach)
                kept.append((sorted((frame, end)), {f: curve.evaluate(f) for f in [frame, *outer]}, frame))
        for ends, values, frame in kept:
            divide(curve, frame, values[frame])
            exact.hold(curve, *ends, values, divide)
    return [frame for *_, frame in kept]


def _neighbour(curve: bpy.types.FCurve, frame: int, side: int) -> float:
    """Frame of the next key before (`side` -1) or after (1) a frame; raises InputError where there is none."""
    x = read(curve)["co"][:, 0]
    beyond = x[x < frame] if side < 0 else x[x > frame]
    if not len(beyond):
        raise _uncut(curve, [frame], _SHAPELESS, [frame])
    return float(beyond.max() if side < 0 else beyond.min())


def divide(curve: bpy.types.FCurve, frame: int, value: float) -> None:
    """A new key between two, with this value, that keeps the curve's shape to single precision, as Blender inserts one.

    A linear stretch becomes a straight Bézier. Raises InputError where no key can do that.
    """
    keys = read(curve)
    if why := _obstacle(keys, frame):
        raise _uncut(curve, [frame], why, [frame])
    after = int(np.searchsorted(keys["co"][:, 0], frame))
    before, (left, right) = after - 1, _halves(keys, after, frame)
    straight = keys["interpolation"][before] == _LINEAR
    new = _bezier([frame], [value], [0.0], [1.0], [1.0])
    new["handle_left"][0], new["handle_right"][0] = left[2], right[1]
    keys["handle_right"][before], keys["handle_left"][after] = left[1], right[2]
    keys["interpolation"][before] = _BEZIER
    for name in ("handle_left_type", "handle_right_type"):  # those that Blender sets would change the shape
        types = keys[name][[before, after]]
        loose = (types == _VECTOR) | straight
        keys[name][[before, after]] = np.select([loose, types != _FREE], [_FREE, _ALIGNED], types)
    write(curve, {name: np.insert(keys[name], after, new[name][0], axis=0) for name, _, _ in _ARRAYS})


def _obstacle(keys: Keys, frame: int) -> str:
    """Why no key at a frame between others can keep a curve's shape; "" where one can."""
    after = int(np.searchsorted(keys["co"][:, 0], frame))
    if after in (0, len(keys["co"])) or keys["interpolation"][after - 1] not in (_BEZIER, _LINEAR):
        return _SHAPELESS
    left, right = _halves(keys, after, frame)
    return _CROSSED if left[1, 0] > frame or right[2, 0] < frame else ""


def _uncut(curve: bpy.types.FCurve, frames: list[int], why: str, keyed: list[int]) -> InputError:
    """frames: where this curve cannot be cut; keyed: where the camera needs keys."""
    shorten = "Shorten them, or insert" if why == _CROSSED else "Insert"
    at, keyed_at = (" and ".join(map(str, numbers)) for numbers in (frames, keyed))
    return InputError(
        f"{name_of(curve)} cannot be cut at frame {at}: {why}.",
        f"{shorten} {'a key' if len(keyed) == 1 else 'keys'} for the camera at frame {keyed_at}.",
    )


def _halves(keys: Keys, after: int, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """Control points (4, 2) of both parts of the segment that ends with the key `after`, divided at a frame."""
    before = after - 1
    corners = [keys["co"][before], keys["handle_right"][before], keys["handle_left"][after], keys["co"][after]]
    points = np.array(corners, float)
    return _divided(_straight(points) if keys["interpolation"][before] == _LINEAR else points, frame)


def _divided(corners: np.ndarray, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """Control points (4, 2) of a Bézier segment -> those of its parts before and after a frame (de Casteljau).

    Handles that reach beyond the segment are shortened first, as Blender does.
    """
    a, b, c, d = corners
    length = d[0] - a[0]
    b, c = (end + (arm - end) / max(1.0, abs(arm[0] - end[0]) / length) for end, arm in ((a, b), (d, c)))
    low, high = 0.0, 1.0
    for _ in range(60):  # the frame grows with the parameter
        u = (low + high) / 2
        at = (1 - u) ** 3 * a[0] + 3 * u * (1 - u) ** 2 * b[0] + 3 * u * u * (1 - u) * c[0] + u**3 * d[0]
        low, high = (u, high) if at < frame else (low, u)
    ab, bc, cd = a + (b - a) * u, b + (c - b) * u, c + (d - c) * u
    abc, bcd = ab + (bc - ab) * u, bc + (cd - bc) * u
    middle = abc + (bcd - abc) * u
    return np.array([a, ab, abc, middle]), np.array([middle, bcd, cd, d])


def _straight(corners: np.ndarray) -> np.ndarray:
    """Control points (4, 2) of the straight line between the ends of a segment."""
    return corners[0] + (corners[3] - corners[0]) * np.arange(4)[:, None] / 3


def name_of(curve: bpy.types.FCurve) -> str:
    return f"The curve {curve.data_path} {curve.array_index}"


def value_at(curve: bpy.types.FCurve, frame: float) -> float:
    """The value that the keys give, modifiers left out."""
    with muted(curve.modifiers):
        return curve.evaluate(frame)


def slope_at(curve: bpy.types.FCurve, frame: float, side: int) -> float:
    """Value per frame that the curve has before (`side` -1) or after (1) a frame at which it can be cut."""
    keys = read(curve)
    x, y = keys["co"].T.astype(float) if len(keys["co"]) else (np.zeros(0), np.zeros(0))
    here = int(np.argmin(np.abs(x - frame))) if len(x) else -1
    if here < 0 or abs(x[here] - frame) >= _NEAR or not 0 <= here + side < len(x):
        return 0.0
    other = here + side
    kind = keys["interpolation"][min(here, other)]
    if kind == _CONSTANT:
        return 0.0
    if kind == _BEZIER:
        own, far = ("handle_left", "handle_right") if side < 0 else ("handle_right", "handle_left")
        for handle in (keys[own][here], keys[far][other]):
            if abs(handle[0] - frame) > _NEAR:
                return float((handle[1] - y[here]) / (handle[0] - x[here]))
    if kind in (_BEZIER, _LINEAR):
        return float((y[other] - y[here]) / (x[other] - x[here]))
    near = [value_at(curve, frame + side * step) for step in (0.0, 0.1, 0.2)]
    return side * (-3 * near[0] + 4 * near[1] - near[2]) / 0.2


def replace(
    curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray, slopes: np.ndarray, ends: bool, locked: set[int]
) -> None:
    """New Bézier keys at frames (K,), the first and last of which are cuts; what lay between them goes.

    ends: the last cut is the curve's end, and what lay behind it goes too; else the part ends in the key that is there,
    whose value the last one must have, or TURN before the cut, from where it is held. locked: keys that are marked so.
    """
    old = read(curve)
    gaps = np.diff(frames) / 3
    new = _bezier(frames, values, slopes, np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:]))
    new["type"][[round(frame) in locked for frame in frames]] = LOCKED
    x, last = old["co"][:, 0], float(np.ceil(frames[-1]))
    at = [np.flatnonzero(np.abs(x - frame) < _NEAR) for frame in (frames[0], last)]
    _join(new, 0, old, at[0], "left")
    before, after = x < frames[0] - _NEAR, (x > last + _NEAR) & (not ends)
    parts = [_some(old, before), new, _some(old, after)]
    if frames[-1] < last:
        new["interpolation"][-1] = _CONSTANT
        parts.insert(2, _some(old, at[1]) if len(at[1]) else _bezier([last], [_level(old, last)], [0.0], [0.3], [0.3]))
    elif not ends:
        _join(new, -1, old, at[1], "right")
    write(curve, {name: np.concatenate([part[name] for part in parts]) for name, _, _ in _ARRAYS})


def _level(keys: Keys, frame: float) -> float:
    """The value of a curve without a key at a frame where it can be cut."""
    return float(keys["co"][max(0, int(np.searchsorted(keys["co"][:, 0], frame)) - 1), 1])


def _join(new: Keys, index: int, old: Keys, at: np.ndarray, outer: str) -> None:
    """Let the new key at a cut be the old one on its outer side; where there is none the curve is level."""
    inner = "right" if outer == "left" else "left"
    if not len(at):
        before = np.flatnonzero(old["co"][:, 0] < new["co"][index, 0])
        if outer == "right" and len(before):
            new["interpolation"][index] = old["interpolation"][before[-1]]
        return
    place = int(at[0])
    for name in ("co", f"handle_{outer}", f"handle_{outer}_type", "type", "easing", "back", "amplitude", "period"):
        new[name][index] = old[name][place]
    if outer == "right":
        new["interpolation"][index] = old["interpolation"][place]
    arms = [new[f"handle_{side}"][index] - new["co"][index] for side in (outer, inner)]
    bend = abs(arms[0][0] * arms[1][1] - arms[0][1] * arms[1][0])
    straight = arms[0][0] * arms[1][0] < 0 and bend <= 1e-4 * np.linalg.norm(arms[0]) * np.linalg.norm(arms[1])
    kind = old[f"handle_{outer}_type"][place]
    if kind in (_AUTO, _CLAMPED, _ALIGNED):  # Blender would move them with the new neighbour
        new[f"handle_{outer}_type"][index] = _ALIGNED if straight else _FREE
    new[f"handle_{inner}_type"][index] = _ALIGNED if straight and kind not in (_FREE, _VECTOR) else _FREE


def _bezier(frames, values, slopes, before, after) -> Keys:
    """Keys with aligned handles that reach `before` and `after` frames (K,) to their sides."""
    frames, values, slopes, before, after = (np.asarray(a, float) for a in (frames, values, slopes, before, after))
    keys = {name: np.zeros((len(frames), width) if width > 1 else len(frames), kind) for name, width, kind in _ARRAYS}
    keys["co"] = np.stack([frames, values], 1).astype(np.float32)
    keys["handle_left"] = np.stack([frames - before, values - slopes * before], 1).astype(np.float32)
    keys["handle_right"] = np.stack([frames + after, values + slopes * after], 1).astype(np.float32)
    keys["handle_left_type"][:] = keys["handle_right_type"][:] = _ALIGNED
    keys["interpolation"][:] = _BEZIER
    keys["back"][:], keys["amplitude"][:], keys["period"][:] = 1.70158, 0.8, 4.1  # Blender's defaults
    return keys


def _some(keys: Keys, which: np.ndarray) -> Keys:
    return {name: values[which] for name, values in keys.items()}
