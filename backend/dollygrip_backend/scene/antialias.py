"""Clean outlines in a rendered frame: each pixel beside a depth edge takes the share of the other side that it holds.

Morphological antialiasing (Reshetov 2009), led by the depth: an outline decided pixel by pixel is a staircase, and the
line meant by it runs through the middles of its steps. Nothing is rendered again, and what lies beside no step stays.
So does an outline before what the picture, too, shows behind it: that edge is the picture's own.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from dollygrip_backend.scene.mapping import Mapping
from dollygrip_backend.scene.surface import depth_edges


def antialiased(rgb: Tensor, disparity: Tensor, picture: Mapping) -> Tensor:
    """rgb float (h, w, 3) with smooth outlines along the edges of its disparity (h, w).

    picture: the mapping from this camera to the one that took the picture.
    """
    rgb, disparity = _without_specks(rgb, disparity, *_edges(disparity, picture))
    right, down = _edges(disparity, picture)
    smooth = rgb.clone()
    _blend(smooth, rgb, down, right)
    _blend(*(t.transpose(0, 1) for t in (smooth, rgb, right, down)))
    return smooth


def _edges(disparity: Tensor, picture: Mapping) -> tuple[Tensor, Tensor]:
    """The edges to the right of pixels (h, w - 1) and below them (h - 1, w), as `_parted` gives them."""
    along, across = depth_edges(disparity)
    return (
        _parted(along, disparity[:, :-1], disparity[:, 1:], picture),
        _parted(across, disparity[:-1], disparity[1:], picture),
    )


def _without_specks(rgb: Tensor, disparity: Tensor, right: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
    """rgb (h, w, 3) and disparity (h, w) in which a pixel that edges part from three of its neighbours is as those are.

    Before or behind all that surrounds it, it is no part of a line: it was decided wrongly.
    """
    across, along = pad(right.abs(), (1, 1)), pad(down.abs(), (0, 0, 1, 1))
    sides = [across[:, :-1], across[:, 1:], along[:-1], along[1:]]
    row, column = (sum(sides) > 2).nonzero(as_tuple=True)
    strength = torch.stack([side[row, column] for side in sides])
    total = strength.sum(0)
    parts = torch.cat([rgb.permute(2, 0, 1), disparity[None]])
    height, width = disparity.shape
    around = ((0, -1), (0, 1), (-1, 0), (1, 0))
    beside = [parts[:, (row + dy).clamp(0, height - 1), (column + dx).clamp(0, width - 1)] for dy, dx in around]
    mean = (torch.stack(beside) * strength[:, None]).sum(0) / total
    parts[:, row, column] = torch.lerp(parts[:, row, column], mean, (total - 2).clamp_max(1))
    return parts[:3].permute(1, 2, 0), parts[3]


def _parted(edge: Tensor, first: Tensor, second: Tensor, picture: Mapping) -> Tensor:
    """Edges between a first and a second pixel, all (H, W), as numbers: positive where the first is the nearer one.

    Their size is how many pixels of the picture lie between what meets there, 1 at most: 0 where it met there, too.
    """
    row, column = edge.nonzero(as_tuple=True)
    x, y, near = column + 0.5, row + 0.5, first[row, column] > second[row, column]
    (x1, y1, _), (x2, y2, _) = (picture(x, y, side[row, column]) for side in (first, second))
    parted = torch.zeros_like(first)
    parted[row, column] = torch.maximum((x1 - x2).abs(), (y1 - y2).abs()).clamp_max(1) * torch.where(near, 1.0, -1.0)
    return parted


def _blend(smooth: Tensor, rgb: Tensor, down: Tensor, right: Tensor) -> None:
    """Add to `smooth` (h, w, 3) what the steps of horizontal outlines change of `rgb` (h, w, 3).

    down (h - 1, w) and right (h, w - 1) are the edges below and to the right of pixels, as `_parted` gives them.
    """
    row, column = down.nonzero(as_tuple=True)
    strength, down, right = down[row, column].abs(), down.sign(), right.sign()
    first, last = _runs(row, column, down[row, column])
    length, into = last - first + 1, column - first
    for end, way, distance in ((first, -1, into), (last, 1, last - column)):
        rise = _step(down, right, row, end, way) * _share(distance, length) * strength
        # Where the line is above the pixels' border the upper one shows some of the lower one, and the other way round.
        for share, own, other in ((rise, row, row + 1), (-rise, row + 1, row)):
            change = share.clamp_min(0)[:, None] * (rgb[other, column] - rgb[own, column])
            smooth.index_put_((own, column), change, accumulate=True)


def _runs(row: Tensor, column: Tensor, sign: Tensor) -> tuple[Tensor, Tensor]:
    """int64 (N,) each: the first and the last column of the run of equal signs in a row that each element belongs to.

    row, column and sign (N,) are those of the elements, row by row from left to right.
    """
    begins = torch.ones_like(row, dtype=torch.bool)
    begins[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1] + 1) | (sign[1:] != sign[:-1])
    run = begins.cumsum(0) - 1
    return column[begins][run], column[begins.roll(-1)][run]


def _step(down: Tensor, right: Tensor, row: Tensor, end: Tensor, way: int) -> Tensor:
    """(N,): 1 where the outline goes on a pixel higher beyond the end of a run, -1 where a pixel lower, else 0.

    row and end (N,) of the runs' last columns on the side `way`, -1 for the left and 1 for the right. Where an outline
    does not go on sideways it has a corner, which stays.
    """
    height, width = len(right), down.shape[1]
    beyond, sign = (end + way).clamp(0, width - 1), down[row, end]
    border = torch.minimum(beyond, end).clamp_max(width - 2)
    above, below = (row - 1).clamp_min(0), (row + 1).clamp_max(height - 2)
    higher = (right[row, border] == way * sign) & (down[above, beyond] == sign) & (above < row)
    lower = (right[row + 1, border] == -way * sign) & (down[below, beyond] == sign) & (below > row)
    return (higher.float() - lower.float()) * (beyond != end)


def _share(into: Tensor, length: Tensor) -> Tensor:
    """Area (N,) under a line from a half down to none at the middle of a run, in the pixel so many from its end."""
    middle = length / 2
    near, far = torch.minimum(into, middle), torch.minimum(into + 1, middle)
    return 0.5 * ((far - near) - (far.square() - near.square()) / length)
