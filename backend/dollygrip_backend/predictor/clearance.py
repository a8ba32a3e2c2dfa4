"""Room to move: no camera path through the surfaces that the reference view shows."""

import numpy as np
import torch

LEAST = 0.05  # of scene depth: the closest that a camera comes to a surface unless it is asked to
_COLUMNS = 96


def visible_points(depth: np.ndarray, view_degrees: float, centre: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    """(N, 3) points of a depth map (H, W) in the reference camera's frame and the depth's unit; the sky left out.

    centre: (x, y) of the optical axis, as fractions of the map.
    """
    h, w = depth.shape
    step = max(1, w // _COLUMNS)
    z = depth[step // 2 :: step, step // 2 :: step].astype(np.float64)
    half = np.tan(np.radians(view_degrees) / 2)
    x = 2 * ((np.arange(z.shape[1]) * step + step // 2 + 0.5) / w - centre[0]) * half
    y = 2 * ((np.arange(z.shape[0]) * step + step // 2 + 0.5) / h - centre[1]) * half * h / w
    seen = np.isfinite(z)
    x, y = (np.broadcast_to(side, z.shape)[seen] for side in (x, y[:, None]))
    return np.stack([z[seen] * x, z[seen] * y, z[seen]], -1)


def clearance(positions: np.ndarray, points: np.ndarray) -> float:
    """The least distance from a path (T, 3) to points (N, 3), where it is nearer than the start was; inf if never."""
    if not len(points) or not len(positions):
        return float("inf")
    distances = torch.cdist(torch.from_numpy(positions).float(), torch.from_numpy(points).float()).amin(1).numpy()
    nearer = distances[distances < distances[0] - 1e-9]
    return float(nearer.min()) if len(nearer) else float("inf")
