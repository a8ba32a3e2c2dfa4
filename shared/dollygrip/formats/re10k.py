"""The camera files of RealEstate10K, which CameraCtrl and its successors read too.

First line: the video's URL, or nothing. Then a line a frame of 19 numbers:

    timestamp (microseconds)  fx fy cx cy (over width and height)  0 0  world-to-camera, 3 rows of 4, OpenCV axes

The file holds no image size: with square pixels the aspect is fy / fx, and the height is taken as 720. Where all
timestamps are equal, as in files written for video models, the frame rate is taken as 24.
"""

import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import Format
from dollygrip.trajectory import Trajectory

_FIELDS = 19
_HEIGHT = 720
_FPS = 24.0


def recognises(text: str) -> bool:
    lines = text.splitlines()[:2]
    return len(lines) == 2 and len(lines[1].split()) > 7 and not lines[0].lstrip().startswith(("{", "["))


def parse(text: str) -> Trajectory:
    lines = text.rstrip().splitlines()
    rows = np.array([_row(line, number) for number, line in enumerate(lines[1:], 2)])
    time, lens, pose = rows[:, 0], rows[:, 1:5], rows[:, 7:].reshape(-1, 3, 4)
    if np.any(np.diff(time) < 0):
        raise TrajectoryError(f"Line {int(np.argmax(np.diff(time) < 0)) + 3}: the timestamp is earlier than before.")
    fx, fy = lens[0, :2]
    if not (fx > 0 and 1e-2 < fy / fx < 1e3):
        raise TrajectoryError(f"Line 2: the focal lengths {fx:g} and {fy:g} do not tell an image's aspect.")
    size = round(_HEIGHT * fy / fx), _HEIGHT
    c2w = np.tile(np.eye(4), (len(rows), 1, 1))
    c2w[:, :3, :3] = np.swapaxes(pose[:, :, :3], 1, 2)
    c2w[:, :3, 3] = -np.einsum("tji,tj->ti", pose[:, :, :3], pose[:, :, 3])
    meta = {"source": lines[0].strip()} if lines[0].strip() else {}
    return Trajectory(c2w, lens * [size[0], size[1], size[0], size[1]], size, _frame_rate(time), meta=meta)


def print_(trajectory: Trajectory) -> str:
    width, height = trajectory.size
    lens = trajectory.intrinsics / [width, height, width, height]
    rotation = np.swapaxes(trajectory.rotations, 1, 2)
    pose = np.concatenate([rotation, -rotation @ trajectory.positions[:, :, None]], 2)
    time = np.round(np.arange(len(trajectory)) * 1e6 / trajectory.fps).astype(np.int64)
    source = trajectory.meta.get("source", "")
    lines = [source if isinstance(source, str) and "\n" not in source else ""]
    for stamp, intrinsics, w2c in zip(time, lens.tolist(), pose.reshape(-1, 12).tolist(), strict=True):
        lines.append(" ".join(map(repr, [int(stamp), *intrinsics, 0, 0, *w2c])))
    return "\n".join([*lines, ""])


def _frame_rate(time: np.ndarray) -> float:
    """The roundest frame rate that agrees with timestamps in whole microseconds; _FPS where they are all equal."""
    steps, span = (len(time) - 1) * 1e6, time[-1] - time[0]
    if not 1 < span < np.inf:
        return _FPS
    rounded = (round(steps / span, digits) for digits in range(9))
    return next((fps for fps in rounded if steps / (span + 1) <= fps <= steps / (span - 1)), steps / span)


def _row(line: str, number: int) -> list[float]:
    fields = line.split()
    if len(fields) != _FIELDS:
        raise TrajectoryError(
            f"Line {number} has {len(fields)} fields; a pose has {_FIELDS}: the time, 4 of the lens, 0 0, 12 of w2c."
        )
    try:
        return [float(field) for field in fields]
    except ValueError as error:
        raise TrajectoryError(f"Line {number}: {error}.", "Write all fields as numbers.") from error


RE10K = Format("re10k", "RealEstate10K / CameraCtrl poses", (".txt",), recognises, parse, print_)
