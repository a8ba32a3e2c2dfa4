"""A textured room, and cameras that move in it: exact pictures, depth and poses, without a renderer."""

import numpy as np

from dollygrip.rotations import matrix_from_rotvec

SIZE = (512, 288)


def camera(turn=(0, 0, 0), move=(0, 0, 0), zoom=1.0, frames=9) -> tuple[np.ndarray, np.ndarray]:
    """c2w and intrinsics of a smooth move: rotation vector in radians, translation, and factor of the lens at its end.

    The path bends, so that no two frames give the whole away.
    """
    s = np.linspace(0, 1, frames)[:, None]
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(np.array(turn) * s + [0.01, 0.02, 0] * np.sin(3 * s))
    c2w[:, :3, 3] = np.array(move) * s + np.linalg.norm(move) * 0.1 * np.sin(4 * s) * [0, 1, 0]
    c2w = np.linalg.inv(c2w[0]) @ c2w
    lens = np.tile([450.0, 450.0, SIZE[0] / 2, SIZE[1] / 2], (frames, 1))
    lens[:, :2] *= zoom**s
    return c2w, lens


def picture(c2w: np.ndarray, lens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a camera sees inside a box, 8 x 5 x 10, with textured walls: uint8 (h, w, 3) and depth float32 (h, w)."""
    rng = np.random.default_rng(5)
    texture = sum(np.kron(rng.normal(size=(512 // n, 512 // n)), np.ones((n, n))) * n**0.5 for n in (4, 8, 32))
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
    rays = np.stack([(x - lens[2]) / lens[0], (y - lens[3]) / lens[1], np.ones_like(x)], -1) @ c2w[:3, :3].T
    half, centre = np.array([4, 2.5, 5]), c2w[:3, 3] - [0, 0, 4]
    reach = (np.where(rays > 0, half, -half) - centre) / np.where(np.abs(rays) < 1e-9, 1e-9, rays)
    wall = reach.argmin(-1)
    at = centre + rays * reach.min(-1)[..., None]
    u = np.take_along_axis(at, ((wall + 1) % 3)[..., None], -1)[..., 0] * 40 + 200 + 100 * wall
    v = np.take_along_axis(at, ((wall + 2) % 3)[..., None], -1)[..., 0] * 40 + 200 + 60 * (rays.sum(-1) > 0)
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = u - i, v - j
    corner = [[texture[(i + p) % 512, (j + q) % 512] for q in (0, 1)] for p in (0, 1)]
    value = (corner[0][0] * (1 - a) + corner[1][0] * a) * (1 - b) + (corner[0][1] * (1 - a) + corner[1][1] * a) * b
    grey = np.clip(128 + 18 * value, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1), reach.min(-1).astype(np.float32)
