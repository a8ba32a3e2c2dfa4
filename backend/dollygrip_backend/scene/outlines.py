"""The outlines of an estimated depth: crisp, and where the picture has them."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

_EDGE = 0.12  # a jump of the log depth from one pixel to the next that is an edge, not a slope
_BLURRED = 0.35  # one within a few pixels
_SOFTNESS = 0.06  # a difference of colour, in 0..1, that counts little


def snapped(log_depth: Tensor, radius: int) -> Tensor:
    """(1, h, w): at edges, values between near and far go to the nearer of the two; elsewhere nothing changes.

    A network blurs an edge over a few pixels, and every value in between would hang in the air as a point of its own.
    """
    low, high = _range(log_depth, radius)
    wide_low, wide_high = _range(log_depth, 2 * radius + 1)
    # A slope spans its range evenly and goes on; an edge spans it at once, or it is level on both sides.
    blurred = (high - low > _BLURRED) & (high - low > 0.7 * (wide_high - wide_low))
    nearer = torch.where(log_depth - low < high - log_depth, low, high)
    return torch.where(blurred | _sudden(log_depth, radius, high - low), nearer, log_depth)


def _sudden(log_depth: Tensor, radius: int, span: Tensor) -> Tensor:
    """bool (1, h, w): where a step within `radius` pixels is too large a part of their span (1, h, w) for a slope."""
    step = functional.max_pool2d(_steepest(log_depth)[None], 2 * radius + 1, 1, radius)[0]
    return (step > _EDGE) & (step > 0.4 * span)


def _range(x: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """The least and the most of (1, h, w) within `radius` pixels."""
    size = 2 * radius + 1
    return -functional.max_pool2d(-x[None], size, 1, radius)[0], functional.max_pool2d(x[None], size, 1, radius)[0]


def _steepest(x: Tensor) -> Tensor:
    """(1, h, w): the largest difference to the right-hand or lower neighbour."""
    across = functional.pad((x[:, :, 1:] - x[:, :, :-1]).abs(), (0, 1))
    down = functional.pad((x[:, 1:] - x[:, :-1]).abs(), (0, 0, 0, 1))
    return torch.maximum(across, down)


def aligned(log_depth: Tensor, ground: Tensor, picture: Tensor, detailed: Tensor) -> tuple[Tensor, Tensor]:
    """Joint bilateral upsampling (Kopf et al. 2007): log depth (h, w), where it is that of a surface (h, w), and their
    picture (1, 3, h, w) -> the log depth and the share of surface, (H, W) of `detailed` (1, 3, H, W).

    Each pixel takes the mean of its 4 x 4 coarse neighbours, weighted by how near they are and how alike in colour, so
    that the edges of the depth move to the edges of the image. Where an edge passes between them it is the mean of the
    near ones or of the far ones alone, whichever weigh more: nothing hangs in between. The sky has no depth to add.
    """
    shape = detailed.shape[2:]
    low, high = _range(log_depth[None], 2)
    beside = _sudden(log_depth[None], 2, high - low).float()
    at = functional.interpolate(beside[None], shape, mode="nearest-exact").flatten().nonzero()[:, 0]
    total, surface, depth = (torch.zeros(shape, device=picture.device) for _ in range(3))
    weights, values = [], []
    for weight, value, there in _neighbours(log_depth, ground, picture, detailed):
        total += weight
        weight *= there
        surface += weight
        depth += weight * value
        weights.append(weight.flatten()[at])
        values.append(value.flatten()[at])
    depth /= surface.clamp_min(1e-12)
    depth.view(-1)[at] = _of_one_side(torch.stack(weights), torch.stack(values), at, shape, shape[1] / picture.shape[3])
    return depth, surface / total


def _of_one_side(weights: Tensor, values: Tensor, at: Tensor, shape: tuple[int, int], scale: float) -> Tensor:
    """(N,) means of weighted values (16, N), at the pixels `at` of a plane of `shape`, of the near or of the far alone.

    A side is that of a coarse pixel's surroundings, `scale` pixels wide: fur or leaves would scatter it over single
    pixels.
    """
    far = values > sum(values.aminmax(dim=0)) / 2
    share = (weights * far).sum(0) / weights.sum(0).clamp_min(1e-12)
    plane = torch.zeros(2, shape[0] * shape[1], device=at.device)
    plane[:, at] = torch.stack([share, torch.ones_like(share)])
    around = max(1, 2 * round(0.75 * scale) - 1)
    shares, count = functional.avg_pool2d(plane.unflatten(1, shape), around, 1, around // 2).flatten(1)[:, at]
    is_far = (shares > count / 2) & (share > 0) | (share >= 1)
    weights = weights * (far == is_far)
    return (weights * values).sum(0) / weights.sum(0).clamp_min(1e-12)


def _neighbours(
    log_depth: Tensor, ground: Tensor, picture: Tensor, detailed: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Of each of the 4 x 4 coarse neighbours the weights, log depths and whether it is a surface, all (H, W)."""
    height, width = detailed.shape[2:]
    h, w = log_depth.shape
    y = (torch.arange(height, device=picture.device) + 0.5) * (h / height) - 0.5
    x = (torch.arange(width, device=picture.device) + 0.5) * (w / width) - 0.5
    for dy in (-1, 0, 1, 2):
        row = y.floor() + dy
        near_y = torch.exp(-((row - y) ** 2) / 1.3)
        rows = row.long().clamp(0, h - 1)
        for dx in (-1, 0, 1, 2):
            column = x.floor() + dx
            near = near_y[:, None] * torch.exp(-((column - x) ** 2) / 1.3)
            columns = column.long().clamp(0, w - 1)
            colour = picture[0][:, rows][:, :, columns]
            alike = torch.exp(-(detailed[0] - colour).square().sum(0) / (2 * _SOFTNESS**2)) + 1e-4
            yield near * alike, log_depth[rows][:, columns], ground[rows][:, columns]
