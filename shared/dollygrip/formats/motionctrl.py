"""The camera poses of MotionCtrl (arXiv 2312.03641), JSON: a list with the 12 numbers of each frame.

The numbers are the rows of [R | T], world-to-camera with OpenCV axes: MotionCtrl's "Zoom In" lowers T_z frame by frame,
its round trips turn about a point before the lens. Lens, image size, frame rate and scale are not in the file. Rows
nested as 3x4 or 4x4, and an object with frame numbers for keys, are read too.
"""

import json
import re
from typing import Any

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import FPS, SCENE_DEPTH, SIZE, Assumed, Format, Source
from dollygrip.formats.reading import inverse, natural, pose, rigid, shown
from dollygrip.trajectory import MAX_FRAMES, Trajectory


def recognises(source: Source) -> bool:
    frames = _frames(source.json)
    return bool(frames) and isinstance(frames[0][1], list)


def parse(source: Source, assumed: Assumed) -> Trajectory:
    frames = _frames(source.json)
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise TrajectoryError(f"1 to {MAX_FRAMES} poses are expected, not {shown(source.json)}.")
    w2c = rigid(np.array([pose(value, f"frame {key}") for key, value in frames]))
    size = assumed.get("size", SIZE)
    intrinsics = assumed.lens(len(w2c), size)
    return Trajectory(inverse(w2c), intrinsics, size, assumed.get("fps", FPS), assumed.get("scene_depth", SCENE_DEPTH))


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    rows = inverse(trajectory.c2w)[:, :3].reshape(-1, 12).tolist()
    return {name: ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode()}


def _frames(data: Any) -> list[tuple[str, Any]]:
    """(name, pose) of every frame, empty where the data has none."""
    if isinstance(data, list):
        return [(str(index), value) for index, value in enumerate(data)]
    if isinstance(data, dict) and all(re.fullmatch(r"\s*(frame_?)?\d+\s*", key) for key in data):
        return sorted(data.items(), key=lambda item: natural(item[0]))
    return []


MOTIONCTRL = Format("motionctrl", "MotionCtrl poses", (".motionctrl.json",), frozenset(), recognises, parse, print_)
