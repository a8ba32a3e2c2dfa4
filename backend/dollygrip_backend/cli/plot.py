"""`dollygrip plot`: a camera on one sheet. Top, side and front view of its path, speed and rotation over time."""

import textwrap
from pathlib import Path

import attrs
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from dollygrip import formats
from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory
from dollygrip_backend.files import whole_file

_PAPER, _INK, _FAINT, _GRID = "#fbfaf7", "#22252b", "#8b8f98", "#e6e3dc"
_TIME = LinearSegmentedColormap.from_list("take", ["#2b4c9b", "#7d3f98", "#d0466a", "#f08a3c", "#f6c544"])
_CURVES = ("#d0466a", "#2b7f9b", "#e0962e")
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _FAINT,
    "axes.edgecolor": _GRID,
    "axes.facecolor": _PAPER,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "figure.facecolor": _PAPER,
    "legend.frameon": False,
}
_FRUSTUMS = 9


@attrs.frozen
class _View:
    """A projection: world coordinates shown to the right and upwards, each with its sign and label."""

    title: str
    right: tuple[int, int, str]
    up: tuple[int, int, str]

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world -> (..., 2) sheet."""
        return np.stack([points[..., axis] * sign for axis, sign, _ in (self.right, self.up)], -1)


_VIEWS = (
    _View("Top", (0, 1, "right"), (2, 1, "forward")),
    _View("Side", (2, 1, "forward"), (1, -1, "up")),
    _View("Front", (0, 1, "right"), (1, -1, "up")),
)


def plot(take: Path, out: Path) -> None:
    """Draw a camera file into a picture file; raises InputError for a file that is none, or a name without a format."""
    trajectory = formats.read(take)
    figure = draw(trajectory, take.name.removesuffix(".camera.json"))
    if out.suffix.lower().lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise InputError(f"The picture {out.name} has no known format.", "Name it .png, .svg or .pdf.")
    with whole_file(out) as part:
        figure.savefig(part, dpi=130)


def draw(trajectory: Trajectory, name: str = "") -> Figure:
    """The sheet. The path is turned about gravity so that frame 0 looks forward, and starts at the origin."""
    placed = _facing_forward(trajectory)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(12.6, 8.4))
        upper, lower = (
            figure.add_gridspec(1, 3, left=0.055, right=0.985, top=0.855, bottom=0.40, wspace=0.22),
            figure.add_gridspec(1, 2, left=0.055, right=0.985, top=0.305, bottom=0.065, wspace=0.22),
        )
        _title(figure, trajectory, name)
        boxes = [_path(figure.add_subplot(upper[i]), placed, view) for i, view in enumerate(_VIEWS)]
        _same_scale(boxes)
        handles, labels = boxes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", bbox_to_anchor=(0.99, 0.95), ncols=3, handletextpad=0.2)
        _speed(figure.add_subplot(lower[0]), placed)
        _rotation(figure.add_subplot(lower[1]), placed)
    return figure


def _title(figure: Figure, trajectory: Trajectory, name: str) -> None:
    prompt = str(trajectory.meta.get("prompt", "")).strip()
    heading = textwrap.shorten(f"“{prompt}”" if prompt else name, 70, placeholder=" …")
    facts = [
        name if prompt else "",
        f"{len(trajectory)} frames at {trajectory.fps:g} fps",
        f"{trajectory.size[0]} × {trajectory.size[1]}",
        f"scene depth {trajectory.scene_depth:.3g}",
        f"seed {trajectory.meta['seed']}" if "seed" in trajectory.meta else "",
    ]
    words = {"x": 0.055, "parse_math": False}  # dollar signs in a prompt are no formula
    figure.text(y=0.945, s=heading, fontsize=16, fontweight="bold", **words)
    figure.text(y=0.913, s="   ·   ".join(filter(None, facts)), fontsize=9.5, color=_FAINT, **words)


def _facing_forward(trajectory: Trajectory) -> Trajectory:
    forward = trajectory.c2w[0, :3, 2]
    heading = np.arctan2(forward[0], forward[2]) if np.hypot(forward[0], forward[2]) > 1e-6 else 0.0
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.eye(4)
    turn[:3, :3] = [[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]
    turn[:3, 3] = -turn[:3, :3] @ trajectory.positions[0]
    return attrs.evolve(trajectory, c2w=turn @ trajectory.c2w)


def _path(ax: Axes, trajectory: Trajectory, view: _View) -> tuple[Axes, np.ndarray, np.ndarray]:
    """Path coloured by time, frustums, and the point at scene depth before the first camera.

    Returns the axes with the lowest and highest corner (2,) of what must be seen.
    """
    path = view.project(trajectory.positions)
    time = np.linspace(0, 1, len(path))
    subject = trajectory.c2w[0] @ [0, 0, trajectory.scene_depth, 1]
    frustums = _frustums(trajectory)
    shown = np.concatenate([path, view.project(subject[None, :3]), view.project(frustums).reshape(-1, 2)])
    if len(path) > 1:
        segments = np.stack([path[:-1], path[1:]], 1)
        ax.add_collection(LineCollection(segments, array=time[:-1], cmap=_TIME, linewidth=2.6, capstyle="round"))
    for index, corners in zip(_keys(trajectory), frustums, strict=True):
        apex, *rim = view.project(corners)
        edges = [np.stack([apex, corner]) for corner in rim] + [np.stack([*rim, rim[0]])]
        ax.add_collection(LineCollection(edges, colors=[_TIME(time[index])], linewidth=0.9, alpha=0.85))
        if index in (0, len(path) - 1):
            ax.fill(*np.array(rim).T, color=_TIME(time[index]), alpha=0.15, linewidth=0)
    line = view.project(np.stack([trajectory.positions[0], subject[:3]]))
    ax.plot(*line.T, color=_FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
    ring = {"markerfacecolor": _PAPER, "markeredgecolor": _INK, "markeredgewidth": 1.2}
    dots = {"linestyle": "none", "markersize": 6}
    ax.plot(*path[0], marker="o", color=_TIME(0.0), label="start", **dots)
    ax.plot(*path[-1], marker="s", color=_TIME(1.0), label="end", **dots)
    ax.plot(*line[1], marker="o", label="scene depth", **ring, **dots)
    ax.set_title(view.title)
    ax.set_xlabel(f"{view.right[2]} →")
    ax.set_ylabel(f"{view.up[2]} →")
    ax.set_aspect("equal")
    return ax, shown.min(0), shown.max(0)


def _same_scale(boxes: list[tuple[Axes, np.ndarray, np.ndarray]]) -> None:
    """Centre each view on its contents, all at the scale of the largest."""
    half = 0.56 * max(float(np.max(high - low)) for _, low, high in boxes)
    for ax, low, high in boxes:
        centre = (low + high) / 2
        ax.set_xlim(centre[0] - half, centre[0] + half)
        ax.set_ylim(centre[1] - half, centre[1] + half)


def _keys(trajectory: Trajectory) -> np.ndarray:
    """Frames whose frustums are drawn, the first and the last among them."""
    return np.unique(np.linspace(0, len(trajectory) - 1, min(_FRUSTUMS, len(trajectory))).round().astype(int))


def _frustums(trajectory: Trajectory) -> np.ndarray:
    """(K, 5, 3): camera centre and the four image corners at a depth that suits the sheet."""
    keys = _keys(trajectory)
    depth = 0.1 * max(float(np.ptp(trajectory.positions, 0).max()), trajectory.scene_depth)
    (width, height), lens = trajectory.size, trajectory.intrinsics[keys]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    rays = (corners - lens[:, None, 2:]) / lens[:, None, :2]
    points = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], 2) * depth
    points = np.concatenate([np.zeros((len(keys), 1, 3)), points], 1)
    return points @ np.swapaxes(trajectory.rotations[keys], 1, 2) + trajectory.positions[keys][:, None]


def head_angles(rotations: np.ndarray) -> np.ndarray:
    """(T, 3, 3) -> (T, 3) degrees: pan to the right, tilt up, roll clockwise, without jumps; world +Y is down."""
    right, forward = rotations[:, :, 0], rotations[:, :, 2]
    level = np.stack([forward[:, 2], np.zeros(len(forward)), -forward[:, 0]], -1)  # +Y x forward: the horizon's right
    pan = np.arctan2(forward[:, 0], forward[:, 2])
    tilt = np.arctan2(-forward[:, 1], np.linalg.norm(level, axis=1))
    roll = np.arctan2(np.sum(right * np.cross(forward, level), -1), np.sum(right * level, -1))
    return np.degrees(np.unwrap(np.stack([pan, tilt, roll], -1), axis=0))


def _seconds(trajectory: Trajectory) -> np.ndarray:
    return np.arange(len(trajectory)) / trajectory.fps


def _speed(ax: Axes, trajectory: Trajectory) -> None:
    """Speed of the camera, and its lens where that changes."""
    step = np.gradient(trajectory.positions, axis=0) if len(trajectory) > 1 else np.zeros((1, 3))
    speed = np.linalg.norm(step, axis=1) * trajectory.fps / trajectory.scene_depth
    seconds = _seconds(trajectory)
    ax.fill_between(seconds, speed, color=_CURVES[0], alpha=0.12, linewidth=0)
    ax.plot(seconds, speed, color=_CURVES[0], linewidth=2, label="speed")
    ax.set_title("Speed")
    ax.set_xlabel("seconds")
    ax.set_ylabel("scene depths a second")
    ax.set_ylim(0, max(1.15 * float(speed.max()), 0.05))
    ax.margins(x=0.01)
    zoom = trajectory.intrinsics[:, 0] / trajectory.intrinsics[0, 0]
    if np.ptp(zoom) > 1e-3:
        lens = ax.twinx()
        lens.plot(seconds, zoom, color=_CURVES[1], linewidth=1.6, linestyle=(0, (5, 2)))
        lens.set_ylabel("focal length, × the first", color=_CURVES[1])
        lens.grid(visible=False)


def _rotation(ax: Axes, trajectory: Trajectory) -> None:
    """Pan, tilt and roll as a camera head would show them: heading, elevation, and roll against the horizon."""
    angles, seconds = head_angles(trajectory.rotations), _seconds(trajectory)
    for axis, label in enumerate(("pan right", "tilt up", "roll clockwise")):
        ax.plot(seconds, angles[:, axis], color=_CURVES[axis], linewidth=2, label=label)
    ax.set_title("Rotation")
    ax.set_xlabel("seconds")
    ax.set_ylabel("degrees")
    reach = 1.15 * max(float(np.abs(angles).max()), 1.0)
    ax.set_ylim(min(1.3 * float(angles.min()), -0.15 * reach), max(1.3 * float(angles.max()), 0.15 * reach))
    ax.margins(x=0.01)
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 1.16), ncols=3, handlelength=1.4, columnspacing=1.4)
