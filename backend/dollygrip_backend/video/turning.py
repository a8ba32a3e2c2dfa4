"""A camera that only turns: its rotations from matched points, and how far these are from being explained by them."""

import numpy as np

from dollygrip.rotations import matrix_from_rotvec

_SOFT = 1.0  # pixels: residuals beyond count less and less (Cauchy)
_STEPS = 30


def turning(
    points: list[np.ndarray], pairs: dict[tuple[int, int], np.ndarray], intrinsics: np.ndarray
) -> tuple[np.ndarray, dict[tuple[int, int], np.ndarray]]:
    """Rotations that best explain matches between the frames of a camera that stands still.

    points: for each frame (N, 2) in pixels; pairs: (i, j) with i < j -> (M, 2) indices; intrinsics (T, 4) in pixels.
    Returns camera-to-world rotations (T, 3, 3), the identity for the first frame that has a match and NaN for frames
    that no match connects to it, and (M,) residuals in pixels of the pairs of the others.

    A match of unit rays a in frame i and b in frame j leaves R_i a - R_j b. Its Cauchy-weighted squares are summed over
    all matches and lowered by Gauss-Newton steps R <- exp(w) R for all frames at once.
    """
    rays = [_rays(at, lens) for at, lens in zip(points, intrinsics, strict=True)]
    focal = float(intrinsics[:, :2].mean())
    rotations = _chained(rays, pairs, len(intrinsics), focal)
    used = np.flatnonzero(np.isfinite(rotations).all((1, 2)))
    place = {frame: k for k, frame in enumerate(used)}
    joined = [pair for pair in pairs if pair[0] in place]
    matched = [(place[i], place[j], rays[i][pairs[i, j][:, 0]], rays[j][pairs[i, j][:, 1]]) for i, j in joined]
    turned = rotations[used]
    for _ in range(_STEPS):
        step = _step(turned, matched, focal)
        turned = matrix_from_rotvec(step) @ turned
        if np.abs(step).max() < 1e-8:
            break
    rotations[used] = turned
    residuals = (np.linalg.norm(a @ turned[i].T - b @ turned[j].T, axis=1) * focal for i, j, a, b in matched)
    return rotations, dict(zip(joined, residuals, strict=True))


def _rays(points: np.ndarray, lens: np.ndarray) -> np.ndarray:
    rays = np.column_stack([(points - lens[2:]) / lens[:2], np.ones(len(points))])
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _chained(rays: list[np.ndarray], pairs: dict[tuple[int, int], np.ndarray], frames: int, focal: float) -> np.ndarray:
    """A start for the adjustment: each frame's rotation from the nearest frame before it that is known."""
    rotations = np.full((frames, 3, 3), np.nan)
    rotations[min(i for i, _ in pairs)] = np.eye(3)
    for i, j in sorted(pairs, key=lambda pair: (pair[1], -pair[0])):
        if np.isnan(rotations[j]).any() and np.isfinite(rotations[i]).all():
            match = pairs[i, j]
            rotations[j] = rotations[i] @ _aligned(rays[j][match[:, 1]], rays[i][match[:, 0]], focal)
    return rotations


def _aligned(a: np.ndarray, b: np.ndarray, focal: float) -> np.ndarray:
    """The rotation R with R a = b for rays (M, 3), by Kabsch's method with weights that outliers lose."""
    weight = np.ones(len(a))
    for _ in range(10):
        u, _, vt = np.linalg.svd((b * weight[:, None]).T @ a)
        rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        error = np.linalg.norm(a @ rotation.T - b, axis=1) * focal
        weight = 1 / (1 + (error / max(np.median(error), _SOFT)) ** 2)
    return rotation


def _step(rotations: np.ndarray, matched: list, focal: float) -> np.ndarray:
    """(T, 3) rotation vectors of one Gauss-Newton step; that of the first frame is zero."""
    count = len(rotations)
    normal, gradient = np.zeros((count, 3, count, 3)), np.zeros((count, 3))
    for i, j, a, b in matched:
        p, q = a @ rotations[i].T, b @ rotations[j].T
        error = p - q
        weight = 1 / (1 + np.sum(error**2, 1) * (focal / _SOFT) ** 2)
        normal[i, :, i] += _curvature(p, p, weight)
        normal[j, :, j] += _curvature(q, q, weight)
        normal[i, :, j] -= _curvature(p, q, weight)
        normal[j, :, i] -= _curvature(q, p, weight)
        turn = weight @ np.cross(p, error)
        gradient[i] += turn
        gradient[j] -= turn  # q x error is p x error
    free = normal.reshape(3 * count, 3 * count)[3:, 3:]
    step = np.zeros(3 * count)
    step[3:] = -np.linalg.solve(free + 1e-9 * np.eye(len(free)), gradient.ravel()[3:])
    return step.reshape(count, 3)


def _curvature(p: np.ndarray, q: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sum over matches of [p]x^T [q]x = (p.q) I - q p^T."""
    return (weight @ np.sum(p * q, 1)) * np.eye(3) - (q * weight[:, None]).T @ p
