"""Small SVG figures of a trajectory for the pages of the evaluation: its path and its seven amounts over time."""

import numpy as np

from dollygrip.trajectory import Trajectory
from dollygrip_backend.evaluation.judge import AXES, LEAST, components

COLOURS = dict(zip(AXES, ("#c30", "#e80", "#a6b", "#06c", "#2a7", "#555", "#a70"), strict=True))
_SIDE, _WIDTH = 80, 150
_RIGHT, _DOWN, _FORWARD = 0, 1, 2  # OpenCV axes


def top_view(trajectory: Trajectory) -> str:
    """The path from above, frame 0 looking up the page; the figure is two scene depths across."""
    return _view(trajectory, _RIGHT, _FORWARD, -1)


def side_view(trajectory: Trajectory) -> str:
    """The path from its right-hand side, frame 0 looking to the right; the figure is two scene depths across."""
    return _view(trajectory, _FORWARD, _DOWN, 1)


def curves(trajectory: Trajectory) -> str:
    """The running amounts of `judge.components` over time, each in units of its least visible amount.

    The dashed lines are one such unit up and down; the scale is that of the largest amount. COLOURS names the axes.
    """
    amounts = components(trajectory) / [LEAST[axis] for axis in AXES]
    middle = _SIDE / 2
    scale = (middle - 4) / max(2.0, float(np.abs(amounts).max()))
    times = np.linspace(0, _WIDTH, len(amounts))
    lines = "".join(_polyline(times, middle - scale * amounts[:, i], COLOURS[axis]) for i, axis in enumerate(AXES))
    floors = "".join(
        f"<line x1=0 x2={_WIDTH} y1={y:.1f} y2={y:.1f} stroke=#bbb stroke-dasharray=2 />"
        for y in (middle - scale, middle + scale)
    )
    return f"<svg width={_WIDTH} height={_SIDE}>{floors}{lines}</svg>"


def _view(trajectory: Trajectory, across: int, along: int, sign: int) -> str:
    """A projection on the axes `across` and `along` (times `sign`); nine ticks show where the camera looks."""
    relative, half = trajectory.relative(), _SIDE / 2
    turn = np.array([1, sign])
    points = relative.positions[:, [across, along]] / relative.scene_depth * half * turn + half
    looks = relative.rotations[:, [across, along], 2] * turn * 9
    shown = np.unique(np.linspace(0, len(points) - 1, 9).astype(int))
    ticks = "".join(
        f"<line x1={x:.1f} y1={y:.1f} x2={x + dx:.1f} y2={y + dy:.1f} stroke=#08c />"
        for (x, y), (dx, dy) in zip(points[shown], looks[shown], strict=True)
    )
    return f"<svg width={_SIDE} height={_SIDE}>{ticks}{_polyline(*points.T, '#c30')}</svg>"


def _polyline(x: np.ndarray, y: np.ndarray, colour: str) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f"<polyline points='{points}' fill=none stroke={colour} stroke-width=1.5 />"
