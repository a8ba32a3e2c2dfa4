"""The camera_extrinsics.json of ReCamMaster (arXiv 2503.11647) and its MultiCamVideo dataset.

{"frame0": {"cam01": "[r r r 0] [r r r 0] [r r r 0] [x y z 1] ", "cam02": …}, "frame1": …}

A matrix multiplies row vectors, as in Unreal Engine: its rows are the camera's forward, right and up axes and its
position, in a left-handed world of +X forward, +Y right, +Z up, in centimetres. Ours are metres, with
(x, y, z) = (right, -up, forward). The file holds no lens; the dataset's own is taken: 1280x1280 pixels, 24 mm on a
sensor of 23.76 mm, 15 frames a second, a subject 5 m away. Of several cameras the first is read unless another is asked
for.
"""

import json
import re
from typing import Any

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import Assumed, Format, Source
from dollygrip.formats.reading import natural, numbers, rigid, shown
from dollygrip.trajectory import MAX_FRAMES, Trajectory

_SIZE, _VIEW, _FPS, _DEPTH = (1280, 1280), float(np.degrees(2 * np.arctan(23.76 / 2 / 24))), 15.0, 5.0
_AXES = np.array([[0, 1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)  # ours from Unreal's
_CENTIMETRES = 100.0


def recognises(source: Source) -> bool:
    data = source.json
    if not isinstance(data, dict) or not data:
        return False
    key, first = next(iter(data.items()))
    cameras = isinstance(first, dict) and all(re.fullmatch(r"(cam\w*?)?\d+", name) for name in first)
    return cameras and bool(first) and re.fullmatch(r"(frame_?)?\d+", key) is not None


def parse(source: Source, assumed: Assumed) -> Trajectory:
    data = source.json
    if len(data) > MAX_FRAMES:
        raise TrajectoryError(f"At most {MAX_FRAMES} frames are expected, not {len(data)}.")
    frames = sorted(data, key=natural)
    if not isinstance(data[frames[0]], dict) or not data[frames[0]]:
        raise TrajectoryError(f"In {frames[0]} an object of cameras is expected, not {shown(data[frames[0]])}.")
    cameras = sorted(data[frames[0]], key=natural)
    several = len(cameras) > 1 or assumed.camera is not None
    camera = _chosen(cameras, assumed.get("camera", cameras[0])) if several else cameras[0]
    rows = np.array([_matrix(data[frame], camera, frame) for frame in frames])
    if np.all(rows[:, 3] == [0, 0, 0, 1]) and np.any(rows[:, :3, 3]):  # written for column vectors after all
        rows = np.swapaxes(rows, 1, 2)
    poses = rigid(np.swapaxes(rows, 1, 2), lambda i: f"{camera} of {frames[i]}")
    c2w = _AXES @ poses @ _AXES.T
    c2w[:, :3, 3] /= _CENTIMETRES
    size = assumed.get("size", _SIZE)
    intrinsics = assumed.lens(len(c2w), size, _VIEW)
    fps, depth = assumed.get("fps", _FPS), assumed.get("scene_depth", _DEPTH)
    return Trajectory(c2w, intrinsics, size, fps, depth, {"cameras": cameras})


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    poses = _AXES.T @ trajectory.c2w @ _AXES
    poses[:, :3, 3] *= _CENTIMETRES
    frames = {}
    for index, rows in enumerate(np.swapaxes(poses, 1, 2).tolist()):
        frames[f"frame{index}"] = {"cam01": "".join(f"[{' '.join(map(repr, row))}] " for row in rows)}
    return {name: json.dumps(frames, indent=1).encode()}


def _chosen(cameras: list[str], asked: str) -> str:
    """The camera that is asked for by its name or its number."""
    wanted = asked.strip().lower()
    for camera in cameras:
        digits = re.search(r"\d{1,18}$", camera)
        if camera.lower() == wanted or (
            wanted.isdecimal() and len(wanted) < 19 and digits and int(digits[0]) == int(wanted)
        ):
            return camera
    raise TrajectoryError(f"It has no camera {asked!r}; its cameras are {', '.join(cameras[:20])}.")


def _matrix(cameras: Any, camera: str, frame: str) -> np.ndarray:
    """(4, 4) row-vector matrix of a camera in a frame, from its string or nested lists."""
    where = f"{camera} of {frame}"
    value = cameras.get(camera) if isinstance(cameras, dict) else None
    if value is None:
        raise TrajectoryError(f"{frame} has no {camera}; it has {shown(cameras)}.")
    rows = value
    if isinstance(value, str):
        rows = [row.replace(",", " ").split() for row in re.findall(r"\[([^\[\]]*)\]", value)]
        if [len(row) for row in rows] not in ([4] * 4, [3] * 4):
            raise TrajectoryError(f"In {where} 4 rows '[x x x x]' are expected, not {shown(value)}.")
    flat = numbers(rows, (12, 16), where)
    if len(flat) == 16:
        return flat.reshape(4, 4)
    return np.column_stack([flat.reshape(4, 3), [0, 0, 0, 1]])  # four rows of three


RECAMMASTER = Format(
    "recammaster",
    "ReCamMaster extrinsics",
    (".recammaster.json", "camera_extrinsics.json"),
    frozenset(),
    recognises,
    parse,
    print_,
)
