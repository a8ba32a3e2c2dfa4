"""The network's view of a camera: normalised channels over normalised time; `predictor.level` gives them back as poses.

The channels are those of `predictor.motion`: position in subject distances, yaw, pitch, roll, log focal ratio, all
relative to frame 0. Angles instead of matrices keep full turns and make a pan exactly one channel.
"""

from functools import lru_cache

import numpy as np

from dollygrip.rotations import euler_xyz_from_matrix, matrix_from_euler_xyz
from dollygrip.splines import cubic_spline

_STIR, _ARRIVING = 0.015, 0.06  # of a channel's range: the faint stir of a network, and what may still be a move
_BORDER = 6  # samples next to a move in which a channel still comes to rest
SCALE = np.array([0.4, 0.3, 0.4, 0.5, 0.4, 0.4, 0.4])  # typical amounts: subject distances, radians, log ratio
KNOTS = 24  # of the spline that every trajectory of the network is

# R = Ry(yaw) Rx(pitch) Rz(roll) is Rz Ry Rx with the axes renamed: z, x, y for x, y, z.
_CYCLE = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)


def rotation_of_angles(angles: np.ndarray) -> np.ndarray:
    """(T, 3) yaw, pitch, roll in radians -> (T, 3, 3)."""
    return _CYCLE.T @ matrix_from_euler_xyz(np.asarray(angles)[..., ::-1]) @ _CYCLE


def angles_of_rotation(rotation: np.ndarray) -> np.ndarray:
    """(T, 3, 3) -> (T, 3) yaw, pitch, roll in radians, without flips along T."""
    return euler_xyz_from_matrix(_CYCLE @ rotation @ _CYCLE.T)[..., ::-1]


@lru_cache
def low_pass(samples: int, knots: int) -> np.ndarray:
    """(samples, samples) least-squares projection on cubic splines with `knots` knots that are zero at the start."""
    basis = cubic_spline(np.eye(knots), np.linspace(0, knots - 1, samples))[:, 1:]
    return basis @ np.linalg.pinv(basis)


def resting(channels: np.ndarray, storyboard: np.ndarray) -> np.ndarray:
    """(..., T, 7) channels that lie still where their storyboard (..., T, 7) rests and they hardly stir.

    Within _STIR of a channel's range, or of its SCALE, from where it rests it is put there; _ARRIVING away it is left
    alone.
    """
    away = channels - storyboard
    stir = np.abs(away) / np.maximum(np.ptp(storyboard, axis=-2, keepdims=True), SCALE)
    calm = 1 - _smoothstep((stir - _STIR) / (_ARRIVING - _STIR))
    return channels - away * calm * _smoothstep(_inside(storyboard) / _BORDER)


def _inside(storyboard: np.ndarray) -> np.ndarray:
    """(..., T, 7): how many samples away the storyboard moves; 0 where it does, T where it never does."""
    moves = np.abs(np.diff(storyboard, axis=-2)) > 1e-5
    none = np.zeros_like(moves[..., :1, :])
    moving = np.concatenate([none, moves], -2) | np.concatenate([moves, none], -2)
    at = np.arange(moving.shape[-2])
    distance = np.abs(at[:, None] - at)[..., None]  # (T, T, 1)
    far = np.where(moving[..., None, :, :], distance, len(at)).min(-2)
    return far.astype(float)


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def onward(channels: np.ndarray, storyboard: np.ndarray) -> np.ndarray:
    """(..., T, 7) channels that never go back where their storyboard (..., T, 7) goes one way only: they wait."""
    asked, steps = np.diff(storyboard, axis=-2), np.diff(channels, axis=-2)
    way = np.sign(storyboard[..., -1:, :] - storyboard[..., :1, :])
    one_way = (way != 0) & np.all(asked * way > -1e-6, axis=-2, keepdims=True)
    steps = np.where(one_way, np.maximum(steps * way, 0) * way, steps)
    return np.concatenate([channels[..., :1, :], channels[..., :1, :] + np.cumsum(steps, -2)], -2)


def ending_at(channels: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(..., T, 7) channels corrected to end exactly at `end` (..., 7): what is amiss is made good while a channel moves
    anyway, and as fast as it moves, so that nothing stirs where it rested."""
    travelled = np.cumsum(np.abs(np.diff(channels, axis=-2, prepend=channels[..., :1, :])), axis=-2)
    share = travelled / np.maximum(travelled[..., -1:, :], 1e-9)
    return channels + (end - channels[..., -1, :])[..., None, :] * share


def resample(channels: np.ndarray, frames: int) -> np.ndarray:
    """(64, 7) -> (frames, 7) over the same normalised time by a C2 spline; one frame is frame 0."""
    at = np.linspace(0, len(channels) - 1, frames) if frames > 1 else np.zeros(1)
    return cubic_spline(channels, at)
