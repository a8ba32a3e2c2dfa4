"""What the network is told beside words: the shot's numbers, and the reference as a small picture with disparity."""

import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.data.grammar.motion import Context
from dollygrip_backend.predictor.network import PICTURE_SIZE


def condition_vector(context: Context) -> np.ndarray:
    """(8,) of a context. The subject's distance is not among them: it is the unit of the trajectory's positions."""
    x, y = context.subject or (0.5, 0.5)
    logs = np.log([context.view_degrees / 50, context.duration / 3.4, context.strength, context.scene_depth])
    where = [x - 0.5, y - 0.5, context.subject is not None]
    return np.array([*logs, *where, np.log(context.aspect)], np.float32)


def picture_planes(image: np.ndarray, depth: np.ndarray | None, scene_depth: float) -> Tensor:
    """uint8 (H, W, 3) and depth (H, W) in the unit of scene_depth, or None -> float (5, 64, 96).

    Colours in -1..1; disparity scene_depth / depth, at most 4, 0 in the sky; a plane of ones where there is a depth.
    """
    colours = _resized(torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()) / 127.5 - 1
    disparity = torch.zeros(2, *colours.shape[1:])
    if depth is not None:
        near = torch.from_numpy(np.minimum(scene_depth / np.maximum(depth, 1e-6), 4).astype(np.float32))
        disparity[0], disparity[1] = _resized(near[None])[0], 1
    return torch.cat([colours, disparity])


def _resized(planes: Tensor) -> Tensor:
    """(C, H, W) -> (C, 64, 96) by area, so that no pixel is skipped."""
    width, height = PICTURE_SIZE
    if planes.shape[1:] == (height, width):
        return planes
    return torch.nn.functional.interpolate(planes[None], (height, width), mode="area")[0]


def central_depth(depth: np.ndarray) -> float:
    """Median depth of the picture's central ninth: what a move without a named subject turns about."""
    h, w = depth.shape
    return float(np.median(depth[h // 3 : h - h // 3, w // 3 : w - w // 3]))
