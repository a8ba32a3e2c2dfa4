"""The transforms of GenDoP and its dataset DataDoP (arXiv 2504.07083): nerfstudio's keys, another world.

The poses are MonST3R's camera-to-world matrices with OpenCV axes, whose camera axes Y and Z were then negated: OpenGL
cameras in a world of +Y down. What GenDoP itself predicts starts at the identity, so that its world is +Y up; the file
does not say, so the world is taken in which the first camera stands upright, unless our own key "world_up" tells.
Frames are numbered by "monst3r_im_id"; there is one lens for all, and no frame rate.
"""

import numpy as np

from dollygrip.conventions import CAMERA
from dollygrip.formats import nerfstudio
from dollygrip.formats.format import FPS, SCENE_DEPTH, Assumed, Format, Source
from dollygrip.trajectory import Trajectory


def recognises(source: Source) -> bool:
    frames = source.json["frames"] if nerfstudio.recognises(source) else []
    return any(isinstance(frame, dict) and "monst3r_im_id" in frame for frame in frames)


def parse(source: Source, assumed: Assumed) -> Trajectory:
    poses, intrinsics, size, meta = nerfstudio.parse_frames(source.json, assumed, "monst3r_im_id")
    told = source.json.get("world_up")
    y_up = poses[0, 1, 1] > 0 if told is None else told == "+y"
    c2w = (CAMERA if y_up else np.eye(4)) @ poses @ CAMERA
    return Trajectory(c2w, intrinsics, size, assumed.get("fps", FPS), assumed.get("scene_depth", SCENE_DEPTH), meta)


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    fx, fy, cx, cy = trajectory.intrinsics[0].tolist()
    width, height = trajectory.size
    head = {"w": width, "h": height, "fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "world_up": "-y"}
    poses = (trajectory.c2w @ CAMERA).tolist()
    frames = [{"transform_matrix": pose, "monst3r_im_id": index} for index, pose in enumerate(poses, 1)]
    return {name: nerfstudio.printed(head, frames)}


GENDOP = Format(
    "gendop",
    "GenDoP transforms",
    ("_transforms.json", ".gendop.json"),
    frozenset({"lens", "size"}),
    recognises,
    parse,
    print_,
)
