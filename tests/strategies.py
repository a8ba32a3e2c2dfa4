"""Random cameras for the property tests: smooth or not, near and far, any lens."""

import numpy as np
from hypothesis import strategies as st

from dollygrip.rotations import matrix_from_rotvec
from dollygrip.splines import cubic_spline
from dollygrip.trajectory import Trajectory


@st.composite
def rotations(draw, count: int | None = None) -> np.ndarray:
    """(N, 3, 3) unrelated rotations, angles up to half a turn and beyond."""
    count = count or draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    scale = draw(st.sampled_from([1e-7, 1e-3, 1.0, 3.0]))
    return matrix_from_rotvec(np.random.default_rng(seed).normal(scale=scale, size=(count, 3)))


@st.composite
def smooth_trajectories(draw, min_frames: int = 2, max_frames: int = 120) -> Trajectory:
    """A camera whose position, rotation and lens vary smoothly through a handful of random poses."""
    frames = draw(st.integers(min_frames, max_frames))
    knots = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.01, 1.0, 250.0]))
    at = np.linspace(0, knots - 1, frames)
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, 3] = cubic_spline(rng.normal(scale=scale, size=(knots, 3)), at)
    c2w[:, :3, :3] = matrix_from_rotvec(cubic_spline(rng.normal(scale=0.5, size=(knots, 3)), at))
    width, height = draw(st.sampled_from([(1280, 720), (720, 1280), (512, 512), (333, 200)]))
    fx = 0.9 * width * np.exp(cubic_spline(rng.normal(scale=0.2, size=(knots, 1)), at)[:, 0])
    intrinsics = np.stack([fx, fx, np.full(frames, width / 2), np.full(frames, height / 2)], 1)
    fps = draw(st.sampled_from([12.0, 23.976, 24.0, 25.0, 60.0]))
    return Trajectory(c2w, intrinsics, (width, height), fps, scene_depth=scale)
