"""Open3D's PinholeCameraTrajectory, JSON, as `open3d.io.write_pinhole_camera_trajectory` writes it.

Every parameter set has "extrinsic", 16 numbers of the world-to-camera matrix column by column, and "intrinsic": width,
height and "intrinsic_matrix", 9 numbers column by column; OpenCV axes. Open3D puts (0, 0) in the middle of the first
pixel (its views demand cx = width / 2 - 0.5), we at its corner: half a pixel is added on reading. The file holds
neither frame rate nor scene depth. A single PinholeCameraParameters is read as one frame.
"""

import json
from typing import Any

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import FPS, SCENE_DEPTH, Assumed, Format, Source
from dollygrip.formats.reading import common_size, inverse, number, numbers, rigid, shown, size_of_centre
from dollygrip.trajectory import MAX_FRAMES, Trajectory

_HALF_PIXEL = np.array([0, 0, 0.5, 0.5])
_TRAJECTORY, _SINGLE = "PinholeCameraTrajectory", "PinholeCameraParameters"


def recognises(source: Source) -> bool:
    data = source.json
    if not isinstance(data, dict):
        return False
    return data.get("class_name") in (_TRAJECTORY, _SINGLE) or ("parameters" in data and "frames" not in data)


def parse(source: Source, assumed: Assumed) -> Trajectory:
    data = source.json
    frames = [data] if data.get("class_name") == _SINGLE else data.get("parameters")
    if not isinstance(frames, list) or not 1 <= len(frames) <= MAX_FRAMES:
        raise TrajectoryError(f"Its 'parameters' must be a list of 1 to {MAX_FRAMES} cameras, not {shown(frames)}.")
    poses, lenses, sizes = zip(*(_camera(frame, f"camera {i}") for i, frame in enumerate(frames)), strict=True)
    c2w = inverse(rigid(np.array(poses), lambda i: f"Camera {i}"))
    intrinsics = np.array(lenses) + _HALF_PIXEL
    if all(min(size) < 1 for size in sizes):
        sizes = [assumed.get("size", lambda: size_of_centre(intrinsics))] * len(frames)
    intrinsics, size = common_size(intrinsics, list(sizes))
    return Trajectory(c2w, intrinsics, size, assumed.get("fps", FPS), assumed.get("scene_depth", SCENE_DEPTH))


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    width, height = trajectory.size
    version = {"version_major": 1, "version_minor": 0}
    parameters = []
    lenses = (trajectory.intrinsics - _HALF_PIXEL).tolist()
    for w2c, (fx, fy, cx, cy) in zip(inverse(trajectory.c2w), lenses, strict=True):
        columns = [fx, 0.0, 0.0, 0.0, fy, 0.0, cx, cy, 1.0]
        intrinsic = {"width": width, "height": height, "intrinsic_matrix": columns}
        camera = {"class_name": _SINGLE, "extrinsic": w2c.T.ravel().tolist(), "intrinsic": intrinsic, **version}
        parameters.append(camera)
    return {name: json.dumps({"class_name": _TRAJECTORY, "parameters": parameters, **version}, indent=1).encode()}


def _camera(frame: Any, where: str) -> tuple[np.ndarray, list[float], tuple[float, float]]:
    """World-to-camera (4, 4), [fx, fy, cx, cy] and the size, (-1, -1) where the file leaves it open."""
    intrinsic = frame.get("intrinsic") if isinstance(frame, dict) else None
    if not isinstance(intrinsic, dict):
        raise TrajectoryError(f"In {where} the keys 'extrinsic' and 'intrinsic' are expected, not {shown(frame)}.")
    w2c = numbers(frame.get("extrinsic"), (16,), f"the extrinsic of {where}").reshape(4, 4).T
    k = numbers(intrinsic.get("intrinsic_matrix"), (9,), f"the intrinsic_matrix of {where}").reshape(3, 3).T
    width, height = (number(intrinsic.get(key, -1), f"the {key} of {where}") for key in ("width", "height"))
    return w2c, [k[0, 0], k[1, 1], k[0, 2], k[1, 2]], (width, height)


OPEN3D = Format(
    "open3d",
    "Open3D camera trajectories",
    (".open3d.json",),
    frozenset({"lens", "zoom", "size"}),
    recognises,
    parse,
    print_,
)
