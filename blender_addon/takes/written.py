"""Whether an animator has edited the curves of a take since Dollygrip wrote them from its dense camera."""

import bpy
import numpy as np

from .. import compat

_WRITTEN = "dollygrip_written"
_FRAMES = 1e-2  # frames by which keys and handles may differ, which sliding a take along the timeline may cost
_SHARE, _SINGLE = 1e-4, 1e-6  # values may differ by this share of a channel's range, and of its size


def mark(action: bpy.types.Action) -> None:
    """Remember the keys of a take as they are now: those of its dense camera."""
    action[_WRITTEN] = {name: keys.ravel().tolist() for name, keys in _keys(action).items()}


def forget(action: bpy.types.Action) -> None:
    """The take's curves are its own from now on, and no longer those of its dense camera."""
    if _WRITTEN in action:
        del action[_WRITTEN]


def is_edited(action: bpy.types.Action) -> bool:
    """Whether keys, handles or interpolation differ from what was written; moving all of them in time is no edit."""
    if _WRITTEN not in action:
        return True
    now, then = _keys(action), action[_WRITTEN].to_dict()
    return now.keys() != then.keys() or not all(_alike(keys, np.array(then[name])) for name, keys in now.items())


def first_frame(action: bpy.types.Action) -> float:
    """The frame of the take's first key, wherever its frame range begins."""
    return min((p.co.x for curve in compat.take_curves(action) for p in curve.keyframe_points), default=0.0)


def _keys(action: bpy.types.Action) -> dict[str, np.ndarray]:
    """(K, 7) for every curve: frame and value of key, left and right handle; then the interpolation."""
    first, found = first_frame(action), {}
    for curve in compat.take_curves(action):
        points = curve.keyframe_points
        keys = np.empty((len(points), 7))
        for i, name in enumerate(("co", "handle_left", "handle_right")):
            pairs = np.empty(2 * len(points), np.float32)
            points.foreach_get(name, pairs)
            keys[:, 2 * i : 2 * i + 2] = pairs.reshape(-1, 2) - [first, 0]
        kinds = np.empty(len(points), np.int32)
        points.foreach_get("interpolation", kinds)
        keys[:, 6] = kinds
        found[f"{curve.data_path} {curve.array_index}"] = keys
    return found


def _alike(now: np.ndarray, then: np.ndarray) -> bool:
    if now.size != then.size:
        return False
    then = then.reshape(now.shape)
    off = np.abs(now - then)
    values = now[:, 1:6:2]
    allowed = _SHARE * np.ptp(values) + _SINGLE * np.abs(values).max()
    same = off[:, 0:6:2].max() <= _FRAMES and off[:, 1:6:2].max() <= allowed
    return bool(same and not off[:, 6].any())
