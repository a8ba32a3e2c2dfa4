"""Rotations as numpy arrays, vectorised over frames. Quaternions are (w, x, y, z), Hamilton, unit length."""

import numpy as np


def matrix_from_quaternion(q: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions -> (..., 3, 3) rotation matrices."""
    w, x, y, z = np.moveaxis(np.asarray(q, float), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def quaternion_from_matrix(r: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation matrices -> (..., 4) unit quaternions; the sign is arbitrary.

    Of the four classical formulas the one with the largest pivot is taken for each matrix (Shepperd 1978), so no
    angle is ill-conditioned.
    """
    r = np.asarray(r, float)
    d0, d1, d2 = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    a, b, c = r[..., 2, 1], r[..., 0, 2], r[..., 1, 0]
    at, bt, ct = r[..., 1, 2], r[..., 2, 0], r[..., 0, 1]
    candidates = np.stack(
        [
            np.stack([1 + d0 + d1 + d2, a - at, b - bt, c - ct], -1),
            np.stack([a - at, 1 + d0 - d1 - d2, c + ct, b + bt], -1),
            np.stack([b - bt, c + ct, 1 - d0 + d1 - d2, a + at], -1),
            np.stack([c - ct, b + bt, a + at, 1 - d0 - d1 + d2], -1),
        ],
        -2,
    )
    pivot = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), -1)
    q = np.take_along_axis(candidates, pivot[..., None, None], -2)[..., 0, :]
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def continuous_quaternions(q: np.ndarray) -> np.ndarray:
    """(T, 4) -> the same rotations with signs chosen so that neighbours lie in one hemisphere."""
    steps = np.where(np.sum(q[1:] * q[:-1], -1) < 0, -1.0, 1.0)
    return q * np.concatenate([[1.0], np.cumprod(steps)])[:, None]


def matrix_from_rotvec(v: np.ndarray) -> np.ndarray:
    """(..., 3) axis times angle in radians -> (..., 3, 3), by way of the quaternion."""
    v = np.asarray(v, float)
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    half_sinc = 0.5 * np.sinc(angle / (2 * np.pi))  # sin(angle / 2) / angle, finite at zero
    return matrix_from_quaternion(np.concatenate([np.cos(angle / 2), half_sinc * v], -1))


def rotvec_from_matrix(r: np.ndarray) -> np.ndarray:
    """(..., 3, 3) -> (..., 3) axis times angle in radians, angle in [0, pi]."""
    q = quaternion_from_matrix(r)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Geodesic angle in radians between rotation matrices (..., 3, 3); exact for small angles."""
    return np.linalg.norm(rotvec_from_matrix(np.swapaxes(a, -1, -2) @ b), axis=-1)


def euler_xyz_from_matrix(r: np.ndarray) -> np.ndarray:
    """(T, 3, 3) -> (T, 3) Blender 'XYZ' Euler angles in radians, R = Rz Ry Rx, without flips along T.

    Each frame has two solutions, and each angle is free by full turns: the one nearest to the frame before is taken.
    At gimbal lock (|y| = 90 degrees) x and z are not separable; x is then held from the frame before.
    """
    r = np.asarray(r, float)
    cos_y = np.hypot(r[:, 0, 0], r[:, 1, 0])
    y = np.arctan2(-r[:, 2, 0], cos_y)
    first = np.stack([np.arctan2(r[:, 2, 1], r[:, 2, 2]), y, np.arctan2(r[:, 1, 0], r[:, 0, 0])], -1)
    turn = 2 * np.pi
    if np.all(cos_y > 1e-6):
        return _nearest_branches(first, turn)
    out = first.copy()
    for t in range(len(out)):
        last = out[t - 1] if t else np.zeros(3)
        if cos_y[t] <= 1e-6:  # only x - z (y = +90) or x + z (y = -90) is determined
            x, sign = last[0], np.sign(y[t])
            out[t] = [x, y[t], sign * (x - np.arctan2(sign * r[t, 0, 1], r[t, 1, 1]))]
        other = np.array([out[t, 0] + np.pi, np.pi - out[t, 1], out[t, 2] + np.pi])
        options = [c + turn * np.round((last - c) / turn) for c in (out[t], other)]
        out[t] = min(options, key=lambda c: np.abs(c - last).sum()) if t else out[t]
    return out


def _nearest_branches(first: np.ndarray, turn: float) -> np.ndarray:
    """Branch choice for frames away from gimbal lock: flip where that makes the step smaller."""
    second = np.stack([first[:, 0] + np.pi, np.pi - first[:, 1], first[:, 2] + np.pi], -1)

    def gap(a, b):
        return np.abs((b - a + np.pi) % turn - np.pi).sum(-1)

    # Staying on one's branch costs the same for both branches, and so does changing: only the parity counts.
    stay, change = gap(first[:-1], first[1:]), gap(first[:-1], second[1:])
    flipped = np.concatenate([[0], np.cumsum(change < stay)]) % 2 == 1
    return np.unwrap(np.where(flipped[:, None], second, first), axis=0, period=turn)


def matrix_from_euler_xyz(e: np.ndarray) -> np.ndarray:
    """(..., 3) Blender 'XYZ' Euler angles in radians -> (..., 3, 3), R = Rz Ry Rx."""
    (cx, cy, cz), (sx, sy, sz) = np.moveaxis(np.cos(e), -1, 0), np.moveaxis(np.sin(e), -1, 0)
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)
