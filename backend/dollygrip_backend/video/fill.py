"""The classical fill: holes take the colours around them, from the far side of a depth edge first."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d, pad

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
    # Channels come first: a pass over such planes is several times faster than one over interleaved colours.
    values = torch.cat([rgb.movedim(-1, -3), disparity.unsqueeze(-3)], -3).reshape(-1, 4, *hole.shape[-2:])
    sums = _weighted(values, weight.reshape(-1, 1, *hole.shape[-2:]))
    filled = sum(_mean(_push_pull(sums, stretch)) for stretch in (0, STRETCHED)) / 2
    filled[~known.flatten(-2).any(-1).reshape(-1), :3] = 127.5
    filled[:, 3].clamp_min_(0.0)
    filled = torch.where(hole.reshape(-1, 1, *hole.shape[-2:]), filled, values)
    filled = filled.reshape(*hole.shape[:-2], 4, *hole.shape[-2:])
    return filled[..., :3, :, :].movedim(-3, -1), filled[..., 3, :, :]


def fill_along(rgb: Tensor, disparity: Tensor, hole: Tensor) -> Tensor:
    """rgb (h, w, 3) without holes, where the disparity (h, w) is known in the holes, too; known pixels are unchanged.

    A hole takes the colours of surfaces at its own depth: a push-pull for each of a few overlapping ranges of depth.
    """
    known = ~hole
    if not hole.any() or not known.any():
        return fill_holes(rgb, disparity, hole)[0]
    level = torch.log(disparity / disparity[known].median().clamp_min(1e-12) + SKY / 10)
    level = (level - level.min()) / (level.max() - level.min()).clamp_min(1e-6) * (RANGES - 1)
    values = rgb.permute(2, 0, 1)[None]
    filled = torch.zeros_like(values)
    for middle in range(RANGES):
        share = (1 - (level - middle).abs()).clamp_min(0)
        weight = torch.where(known, share + ELSEWHERE, 0.0)
        filled += share * _mean(_push_pull(_weighted(values, weight[None, None])))
    return torch.where(hole, filled, values)[0].permute(1, 2, 0)


def _weighted(values: Tensor, weight: Tensor) -> Tensor:
    """Values (N, C, h, w) times weight (N, 1, h, w), and the weight as one more channel."""
    return torch.cat([values * weight, weight], 1)


def _mean(sums: Tensor) -> Tensor:
    """What `_weighted` was made from."""
    return sums[:, :-1] / sums[:, -1:].clamp_min(1e-20)


def _push_pull(sums: Tensor, stretch: int = 0) -> Tensor:
    """`_weighted` sums (N, C + 1, h, w) -> the same with sums of what is around where the weight is 0.

    Going down sums are averaged. Coming up, too, neighbours count by their weight: a near surface does not bleed into
    what lies behind it. stretch: halvings of the width alone that come first.
    """
    height, width = sums.shape[-2:]
    if height <= 1 and width <= 1:
        return sums
    down = 1 if stretch > 0 and width > 1 else 2
    coarse = pad(sums, (0, width % 2, 0, height % down)) if width % 2 or height % down else sums
    if down == 2:
        coarse = (coarse[..., ::2, :] + coarse[..., 1::2, :]).div_(2)
    coarse = (coarse[..., ::2] + coarse[..., 1::2]).div_(2)
    above = interpolate(_push_pull(coarse, stretch - 1), scale_factor=(down, 2), mode="bilinear", align_corners=False)
    return torch.addcmul(sums, above[..., :height, :width], (sums[:, -1:] == 0).to(sums))  # there all sums are 0


def grow(mask: Tensor, pixels: int) -> Tensor:
    """bool (..., h, w) -> the same, dilated by a square of so many pixels on each side."""
    if pixels < 1:
        return mask
    grown = max_pool2d(mask.reshape(1, -1, *mask.shape[-2:]).float(), 2 * pixels + 1, 1, pixels)
    return grown.view_as(mask) > 0
