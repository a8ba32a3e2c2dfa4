"""A view in two layers: at depth edges the near surface gets a soft alpha, and the far one continues under it.

A pixel that an edge runs through shows both surfaces at once. Left as it is, its colour is dragged along with whichever
depth it was given: a bright thread on one side, a ragged rim on the other. So every pixel beside an edge is explained
as alpha * near + (1 - alpha) * far, with clean colours from either side (a closed form of the matting equation, with
the depth as its trimap). The base keeps the far share, the fringe the near one; composed they are the picture again.
"""

import attrs
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from dollygrip_backend.scene.surface import CUT_RATIO, depth_edges

RADIUS = 2  # pixels around a pixel beside an edge where its two clean colours are looked for
SIGMA = 1.2  # pixels; nearer neighbours count more
MIXED = 0.02  # weight of a neighbour that lies beside an edge itself, for where there is no cleaner one
TRUST = 3 * 24.0**2  # squared difference of near and far colour at which alpha is as much colour as it is depth

LEAST = 0.25  # share of a colour in its pixel from which on it can be told from the pixel


@attrs.frozen(eq=False)
class Layers:
    """base: rgb float (H, W, 3) in 0..255 and disparity (H, W), the far surface under the pixels beside edges.

    band: bool (H, W), the pixels beside an edge, whose base is no longer the picture. fringe: bool (H, W), the band and
    one pixel on each side of it, with fringe_disparity (H, W) of the near surface, premultiplied rgb float (H, W, 3) in
    0..255 and alpha (H, W) in 0..1.
    """

    rgb: Tensor
    disparity: Tensor
    band: Tensor
    fringe: Tensor
    fringe_disparity: Tensor
    premultiplied: Tensor
    alpha: Tensor


def split(rgb: Tensor, disparity: Tensor) -> Layers:
    """Take a picture, float (H, W, 3) in 0..255, with disparity (H, W) apart at its depth edges."""
    near, far, behind, before = _roles(disparity)
    band = near | far
    front = torch.where(near, disparity, before)  # of the near surface, on both sides of the edge
    back = torch.where(near, behind, disparity)
    fore, rear, alpha = _matte(rgb, disparity, band, front, back)
    base = rgb.clone()
    base[band] = rear
    # One pixel more on each side lets alpha run out: to 1 on the near surface, to 0 beyond the edge.
    around = max_pool2d(torch.where(band, front, 0.0)[None, None], 3, 1, 1)[0, 0]
    ring = (around > 0) & ~band
    inner = ring & (disparity >= around * (1 - CUT_RATIO))
    fringe_disparity = torch.where(band, front, torch.where(inner, disparity, around))
    opacity = inner.float()
    opacity[band] = alpha
    premultiplied = rgb * inner[..., None]
    premultiplied[band] = fore * alpha[:, None]
    return Layers(base, torch.where(band, back, disparity), band, band | ring, fringe_disparity, premultiplied, opacity)


def _roles(disparity: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which pixels (H, W) lie on the near and on the far side of an edge to one of their four neighbours.

    And the disparities of the neighbour: behind the near ones (the nearest such), before the far ones.
    """
    near, far = torch.zeros_like(disparity, dtype=torch.bool), torch.zeros_like(disparity, dtype=torch.bool)
    behind, before = torch.zeros_like(disparity), torch.zeros_like(disparity)
    along, across = depth_edges(disparity)
    for edge, axis in ((along, 1), (across, 0)):
        length = disparity.shape[axis] - 1
        first, second = disparity.narrow(axis, 0, length), disparity.narrow(axis, 1, length)
        for start, own, other in ((0, first, second), (1, second, first)):
            nearer, farther = edge & (own > other), edge & (own < other)
            near.narrow(axis, start, length).logical_or_(nearer)
            far.narrow(axis, start, length).logical_or_(farther)
            _raise(behind.narrow(axis, start, length), other, nearer)
            _raise(before.narrow(axis, start, length), other, farther)
    return near, far & ~near, behind, before


def _raise(target: Tensor, values: Tensor, where: Tensor) -> None:
    """target becomes the larger of itself and the values, where told."""
    target.copy_(torch.where(where, torch.maximum(target, values), target))


def _matte(rgb: Tensor, disparity: Tensor, band: Tensor, front: Tensor, back: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Near and far colour (M, 3) and alpha (M,) of the pixels in the band, so that they compose to the picture.

    Alpha is where the picture's colour lies between the two; where the two colours hardly differ, the share of near
    pixels around it. What this leaves unexplained goes to the colour that has the larger share.
    """
    height, width = disparity.shape
    row, column = band.nonzero(as_tuple=True)
    middle = (front[band] + back[band]) / 2
    weights = {side: torch.zeros_like(middle) for side in ("near", "far")}
    colours = {side: rgb.new_zeros(len(row), 3) for side in weights}
    prior = torch.zeros_like(middle)
    steps = range(-RADIUS, RADIUS + 1)
    for dy, dx in ((dy, dx) for dy in steps for dx in steps):
        y, x = (row + dy).clamp(0, height - 1), (column + dx).clamp(0, width - 1)
        colour, is_near = rgb[y, x], disparity[y, x] > middle
        weight = torch.exp(torch.tensor(-(dx * dx + dy * dy) / (2 * SIGMA**2))) * torch.where(band[y, x], MIXED, 1.0)
        for side, there in (("near", is_near), ("far", ~is_near)):
            share = weight * there
            weights[side] += share
            colours[side] += share[:, None] * colour
        if max(abs(dx), abs(dy)) <= 1:
            prior += is_near * (0.25 / 2 ** (abs(dx) + abs(dy)))
    own = rgb[band]
    fore, rear = (
        torch.where(weights[side][:, None] > 0, colours[side] / weights[side][:, None].clamp_min(1e-12), own)
        for side in ("near", "far")
    )
    apart = fore - rear
    alpha = ((own - rear) * apart).sum(1) + TRUST * prior
    alpha = (alpha / (apart.square().sum(1) + TRUST)).clamp(0, 1)[:, None]
    for first in (alpha >= 0.5, alpha < 0.5):  # the second time for what would have left the range of colours
        rest = own - (alpha * fore + (1 - alpha) * rear)
        fore = torch.where(first, fore + rest / alpha.clamp_min(LEAST), fore).clamp(0, 255)
        rear = torch.where(first, rear, rear + rest / (1 - alpha).clamp_min(LEAST)).clamp(0, 255)
    return fore, rear, alpha[:, 0]
