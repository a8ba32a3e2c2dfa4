"""People stand in one piece: the figures of those who are seen, cut out of the picture, are put upright in its depth.

A network that was trained on renders gives the parts of a photographed person depths of their own, and a camera that
moves tears them apart.
"""

from collections.abc import Sequence

import attrs
import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

_BAND = 3  # pixels of the depth beside a figure that a network takes for a part of it
_IN_FRONT = 0.15  # log depths: what is nearer than a figure by more stands before it


@attrs.frozen(eq=False)
class Figure:
    """A person in a picture: bool (h, w), the pixels that show them, and the height of their face as a share of the
    picture's, None where it is not seen."""

    mask: np.ndarray
    face: float | None


def standing(log_depth: Tensor, ground: Tensor, figures: Sequence[Figure]) -> tuple[Tensor, Tensor]:
    """Log depth (h, w) and where it is that of a surface (h, w) -> the same with each figure at one depth: together at
    that of the map, and one before the other as the heights of their faces say; one whose face is not seen, at its own.
    What lies beside a figure and was taken for a part of it goes to what lies behind."""
    covered = [(figure, mask) for figure in figures if (mask := _share(figure.mask, log_depth) > 0.5).any()]
    if not covered:
        return log_depth, ground
    anyone = torch.stack([mask for _, mask in covered]).any(0)
    behind = _spread(log_depth, ground & ~_about(anyone))
    seen = [float(log_depth[mask].median()) for _, mask in covered]
    sized = [depth + np.log(figure.face) for depth, (figure, _) in zip(seen, covered, strict=True) if figure.face]
    base = float(np.median(sized or [0.0]))
    out = log_depth.clone()
    for depth, (_, mask) in zip(seen, covered, strict=True):
        taken = _about(mask) & ~anyone & (log_depth > depth - _IN_FRONT)
        out[taken] = torch.maximum(log_depth, behind)[taken]
    for depth, (figure, mask) in zip(seen, covered, strict=True):
        out[mask] = base - float(np.log(figure.face)) if figure.face else depth
    return out, ground | anyone


def _share(mask: np.ndarray, like: Tensor) -> Tensor:
    """Of each pixel of `like` (h, w), how much a mask covers."""
    return torch.from_numpy(resized(mask, like.shape)).to(like)


def resized(mask: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """float32 `shape`: the share of each pixel that a mask covers."""
    return cv2.resize(mask.astype(np.float32), tuple(shape)[::-1], interpolation=cv2.INTER_AREA)


def _about(mask: Tensor) -> Tensor:
    """bool (h, w): the mask and the band beside it."""
    return max_pool2d(mask[None].float(), 2 * _BAND + 1, 1, _BAND)[0] > 0


def _spread(x: Tensor, known: Tensor) -> Tensor:
    """(h, w): the mean of the `known` pixels around each, of the nearest that there are."""
    total, weight = (x * known)[None, None], known[None, None].float()
    out, have = x.clone(), torch.zeros_like(known)
    for radius in (2, 4, 8, 16, 32, 64):
        size = 2 * radius + 1
        mean, share = (avg_pool2d(plane, size, 1, radius, count_include_pad=False)[0, 0] for plane in (total, weight))
        new = ~have & (share > 0.05)
        out[new] = (mean / share)[new]
        have |= new
    return out
