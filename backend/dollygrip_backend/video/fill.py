"""The classical fill: holes take the colours around them, from the far side of a depth edge first."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

FAR = 1.0  # exponent by which a nearer surface counts less in a hole beside it; measured: more costs more than it gains
SKY = 0.5  # added to disparity, relative to the median, so that the sky does not outweigh all else
STRETCHED = 2  # halvings of the width alone before those of both sides: floors, walls and skies go on sideways
RANGES = 12  # of depth, that are filled each for itself where it is known …
ELSEWHERE = 1e-6  # … with this weight for all other depths, where there is no better


def fill_holes(rgb: Tensor, disparity: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """rgb (..., h, w, 3), disparity and hole, bool, (..., h, w), of one image or many at once -> rgb and disparity
    without holes; known pixels are returned unchanged.

    A push-pull pyramid (Gortler et al. 1996): averages of what is known go down, and come back up into what is not.
    Two of them are averaged, one looking as far to all sides, one farther to the left and right; measured, their errors
    differ enough for their mean to be better than either. A hole beside an edge was hidden by the nearer surface, so it
    belongs to the farther one: far pixels weigh more.
    An image that is all hole becomes grey, at infinity.
    """
    if not hole.any():
        return rgb, disparity
    known = ~hole
    median = torch.where(known, disparity, torch.nan).flatten(-2).nanmedian(-1).values[..., None, None]
    weight = torch.where(known, ((disparity / median.clamp_min(1e-12)).clamp_min(0) + SKY) ** -FAR, 0.0)
    values = torch.where(known[..., None], torch.cat([rgb, disparity[..., None]], -1), 0.0)
    values = values.movedim(-1, -3).reshape(-1, 4, *hole.shape[-2:])
    weight = weight.reshape(-1, 1, *hole.shape[-2:])
    filled = sum(_push_pull(values, weight, stretch)[0] for stretch in (0, STRETCHED)) / 2
    filled = filled.movedim(1, -1).reshape(*hole.shape, 4)
    empty = ~known.any(-1).any(-1)[..., None, None]
    return torch.where(empty[..., None], 127.5, filled[..., :3]), filled[..., 3].clamp_min(0.0)


def fill_along(rgb: Tensor, disparity: Tensor, hole: Tensor) -> Tensor:
    """rgb (h, w, 3) without holes, where the disparity (h, w) is known in the holes, too; known pixels are unchanged.

    A hole takes the colours of surfaces at its own depth: a push-pull for each of a few overlapping ranges of depth.
    """
    known = ~hole
    if not hole.any() or not known.any():
        return fill_holes(rgb, disparity, hole)[0]
    level = torch.log(disparity / disparity[known].median().clamp_min(1e-12) + SKY / 10)
    level = (level - level.min()) / (level.max() - level.min()).clamp_min(1e-6) * (RANGES - 1)
    values = torch.where(known, rgb.permute(2, 0, 1), 0.0)[None]
    filled = torch.zeros_like(rgb)
    for middle in range(RANGES):
        share = (1 - (level - middle).abs()).clamp_min(0)
        weight = torch.where(known, share + ELSEWHERE, 0.0)
        filled += share[..., None] * _push_pull(values, weight[None, None])[0][0].permute(1, 2, 0)
    return torch.where(hole[..., None], filled, rgb)


def _push_pull(values: Tensor, weight: Tensor, stretch: int = 0) -> tuple[Tensor, Tensor]:
    """values (N, C, h, w) where weight (N, 1, h, w) > 0 -> values everywhere, and their weights.

    stretch: halvings of the width alone that come first.
    """
    height, width = weight.shape[-2:]
    if height <= 1 and width <= 1:
        return values, weight
    across, down = 2, 1 if stretch > 0 and width > 1 else 2
    odd = (0, width % across, 0, height % down)
    total = avg_pool2d(pad(weight, odd), (down, across))
    mean = avg_pool2d(pad(values * weight, odd), (down, across)) / total.clamp_min(1e-20)
    mean, total = _push_pull(mean, total, stretch - 1)
    # Coming up, too, neighbours count by their weight: a near surface does not bleed into what lies behind it.
    above = torch.cat([mean * total, total], 1)
    above = interpolate(above, scale_factor=(down, across), mode="bilinear", align_corners=False)
    above = above[..., :height, :width]
    coarse, share = above[:, :-1] / above[:, -1:].clamp_min(1e-20), above[:, -1:]
    known = weight > 0
    return torch.where(known, values, coarse), torch.where(known, weight, share)


def grow(mask: Tensor, pixels: int) -> Tensor:
    """bool (..., h, w) -> the same, dilated by a square of so many pixels on each side."""
    if pixels < 1:
        return mask
    grown = max_pool2d(mask.reshape(1, -1, *mask.shape[-2:]).float(), 2 * pixels + 1, 1, pixels)
    return grown.view_as(mask) > 0
