"""The camera files of RealEstate10K, which CameraCtrl, VideoX-Fun and other successors read too.

First line: the video's URL, or nothing. Then a line a frame of 19 numbers, or 23 with the matrix's last row; lines that
begin with # are comments:

    timestamp (microseconds)  fx fy cx cy (over width and height)  0 0  world-to-camera, 3 rows of 4, OpenCV axes

The file holds no image size: with square pixels the aspect is fy / fx, and the height is taken as 720. Intrinsics in
pixels are told by a principal point beyond 4. Where all timestamps are equal, as in files written for video models, or
count frames, the frame rate is taken as 24. Uneven timestamps give the poses their time if that is asked for; else
every pose is one frame, which belongs to one of the video's.

VideoX-Fun's files leave the first line empty and all timestamps at 0. Their focal lengths are fractions of an image of
16:9, of which VideoX-Fun sees what an image of another aspect, cropped from the middle, shows.
"""

from functools import partial

import attrs
import numpy as np

from dollygrip.errors import TrajectoryError
from dollygrip.formats.format import FPS, SCENE_DEPTH, Assumed, Format, Source
from dollygrip.formats.reading import inverse, is_normalised, is_number, rigid, size_of_centre
from dollygrip.trajectory import MAX_FRAMES, Trajectory

_FIELDS = 19
_HEAD = 8  # lines that may stand before the first pose, besides comments and blank ones
_HEIGHT = 720
_VIDEOX_ASPECT = 16 / 9
_UNEVEN = 0.01  # of a step between timestamps: less is rounding
_MAX_FPS = 1000.0  # faster ones are frame numbers


def recognises(source: Source) -> bool:
    return source.json is None and _first_pose(_lines(source)) is not None


def parse(source: Source, assumed: Assumed, videox: bool = False) -> Trajectory:
    lines = _lines(source)
    begin = _first_pose(lines)
    title, numbered = lines[0][1].strip() if begin else "", lines[begin:]
    if len(numbered) > MAX_FRAMES:
        raise TrajectoryError(f"1 to {MAX_FRAMES} lines of poses are expected, not {len(numbered)}.")
    rows = np.array([_row(line, n) for n, line in numbered])
    time, lens = rows[:, 0], rows[:, 1:5]
    if not np.isfinite(time).all():
        line = numbered[int(np.argmin(np.isfinite(time)))][0]
        raise TrajectoryError(f"Line {line}: the timestamp is not finite.", "Write microseconds.")
    if np.any(np.diff(time) < 0):
        line = numbered[int(np.argmax(np.diff(time) < 0)) + 1][0]
        raise TrajectoryError(f"Line {line}: the timestamp is earlier than before.")
    c2w = inverse(rigid(rows[:, 7:].reshape(-1, 4, 4), lambda i: f"Line {numbered[i][0]}"))
    if is_normalised(lens):
        size = assumed.get("size", lambda: _size_of_aspect(lens[0]))
        lens = lens * np.tile(size, 2)
        if videox and assumed.size:
            lens[:, :2] *= _crop(size)
    else:
        size = assumed.get("size", lambda: size_of_centre(lens))
    meta = {"source": title} if title else {}
    fps = _frame_rate(time) or assumed.get("fps", FPS)
    trajectory = Trajectory(c2w, lens, size, fps, assumed.get("scene_depth", SCENE_DEPTH), meta)
    return _evened(trajectory, time, assumed) if _frame_rate(time) else trajectory


def _evened(trajectory: Trajectory, time: np.ndarray, assumed: Assumed) -> Trajectory:
    """The trajectory whose poses are at these timestamps with even steps between them, if that is wanted."""
    steps = np.diff(time)
    usual = np.median(steps[steps > 0])
    if np.abs(steps / usual - 1).max() <= _UNEVEN:
        return trajectory
    even = np.linspace(time[0], time[-1], round(min((time[-1] - time[0]) / usual, MAX_FRAMES)) + 1)
    if not assumed.by_time or len(even) > MAX_FRAMES:
        assumed.remarks.append(f"its uneven timestamps are left out: its poses are frames at {trajectory.fps:g} fps")
        return trajectory
    assumed.remarks.append("its poses stand at uneven times: they were resampled to even ones")
    distinct = np.flatnonzero(np.diff(time, prepend=-np.inf))
    poses = attrs.evolve(trajectory, c2w=trajectory.c2w[distinct], intrinsics=trajectory.intrinsics[distinct])
    return poses.retimed(time[distinct], even, _frame_rate(even))


def print_(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    time = np.round(np.arange(len(trajectory)) * 1e6 / trajectory.fps)
    source = trajectory.meta.get("source", "")
    plain = isinstance(source, str) and len(source.splitlines()) < 2 and len(source.split()) < _FIELDS
    return {name: _printed(_fractions(trajectory), trajectory.c2w, time, source if plain else "")}


def recognises_videox(source: Source) -> bool:
    lines = _lines(source)
    stamps = [field for _, line in lines for field in _fields(line)[:1]]
    return recognises(source) and lines[0][0] > 1 and len(stamps) > 1 and set(stamps) == {"0"}


def print_videox(trajectory: Trajectory, name: str) -> dict[str, bytes]:
    lens = _fractions(trajectory) / [*_crop(trajectory.size), 1, 1]
    return {name: _printed(lens, trajectory.c2w, np.zeros(len(trajectory)), "")}


def _crop(size: tuple[int, int]) -> tuple[float, float]:
    """What x and y fractions of an image of 16:9 become where only an image of `size`, from its middle, is seen."""
    wider = size[0] / size[1] / _VIDEOX_ASPECT
    return (1 / wider, 1.0) if wider < 1 else (1.0, wider)


def _fractions(trajectory: Trajectory) -> np.ndarray:
    return trajectory.intrinsics / np.tile(trajectory.size, 2)


def _printed(lens: np.ndarray, c2w: np.ndarray, time: np.ndarray, title: str) -> bytes:
    pose = inverse(c2w)[:, :3].reshape(-1, 12)
    lines = [title]
    for stamp, intrinsics, w2c in zip(time, lens.tolist(), pose.tolist(), strict=True):
        lines.append(" ".join(map(repr, [int(stamp), *intrinsics, 0, 0, *w2c])))
    return "\n".join([*lines, ""]).encode()


def _size_of_aspect(lens: np.ndarray) -> tuple[int, int]:
    """The image size of normalised focal lengths, if pixels are square."""
    fx, fy = lens[:2]
    if not (fx > 0 and 1e-2 < fy / fx < 1e3):
        raise TrajectoryError(f"The focal lengths {fx:g} and {fy:g} of the first pose do not tell an image's aspect.")
    return round(_HEIGHT * fy / fx), _HEIGHT


def _frame_rate(time: np.ndarray) -> float | None:
    """The roundest frame rate that agrees with timestamps in whole microseconds; None where they tell none."""
    steps, span = (len(time) - 1) * 1e6, time[-1] - time[0]
    if not 1 < span < np.inf or steps / span > _MAX_FPS:
        return None
    rounded = (round(steps / span, digits) for digits in range(9))
    return next((fps for fps in rounded if steps / (span + 1) <= fps <= steps / (span - 1)), steps / span)


def _lines(source: Source) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers: neither comments nor blank ones."""
    numbered = enumerate(source.text.splitlines(), 1)
    return [(n, line) for n, line in numbered if line.strip() and not line.lstrip().startswith("#")]


def _first_pose(lines: list[tuple[int, str]]) -> int | None:
    return next((i for i, (_, line) in enumerate(lines[:_HEAD]) if _is_pose(line)), None)


def _is_pose(line: str) -> bool:
    """Whether a line is meant as a pose: several fields, all of them numbers but for a slip."""
    fields = _fields(line)
    return len(fields) > 3 and sum(map(is_number, fields)) >= 0.8 * len(fields)


def _fields(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _row(line: str, number: int) -> list[float]:
    fields = _fields(line)
    if len(fields) not in (_FIELDS, _FIELDS + 4):
        raise TrajectoryError(
            f"Line {number} has {len(fields)} fields; a pose has {_FIELDS}: the time, 4 of the lens, 0 0, 12 of w2c."
        )
    try:
        return [float(field) for field in (*fields, 0, 0, 0, 1)[: _FIELDS + 4]]
    except ValueError as error:
        raise TrajectoryError(f"Line {number}: {error}.", "Write all fields as numbers.") from error


_HOLDS = frozenset({"lens", "zoom"})
RE10K = Format("re10k", "RealEstate10K / CameraCtrl poses", (".txt",), _HOLDS | {"fps"}, recognises, parse, print_)
VIDEOX_FUN = Format(
    "videox-fun",
    "VideoX-Fun poses",
    (".videox.txt",),
    _HOLDS,
    recognises_videox,
    partial(parse, videox=True),
    print_videox,
)
