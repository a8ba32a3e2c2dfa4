"""nerfstudio's transforms.json, which instant-ngp and Blender's NeRF data sets share.

Every frame has "transform_matrix", camera-to-world with OpenGL axes (+X right, +Y up, +Z backward) in a world of +Z up;
the lens is fl_x, fl_y, cx, cy in pixels of w, h, or camera_angle_x, camera_angle_y in radians, for all frames at the
top or in each frame. Frames are ordered by their "file_path". Lens distortion is left out; that of the first frame that
has any is kept in meta["ignored"]. Fisheye and panoramic lenses are refused. "fps" at the top is ours: the format has
no frame rate.
"""

import json
from typing import Any

import numpy as np

from dollygrip.conventions import CAMERA, WORLD
from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import FPS, SCENE_DEPTH, SIZE, VIEW_DEGREES, Assumed, Format, Source, focal_of_view
from dollygrip.formats.reading import (
    common_size,
    is_normalised,
    natural,
    number,
    pose,
    rigid,
    shown,
    whole,
)
from dollygrip.trajectory import MAX_FRAMES, Trajectory

_LENS = ("fl_x", "fl_y", "cx", "cy")
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
_PINHOLE = {"PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PERSPECTIVE"}


def recognises(source: Source) -> bool:
    return isinstance(source.json, dict) and isinstance(source.json.get("frames"), list)


def parse(source: Source, assumed: Assumed) -> Trajectory:
    gl, intrinsics, size, meta = parse_frames(source.json, assumed, "file_path")
    fps = number(source.json["fps"], "fps") if "fps" in source.json else assumed.get("fps", FPS)
    return Trajectory(WORLD @ gl @ CAMERA, intrinsics, size, fps, assumed.get("scene_depth", SCENE_DEPTH), meta)


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    lenses = [dict(zip(_LENS, row, strict=True)) for row in trajectory.intrinsics.tolist()]
    fixed = all(lens == lenses[0] for lens in lenses)
    head = {"camera_model": "PINHOLE", "w": trajectory.size[0], "h": trajectory.size[1], "fps": trajectory.fps}
    frames = []
    for index, matrix in enumerate((WORLD.T @ trajectory.c2w @ CAMERA).tolist()):
        frame: dict[str, Any] = {"file_path": f"images/frame_{index + 1:05d}.png", "transform_matrix": matrix}
        frames.append(frame if fixed else frame | lenses[index])
    return {name: printed(head | lenses[0] if fixed else head, frames)}


def printed(head: dict[str, Any], frames: list[dict[str, Any]]) -> bytes:
    """The file with one line a frame."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, '"frames": [', ",\n".join(map(json.dumps, frames)), "]", "}", ""]).encode()


def parse_frames(
    data: dict[str, Any], assumed: Assumed, order: str
) -> tuple[np.ndarray, np.ndarray, tuple[int, int], dict[str, Any]]:
    """Poses (T, 4, 4) as they stand in the file, intrinsics (T, 4) in pixels, the image size, and what was ignored.

    Frames are sorted by their field `order` where all have it and no two share it.
    """
    frames = data["frames"]
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise TrajectoryError(f"Its 'frames' must hold 1 to {MAX_FRAMES} frames, not {len(frames)}.")
    for index, frame in enumerate(frames):
        if not isinstance(frame, dict) or "transform_matrix" not in frame:
            raise TrajectoryError(f"Frame {index} must have a 'transform_matrix'; it is {shown(frame)}.")
    named = list(enumerate(frames))
    if len({str(frame[order]) for frame in frames if order in frame}) == len(frames):
        named.sort(key=lambda item: natural(item[1][order]))
    numbered = [index for index, _ in named]
    poses = np.array([pose(frame["transform_matrix"], f"frame {i}'s transform_matrix") for i, frame in named])
    views = [{**data, **frame} for _, frame in named]
    meta = _check_model(views)
    sizes = _sizes(views, assumed)
    rows = zip(views, sizes, numbered, strict=True)
    intrinsics = np.array([_lens(view, side, assumed, i) for view, side, i in rows])
    if is_normalised(intrinsics) and np.min(sizes) >= 16:
        intrinsics = intrinsics * np.tile(sizes, 2)
    intrinsics, size = common_size(intrinsics, sizes)
    return rigid(poses, lambda i: f"Frame {numbered[i]}"), intrinsics, size, meta


def _check_model(views: list[dict[str, Any]]) -> dict[str, Any]:
    for view in views:
        fisheye = view.get("is_fisheye") is True  # instant-ngp's own word
        model = "FISHEYE" if fisheye else str(view.get("camera_model", "PINHOLE")).upper()
        if model not in _PINHOLE:
            raise TrajectoryError(f"Its camera_model must be a pinhole's ({', '.join(sorted(_PINHOLE))}), not {model}.")
    terms = ({key: view[key] for key in _DISTORTION if view.get(key)} for view in views)
    bent = next(filter(None, terms), None)
    return {"ignored": {"distortion": bent}} if bent else {}


def _sizes(views: list[dict[str, Any]], assumed: Assumed) -> list[tuple[float, float]]:
    """The image size of every frame: the file's, else told by the principal point, else assumed."""
    if all("w" in view and "h" in view for view in views):
        sizes = [tuple(number(view[key], f"its {key}") for key in ("w", "h")) for view in views]
        return [whole(size) for size in sizes] if len(set(sizes)) == 1 else sizes
    centre = [number(views[0].get(key, 0), f"its {key}") for key in ("cx", "cy")]
    told = whole((2 * centre[0], 2 * centre[1])) if min(centre) >= 8 else SIZE
    return [assumed.get("size", told)] * len(views)


def _lens(view: dict[str, Any], size: tuple[float, float], assumed: Assumed, index: int) -> list[float]:
    """[fx, fy, cx, cy] of a frame, from focal lengths or angles of view, which may be given for one axis alone."""
    where = f"frame {index}"
    focal = []
    for axis, side in (("x", size[0]), ("y", size[1])):
        if f"fl_{axis}" in view:
            focal.append(number(view[f"fl_{axis}"], f"{where}'s fl_{axis}"))
        elif f"camera_angle_{axis}" in view:
            focal.append(focal_of_view(number(view[f"camera_angle_{axis}"], f"{where}'s camera_angle_{axis}"), side))
        else:
            focal.append(None)
    if focal == [None, None]:
        focal[0] = focal_of_view(np.radians(assumed.get("view_degrees", VIEW_DEGREES)), size[0])
    fx, fy = (value if value is not None else focal[1 - i] for i, value in enumerate(focal))
    centre = [
        number(view.get(f"c{axis}", side / 2), f"{where}'s c{axis}") for axis, side in zip("xy", size, strict=True)
    ]
    return [fx, fy, *centre]


NERFSTUDIO = Format(
    "nerfstudio",
    "nerfstudio transforms",
    ("transforms.json", ".nerfstudio.json"),
    frozenset({"lens", "zoom", "size", "fps"}),
    recognises,
    parse,
    print_,
)
