"""Cameras recovered from points and pictures of a known room, by geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room import SIZE, camera, picture

from dollygrip.errors import DollygripError, InputError
from dollygrip.rotations import angle_between
from dollygrip_backend.video.recovery import Matches, Recovered, recover, recover_from_matches


def cloud(count: int, near: float, far: float, seed: int) -> np.ndarray:
    """Points (count, 3) before the first camera, at such depths."""
    return np.random.default_rng(seed).uniform([-4, -3, near], [4, 3, far], (count, 3))


def seen(
    c2w: np.ndarray, lens: np.ndarray, noise: float, wrong: float, seed: int, world: np.ndarray | None = None
) -> Matches:
    """Points of a cloud as the cameras see them, with pixel noise; a share of the matches is wrong."""
    rng = np.random.default_rng(seed)
    world = rng.uniform([-4, -3, 2], [4, 3, 9], (1500, 3)) if world is None else world
    points, ids = [], []
    for pose, k in zip(c2w, lens, strict=True):
        local = (world - pose[:3, 3]) @ pose[:3, :3]
        at = local[:, :2] / local[:, 2:] * k[:2] + k[2:]
        inside = (local[:, 2] > 0.5) & ((at > 0) & (at < SIZE)).all(1)
        points.append(at[inside] + rng.normal(0, noise, (inside.sum(), 2)))
        ids.append(np.flatnonzero(inside))
    pairs = {}
    for i in range(len(c2w)):
        for j in range(i + 1, len(c2w)):
            _, a, b = np.intersect1d(ids[i], ids[j], return_indices=True)
            shuffled = rng.random(len(b)) < wrong
            b[shuffled] = rng.permutation(b[shuffled])
            pairs[i, j] = np.stack([a, b], 1)
    return Matches(points, pairs)


def off(recovered: Recovered, c2w: np.ndarray) -> tuple[float, float]:
    """Largest rotation error in degrees, largest position error as a share of the path's reach, scale fitted."""
    assert recovered.found.all()
    got, true = recovered.c2w[:, :3, 3], c2w[:, :3, 3]
    angle = np.degrees(angle_between(recovered.c2w[:, :3, :3], c2w[:, :3, :3]).max())
    reach = np.linalg.norm(true, axis=1).max()
    if reach == 0:
        return angle, np.abs(got).max()
    scale = np.sum(got * true) / max(np.sum(got**2), 1e-12)
    return angle, np.linalg.norm(scale * got - true, axis=1).max() / reach


def vectors(size: float) -> st.SearchStrategy:
    return st.tuples(*[st.floats(-size, size)] * 3)


@given(vectors(0.25), vectors(1.0), st.floats(0.7, 1.6), st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_a_moving_camera_is_recovered(turn, move, zoom, seed):
    if np.linalg.norm(move) < 0.4:
        move = (0.5, *move[1:])
    c2w, lens = camera(turn, move, zoom)
    recovered = recover_from_matches(seen(c2w, lens, 0.3, 0.1, seed), lens, SIZE)
    angle, distance = off(recovered, c2w)
    assert recovered.moves and angle < 0.1 and distance < 0.02


@given(vectors(0.25), st.floats(0.6, 1.8), st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_a_camera_that_only_turns_and_zooms_gets_no_translation(turn, zoom, seed):
    c2w, lens = camera(turn, zoom=zoom)
    recovered = recover_from_matches(seen(c2w, lens, 0.3, 0.1, seed), lens, SIZE)
    angle, distance = off(recovered, c2w)
    assert not recovered.moves and distance == 0 and angle < 0.05


def test_a_slow_move_is_no_turn():
    """Trucking by a fiftieth of the depth while panning: rotations alone would be most of a degree off."""
    c2w, lens = camera((0, 0.1, 0), (0.12, 0, 0.04))
    recovered = recover_from_matches(seen(c2w, lens, 0.2, 0.05, 4), lens, SIZE)
    angle, distance = off(recovered, c2w)
    assert recovered.moves and angle < 0.15 and distance < 0.1


def floor(count: int, seed: int) -> np.ndarray:
    """Points (count, 3) on a floor that rises from 2 depth units before the first camera on."""
    world = np.random.default_rng(seed).uniform([-7, -5, 0], [7, 5, 0], (6 * count, 3))
    world[:, 2] = 8 - world[:, 1] * 0.93 / 0.35
    return world[(world[:, 2] > 2) & (world[:, 2] < 40)][:count]


@pytest.mark.parametrize("share", [0.85, 0.9, 1.0])
def test_a_floor_with_little_above_it_does_not_tell_of_another_camera(share):
    """Two cameras fit a plane; what is not on it tells which of them it was."""
    turn, move = ((-0.09, 0.11, 0), (-0.2, 0.4, -0.6)) if share < 1 else ((0, 0.2, 0), (0.9, -0.2, 0.3))
    c2w, lens = camera(turn, move, frames=6)
    world = np.concatenate([floor(round(1000 * share), 1), cloud(round(1000 * (1 - share)), 4, 7.5, 3)])
    angle, distance = off(recover_from_matches(seen(c2w, lens, 0.3, 0.02, 5, world), lens, SIZE), c2w)
    assert angle < 0.15 and distance < 0.02


def test_the_depth_of_the_first_frame_is_in_the_unit_of_the_move():
    c2w, lens = camera((0, 0.1, 0), (0.8, 0, 0.3))
    recovered = recover_from_matches(seen(c2w, lens, 0.1, 0, 3), lens, SIZE)
    got, true = recovered.c2w[:, :3, 3], c2w[:, :3, 3]
    depth = recovered.anchors[:, 2] * np.sum(got * true) / np.sum(got**2)
    assert depth.min() > 2 and depth.max() < 9.1 and depth.std() > 1


@pytest.mark.parametrize(
    ("turn", "move", "zoom"),
    [((0.02, 0.2, 0), (0.8, 0, 0.5), 1.0), ((0, 0, 0), (0, 0, 1.5), 0.8), ((0.05, 0.2, 0.1), (0, 0, 0), 1.3)],
    ids=["truck and pan", "dolly zoom", "pan and roll"],
)
def test_a_camera_is_recovered_from_pictures(turn, move, zoom):
    c2w, lens = camera(turn, move, zoom, frames=6)
    frames = [picture(pose, k)[0] for pose, k in zip(c2w, lens, strict=True)]
    recovered = recover(frames, lens)
    angle, distance = off(recovered, c2w)
    assert recovered.moves == any(move) and angle < 0.15 and distance < 0.03


def test_pictures_of_nothing_are_refused():
    _, lens = camera(frames=4)
    with pytest.raises(DollygripError, match="enough detail"):
        recover([np.full((288, 512, 3), 90, np.uint8)] * 4, lens)
    with pytest.raises(InputError, match="1 frames"):
        recover([np.zeros((288, 512, 3), np.uint8)], lens[:1])
