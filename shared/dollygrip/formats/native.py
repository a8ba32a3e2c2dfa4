"""Dollygrip's own camera file, `*.camera.json`: every number of a Trajectory, exactly.

{"format": "dollygrip-camera", "version": 1, "convention": "opencv-c2w", "fps": 24.0, "width": 1280, "height": 720,
 "scene_depth": 1.0, "frames": [{"c2w": [[…], […], […], […]], "fx": …, "fy": …, "cx": …, "cy": …}, …], "meta": {…}}
"""

import json
from typing import Any

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import Assumed, Format, Source
from dollygrip.trajectory import Trajectory

_FORMAT, _VERSION, _CONVENTION = "dollygrip-camera", 1, "opencv-c2w"
_KEYS = {"format", "version", "convention", "fps", "width", "height", "scene_depth", "frames", "meta"}
_FRAME_KEYS = ("c2w", "fx", "fy", "cx", "cy")


def recognises(source: Source) -> bool:
    return isinstance(source.json, dict) and source.json.get("format") == _FORMAT


def parse(source: Source, _assumed: Assumed) -> Trajectory:
    data = source.json
    for key, wanted in (("version", _VERSION), ("convention", _CONVENTION)):
        if data.get(key) != wanted:
            raise TrajectoryError(f"Its {key} must be {wanted!r}, not {data.get(key)!r}.", "Update Dollygrip.")
    if unknown := sorted(data.keys() - _KEYS):
        raise TrajectoryError(f"It has the unknown field {unknown[0]!r}.", "Put what is your own into meta.")
    frames, meta = data.get("frames"), data.get("meta", {})
    if not isinstance(frames, list) or not frames:
        raise TrajectoryError("Its field 'frames' must be a list of at least one frame.")
    if not isinstance(meta, dict):
        raise TrajectoryError(f"Its field 'meta' must be an object, not {type(meta).__name__}.")
    size = _number(data, "width", "the file"), _number(data, "height", "the file")
    if not all(float(side).is_integer() for side in size):
        raise TrajectoryError(f"The image size must be whole pixels, not {size[0]} by {size[1]}.")
    rows = [_frame(frame, f"frame {index}") for index, frame in enumerate(frames)]
    c2w, intrinsics = (np.array(values, float) for values in zip(*rows, strict=True))
    depth = _number(data, "scene_depth", "the file") if "scene_depth" in data else 1.0
    return Trajectory(c2w, intrinsics, size, _number(data, "fps", "the file"), depth, meta)


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    """One line a frame, so that files can be compared line by line."""
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "convention": _CONVENTION,
        "fps": trajectory.fps,
        "width": trajectory.size[0],
        "height": trajectory.size[1],
        "scene_depth": trajectory.scene_depth,
        "meta": trajectory.meta,
    }
    frames = (
        json.dumps({"c2w": pose, **dict(zip(_FRAME_KEYS[1:], lens, strict=True))})
        for pose, lens in zip(trajectory.c2w.tolist(), trajectory.intrinsics.tolist(), strict=True)
    )
    lines = [f"{json.dumps(key)}: {_json(value)}," for key, value in head.items()]
    return {name: "\n".join(["{", *lines, '"frames": [', ",\n".join(frames), "]", "}", ""]).encode()}


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TrajectoryError(f"The trajectory's meta cannot be written as JSON: {error}.") from error


def _frame(frame: Any, where: str) -> tuple[list[list[float]], list[float]]:
    if not isinstance(frame, dict) or frame.keys() != set(_FRAME_KEYS):
        found = sorted(frame) if isinstance(frame, dict) else type(frame).__name__
        raise TrajectoryError(f"In {where} the fields must be {', '.join(_FRAME_KEYS)}, not {found}.")
    pose = frame["c2w"]
    rows = pose if isinstance(pose, list) and len(pose) == 4 else []
    numbers = [n for row in rows if isinstance(row, list) and len(row) == 4 for n in row]
    if len(numbers) != 16 or not all(map(_is_number, numbers)):
        raise TrajectoryError(f"In {where} c2w must be 4 rows of 4 numbers, not {json.dumps(pose)[:80]}.")
    return pose, [_number(frame, key, where) for key in _FRAME_KEYS[1:]]


def _number(data: dict[str, Any], key: str, where: str) -> float:
    value = data.get(key)
    if not _is_number(value):
        raise TrajectoryError(f"In {where} {key} must be a number, not {json.dumps(value)[:40]}.")
    return value


def _is_number(value: Any) -> bool:
    """Whether it is a number that fits a float; NaN and infinity pass, Trajectory names their frame."""
    return type(value) is float or (type(value) is int and abs(value) < 10**300)


NATIVE = Format(
    "dollygrip",
    "Dollygrip camera files",
    (".camera.json", ".json"),
    frozenset({"lens", "zoom", "size", "fps", "scene_depth", "meta"}),
    recognises,
    parse,
    print_,
)
