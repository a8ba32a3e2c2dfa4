"""People stand in one piece: the figures of those who show their face, cut out of the picture and put upright.

A network that was trained on renders gives the parts of a photographed person depths of their own, and a camera that
moves tears them apart. A face says where its head and body are; their colours say how far they reach.
"""

from collections.abc import Sequence

import attrs
import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from dollygrip_backend.scene.faces import Face

_LONGEST = 256  # pixels of a mask's longer side
_MOST = 6  # figures of a picture: the largest
_SURE = 0.93  # the least likelihood of a face that a figure is cut out for
_FACE = 34  # pixels of a face's height where its figure is cut out
_ROUNDS = 3  # of the cut: colours, outlines, colours again
_HOLE = 0.01  # of a figure's pixels: a hole that is smaller belongs to it
_BAND = 3  # pixels of the depth beside a figure that a network takes for a part of it
_IN_FRONT = 0.15  # log depths: what is nearer than a figure by more stands before it


@attrs.frozen(eq=False)
class Figure:
    """A person in a picture: bool (h, w), the pixels that show them, and the height of their face as a share of the
    picture's."""

    mask: np.ndarray
    face: float


def cut_out(image: np.ndarray, faces: Sequence[Face]) -> list[Figure]:
    """The figures of the largest sure ones of `faces` in a picture, uint8 (H, W, 3), at most _LONGEST pixels a side,
    none on another's pixels: by the colours of what is surely figure and what surely is not (GrabCut, Rother et al.
    2004)."""
    sides = np.array(image.shape[:2])
    free = np.ones(np.maximum(1, np.round(sides * min(1.0, _LONGEST / sides.max()))).astype(int), bool)
    figures = []
    sure = [face for face in faces if face.likelihood >= _SURE and 0 <= min(face.middle) <= max(face.middle) < 1]
    for face in sure[:_MOST]:
        mask = _placed(*_cut(image, face, faces), image.shape, free.shape) & free
        if mask.any():
            figures.append(Figure(mask, face.height))
            free &= ~mask
    return figures


def _cut(image: np.ndarray, face: Face, faces: Sequence[Face]) -> tuple[np.ndarray, tuple[slice, slice]]:
    """bool (h, w): the figure in the part of the picture around it, where its face is _FACE pixels high; and the rows
    and columns of that part."""
    height, width = image.shape[:2]
    (x, y), wide, high = face.middle, face.box[2] - face.box[0], face.height
    rows = slice(int(max(0, y - 2 * high) * height), int(np.ceil(min(1, y + 9 * high) * height)))
    columns = slice(int(max(0, x - 3.5 * wide) * width), int(np.ceil(min(1, x + 3.5 * wide) * width)))
    part, scale = image[rows, columns], _FACE / (high * height)
    size = [max(1, round(side * scale)) for side in part.shape[1::-1]]
    picture = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    places = (np.mgrid[: size[1], : size[0]] + 0.5) / np.reshape(size[::-1], (2, 1, 1))
    down, across = (
        (taken.start + axis * (taken.stop - taken.start)) / side
        for axis, taken, side in zip(places, (rows, columns), (height, width), strict=True)
    )
    return _figure(picture, _marks(face, faces, across, down)), (rows, columns)


def _marks(face: Face, faces: Sequence[Face], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """uint8 (h, w): what is surely, likely, hardly and surely not of a face's figure, in OpenCV's terms, at the places
    x, y (h, w) of the picture."""

    def off(of: Face) -> tuple[np.ndarray, np.ndarray]:
        """How far each place is to the right of a face and below it, in its own widths and heights."""
        return (x - of.middle[0]) / (of.box[2] - of.box[0]), (y - of.middle[1]) / of.height

    (aside, below), marks = off(face), np.full(x.shape, cv2.GC_BGD, np.uint8)
    body = np.abs(aside) < np.minimum(1.25, 0.45 + 1.2 * (below - 0.6))
    marks[_ellipse(aside, below, 1.35, 1.3) | (np.abs(aside) < 2.4) & (below > 0.3)] = cv2.GC_PR_BGD
    marks[_ellipse(aside, below + 0.1, 0.8, 0.9) | body & (below > 0.75)] = cv2.GC_PR_FGD
    chest = (np.abs(aside) < 0.45) & (below > 1.3) & (below < 3.2)
    marks[_ellipse(aside, below + 0.1, 0.42, 0.6) | chest] = cv2.GC_FGD
    for other in faces:
        if other is not face:
            marks[_ellipse(*off(other), 0.5, 0.55)] = cv2.GC_BGD
    return marks


def _ellipse(x: np.ndarray, y: np.ndarray, wide: float, high: float) -> np.ndarray:
    return (x / wide) ** 2 + (y / high) ** 2 < 1


def _figure(picture: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """bool (h, w) of a picture (h, w, 3): the figure in one piece, without crumbs and small holes."""
    sure = marks == cv2.GC_FGD
    if sure.all() or not (sure.any() and (marks == cv2.GC_BGD).any()):
        return sure
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # the colours are clustered from random beginnings
    cv2.grabCut(picture, marks, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    figure = cv2.medianBlur(np.uint8((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)), 5)
    pieces = cv2.connectedComponents(figure)[1]
    figure = np.isin(pieces, np.unique(pieces[sure & (figure > 0)]))
    _, holes, sizes, _ = cv2.connectedComponentsWithStats(np.uint8(~figure), connectivity=4)
    figure |= np.isin(holes, np.flatnonzero(sizes[:, cv2.CC_STAT_AREA] < _HOLE * figure.sum()))
    return cv2.dilate(np.uint8(figure), np.ones((3, 3), np.uint8)) > 0  # a rim of hair and blur would stay as a ghost


def _placed(mask: np.ndarray, part: tuple[slice, slice], whole: tuple[int, ...], shape: tuple[int, int]) -> np.ndarray:
    """bool `shape`: the mask of a part, rows and columns, of a picture of the shape `whole`."""
    scales = [side / full for side, full in zip(shape, whole, strict=False)]
    first = [round(taken.start * scale) for taken, scale in zip(part, scales, strict=True)]
    last = [round(taken.stop * scale) for taken, scale in zip(part, scales, strict=True)]
    at = tuple(slice(start, max(start + 1, stop)) for start, stop in zip(first, last, strict=True))
    out = np.zeros(shape, bool)
    out[at] = _resized(mask, out[at].shape) > 0.5
    return out


def standing(log_depth: Tensor, ground: Tensor, figures: Sequence[Figure]) -> tuple[Tensor, Tensor]:
    """Log depth (h, w) and where it is that of a surface (h, w) -> the same with each figure at one depth: together at
    that of the map, and one before the other as the heights of their faces say. What lies beside a figure and was taken
    for a part of it goes to what lies behind."""
    covered = [(figure, mask) for figure in figures if (mask := _share(figure.mask, log_depth) > 0.5).any()]
    if not covered:
        return log_depth, ground
    anyone = torch.stack([mask for _, mask in covered]).any(0)
    behind = _spread(log_depth, ground & ~_about(anyone))
    seen = [float(log_depth[mask].median()) for _, mask in covered]
    base = float(np.median([depth + np.log(figure.face) for depth, (figure, _) in zip(seen, covered, strict=True)]))
    out = log_depth.clone()
    for depth, (_, mask) in zip(seen, covered, strict=True):
        taken = _about(mask) & ~anyone & (log_depth > depth - _IN_FRONT)
        out[taken] = torch.maximum(log_depth, behind)[taken]
    for figure, mask in covered:
        out[mask] = base - float(np.log(figure.face))
    return out, ground | anyone


def _share(mask: np.ndarray, like: Tensor) -> Tensor:
    """Of each pixel of `like` (h, w), how much a mask covers."""
    return torch.from_numpy(_resized(mask, like.shape)).to(like)


def _resized(mask: np.ndarray, shape: Sequence[int]) -> np.ndarray:
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
