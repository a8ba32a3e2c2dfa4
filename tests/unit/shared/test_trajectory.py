import json

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import smooth_trajectories

from dollygrip.errors import TrajectoryError
from dollygrip.rotations import angle_between
from dollygrip.trajectory import MAX_FRAMES, Trajectory


def still(frames: int = 5) -> Trajectory:
    return Trajectory(np.tile(np.eye(4), (frames, 1, 1)), np.tile([900.0, 900, 640, 360], (frames, 1)), (1280, 720), 24)


def spoiled(index, value) -> dict:
    c2w = still().c2w.copy()
    c2w[index] = value
    return {"c2w": c2w}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (spoiled((2, 0, 3), np.nan), "Frame 2 has a pose that is not finite"),
        (spoiled((3, 0, 0), 1.5), "Frame 3 has a pose that is not rigid"),
        (spoiled((1, 2, 2), -1.0), "Frame 1 has a mirrored pose"),
        (spoiled((4, 3, 0), 0.1), "Frame 4 has a pose whose last row"),
        ({"c2w": np.zeros((0, 4, 4)), "intrinsics": np.zeros((0, 4))}, f"has 1 to {MAX_FRAMES} frames, not 0"),
        ({"c2w": np.zeros((5, 3, 4))}, r"shape \(frames, 4, 4\)"),
        ({"intrinsics": np.ones((4, 4))}, r"Intrinsics must have the shape \(5, 4\)"),
        ({"intrinsics": np.full((5, 4), -1.0)}, "Frame 0 has a focal length that is not positive"),
        ({"fps": 0}, "frame rate must be a positive number"),
        ({"scene_depth": float("inf")}, "scene depth must be a positive number"),
        ({"size": (0, 720)}, "image size must be positive"),
    ],
)
def test_what_breaks_the_convention_is_named(change, says):
    with pytest.raises(TrajectoryError, match=says):
        attrs.evolve(still(), **change)


@given(smooth_trajectories())
def test_relative_starts_at_the_identity_and_placed_puts_it_back(trajectory):
    relative = trajectory.relative()
    assert np.allclose(relative.c2w[0], np.eye(4), atol=1e-9)
    back = relative.placed(trajectory.c2w[0])
    assert np.allclose(back.c2w, trajectory.c2w, atol=1e-9 * trajectory.scene_depth + 1e-12)


@given(
    smooth_trajectories(), st.integers(0, 119), smooth_trajectories(max_frames=2), st.sampled_from([0.01, 1.0, 30.0])
)
def test_the_references_view_stays_the_frames_that_it_was(trajectory, frame, elsewhere, scale):
    frame %= len(trajectory)
    pose, lens = trajectory.c2w[frame].tolist(), trajectory.intrinsics[frame].tolist()
    meta = {"reference": {"sha256": "0", "c2w": pose, "intrinsics": lens}, "seed": 3}
    trajectory = attrs.evolve(trajectory, meta=meta)
    placed = trajectory.placed(elsewhere.c2w[0], scale)
    for changed in (trajectory.relative(), placed, placed.resized((1024, 300))):
        seen = changed.meta["reference"]
        assert np.allclose(seen["c2w"], changed.c2w[frame], atol=1e-9 * changed.scene_depth + 1e-12)
        assert seen["intrinsics"] == pytest.approx(changed.intrinsics[frame])
        assert seen["sha256"] == "0" and changed.meta["seed"] == 3
        assert json.loads(json.dumps(changed.meta)) == changed.meta
    assert trajectory.meta["reference"] == {"sha256": "0", "c2w": pose, "intrinsics": lens}


@pytest.mark.parametrize("reference", [None, "a.png", {"sha256": "0"}, {"c2w": [1, 2], "intrinsics": ["a", {}]}])
def test_a_reference_without_a_view_stays_as_it_is(reference):
    trajectory = attrs.evolve(still(), meta={"reference": reference})
    for changed in (trajectory.relative(), trajectory.placed(np.eye(4), 2.0), trajectory.resized((64, 64))):
        assert changed.meta == {"reference": reference}


@given(smooth_trajectories(min_frames=3), st.integers(2, 5))
def test_resampling_to_a_multiple_keeps_the_original_frames(trajectory, factor):
    """(T-1) * k + 1 frames over the same time pass exactly through the T given poses and lenses."""
    fine = trajectory.resampled((len(trajectory) - 1) * factor + 1)
    kept = fine.c2w[::factor]
    assert np.allclose(kept[:, :3, 3], trajectory.positions, atol=1e-9 * trajectory.scene_depth)
    assert angle_between(kept[:, :3, :3], trajectory.rotations).max() < 1e-6
    assert np.allclose(fine.intrinsics[::factor], trajectory.intrinsics, rtol=1e-9)


def test_resampling_is_smooth_between_frames():
    """A quarter orbit given by 13 poses, resampled to 500: within 1e-4 of the true circle, C2 (no jumps)."""
    angle = np.linspace(0, np.pi / 2, 13)
    c2w = np.tile(np.eye(4), (13, 1, 1))
    c2w[:, 0, 0] = c2w[:, 2, 2] = np.cos(angle)
    c2w[:, 2, 0] = np.sin(angle)
    c2w[:, 0, 2] = -np.sin(angle)
    c2w[:, 0, 3], c2w[:, 2, 3] = np.sin(angle), 1 - np.cos(angle)
    coarse = Trajectory(c2w, np.tile([900.0, 900, 640, 360], (13, 1)), (1280, 720), 24)
    fine = coarse.resampled(500)
    radius = np.linalg.norm(fine.positions - [0, 0, 1], axis=1)
    assert np.abs(radius - 1).max() < 1e-4
    acceleration = np.diff(fine.positions, 2, axis=0)
    assert np.abs(np.diff(acceleration, axis=0)).max() < 0.02 * np.abs(acceleration).max()


@given(smooth_trajectories(), st.sampled_from([(640, 360), (100, 700)]))
def test_resized_keeps_the_framing(trajectory, size):
    """A point projects to the same place relative to the image, whatever the image's size."""
    point = np.array([0.3, -0.2, 2.0])

    def share_of_image(camera: Trajectory) -> np.ndarray:
        fx, fy, cx, cy = camera.intrinsics[0]
        pixel = np.array([fx * point[0] / point[2] + cx, fy * point[1] / point[2] + cy])
        return pixel / camera.size

    assert share_of_image(trajectory.resized(size)) == pytest.approx(share_of_image(trajectory))
