"""One view's surface: pixels with depth, cut where the depth jumps, and how to look it up from elsewhere.

Everything works in disparity (1 / depth along +Z): a plane's disparity is linear in the image, so bilinear lookup is
exact on planes, and the sky is simply 0, a plane at infinity that only rotations move.

Image coordinates are continuous: the centre of pixel (row i, column j) is (j + 0.5, i + 0.5). A cell is the square
between the centres of four neighbouring pixels; it has the index of the pixel at its upper left.
"""

import itertools
from typing import NamedTuple

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, max_pool2d, pad

CUT_RATIO = 0.08  # a relative jump of disparity, beyond what its neighbours' slope explains, that is a depth edge
BLEED = 0.1  # share of a near surface's colour that one behind it may have taken on by lookup between the two
COARSER = 3  # halvings of a texture, for where the target is farther away
SLACK = 1.1  # factor on the bounds of a surface's disparity: lookup goes on linearly beyond the outermost pixels
SHARPER = 0.3  # of a halving; bilinear lookup alone copes with that much without aliasing


@attrs.frozen(eq=False)
class Texture:
    """Channels of a picture at several sizes, looked up at the size that the target needs.

    native: uint8 (1, C, H, W); detail: the same with more pixels, or None; coarser: each half as large as the one
    before.
    """

    native: Tensor
    detail: Tensor | None
    coarser: tuple[Tensor, ...]

    @staticmethod
    def build(picture: Tensor, detail: Tensor | None = None) -> "Texture":
        """From float (H, W, C) in 0..255, and detail of the same form with more pixels."""
        smaller = [picture.permute(2, 0, 1)[None]]
        while len(smaller) <= COARSER and min(smaller[-1].shape[2:]) >= 4:
            smaller.append(avg_pool2d(smaller[-1], 2))
        native, *coarser = (_bytes(level) for level in smaller)
        return Texture(native, None if detail is None else _bytes(detail.permute(2, 0, 1)[None]), tuple(coarser))

    def __call__(self, x: Tensor, y: Tensor, magnification: Tensor) -> Tensor:
        """Colours (C, N), float in 0..255, at native coordinates x, y (N,), for so many target pixels per pixel (N,).

        Trilinear (Williams 1983): neither does detail alias where the camera is far, nor is it lost where it is near.
        """
        height, width = self.native.shape[2:]
        grid = torch.stack([(x * (2 / width)).sub_(1), (y * (2 / height)).sub_(1)])
        colour = _sample(self.native, grid)
        level = magnification.clamp(1e-3, 1e3).log2_()
        if self.detail is not None:
            _blend(colour, self.detail, grid, level / np.log2(self.detail.shape[3] / width))
        for number, texture in enumerate(self.coarser):
            if not _blend(colour, texture, grid, -level - SHARPER - number):
                break
        return colour


def _blend(colour: Tensor, texture: Tensor, grid: Tensor, share: Tensor) -> bool:
    """Mix into colour (C, N) a share (N,) of another size, where it is positive; whether it is anywhere."""
    some = (share > 0).nonzero()[:, 0]
    if len(some):
        there = _sample(texture, grid.index_select(1, some))
        mixed = torch.lerp(colour.index_select(1, some), there, share.index_select(0, some).clamp_max_(1))
        colour.index_copy_(1, some, mixed)
    return len(some) > 0


def _bytes(texture: Tensor) -> Tensor:
    return (texture + 0.5).clamp(0, 255).to(torch.uint8).contiguous()


def _sample(texture: Tensor, grid: Tensor) -> Tensor:
    """Colours (C, N) of a texture (1, C, H, W) at x, y (2, N), from -1 to 1 over its sides."""
    return grid_sample(
        texture.float(), grid.T[None, None], mode="bilinear", padding_mode="border", align_corners=False
    )[0, :, 0]


@attrs.frozen(eq=False)
class Surface:
    """A view turned into a surface, on one device. Made by `Surface.build`.

    texture:    its colours, where there is a fourth channel premultiplied with that alpha.
    disparity:  float32 (H * W,).
    smooth:     bool (H * W,) by cell, False where a depth edge passes through it; those of the last row and column
                are no cells.
    valid:      bool (H * W,), False where this view has nothing to say; listed: int64 (N,), the valid pixels where they
                are few, else None.
    box:        float64 (8, 4), corners (x, y, 1, disparity) of a box in image and disparity that holds what is valid.
    c2w:        float64 (4, 4); intrinsics: float64 (4,); width, height: pixels.
    """

    texture: Texture
    disparity: Tensor
    smooth: Tensor
    valid: Tensor
    listed: Tensor | None
    box: np.ndarray
    c2w: np.ndarray
    intrinsics: np.ndarray
    width: int
    height: int

    @staticmethod
    def build(
        texture: Texture,
        disparity: Tensor,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        valid: Tensor | None = None,
        sparse: bool = False,
    ) -> "Surface":
        """disparity (H, W); valid bool (H, W), None for all; sparse: the valid pixels are few and each for itself."""
        height, width = disparity.shape
        valid = torch.ones_like(disparity, dtype=torch.bool) if valid is None else valid
        return Surface(
            texture=texture,
            disparity=disparity.reshape(-1).contiguous(),
            smooth=pad(smooth_cells(disparity), (0, 1, 0, 1)).reshape(-1),
            valid=valid.reshape(-1),
            listed=valid.reshape(-1).nonzero()[:, 0] if sparse else None,
            box=_box(disparity, valid, sparse),
            c2w=np.asarray(c2w, np.float64),
            intrinsics=np.asarray(intrinsics, np.float64),
            width=width,
            height=height,
        )

    def lookup(self, x: Tensor, y: Tensor) -> "Place":
        """What the surface is at image coordinates x, y (N,), which lie inside or on the image's border.

        Bilinear in smooth cells (extended linearly over the half pixel at the border); see `_beside_edge` for cut ones.
        """
        u, v = x - 0.5, y - 0.5
        left, top = u.floor().clamp_(0, self.width - 2), v.floor().clamp_(0, self.height - 2)
        u.sub_(left)
        v.sub_(top)
        cell = top.mul_(self.width).add_(left).int()
        steps = 0, 1, self.width, self.width + 1
        corner = [self.disparity[step:].index_select(0, cell) for step in steps]
        upper, lower = torch.lerp(corner[0], corner[1], u), torch.lerp(corner[2], corner[3], u)
        disparity = torch.lerp(upper, lower, v).clamp_min_(0.0)
        clean = torch.ones_like(cell, dtype=torch.bool)
        cut = self.smooth.index_select(0, cell).logical_not_().nonzero()[:, 0]
        if len(cut):
            beside = torch.stack([c.index_select(0, cut) for c in corner])
            there, sure = _beside_edge(beside, *(part.index_select(0, cut).clamp_(0, 1) for part in (u, v)))
            disparity.index_copy_(0, cut, there)
            clean.index_copy_(0, cut, sure)
        return Place(disparity, cell, clean, corner, v, lower.sub_(upper), cut)

    def says(self, x: Tensor, y: Tensor) -> Tensor:
        """bool (N,): whether the pixels at image coordinates x, y (N,), inside or on the border, are valid."""
        row, column = y.floor().clamp_(max=self.height - 1), x.floor().clamp_(max=self.width - 1)
        return self.valid.index_select(0, row.mul_(self.width).add_(column).int())


def _box(disparity: Tensor, valid: Tensor, sparse: bool) -> np.ndarray:
    """See Surface.box. Where the pixels are not each for themselves, what is looked up lies between them, too."""
    low = disparity if sparse else -max_pool2d(-disparity[None], 3, 1, 1)[0]
    high = disparity if sparse else max_pool2d(disparity[None], 3, 1, 1)[0]
    rows, columns = (valid.any(axis).nonzero()[:, 0] for axis in (1, 0))
    sides = (
        (float(columns[0]), float(columns[-1]) + 1),
        (float(rows[0]), float(rows[-1]) + 1),
        (1.0,),
        (float(low[valid].min()) / SLACK, float(high[valid].max()) * SLACK),
    )
    return np.array(list(itertools.product(*sides)))


class Place(NamedTuple):
    """A surface at some places: disparity (N,) and cell int32 (N,).

    clean: bool (N,), False beside an edge, on its far side, where a colour looked up there would be that of the near
    side, too. The others are what `slopes` is made from: disparities of the cells' corners, four of (N,), how far down
    in its cell a place is (N,), how much the disparity rises from the upper to the lower side (N,), and which places
    lie in cut cells (M,).
    """

    disparity: Tensor
    cell: Tensor
    clean: Tensor
    corner: list[Tensor]
    v: Tensor
    down: Tensor
    cut: Tensor

    def slopes(self) -> tuple[Tensor, Tensor]:
        """Slopes of the disparity (N,) per pixel along x and y, none in cut cells."""
        upper_left, upper_right, lower_left, lower_right = self.corner
        across = torch.lerp(upper_right - upper_left, lower_right - lower_left, self.v)
        return across.index_fill_(0, self.cut, 0.0), self.down.index_fill(0, self.cut, 0.0)


def _beside_edge(corner: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Disparity (N,) in cut cells with corners (4, N), at u, v (N,) in 0..1 from the upper left one; whether clean.

    The edge runs where the bilinear disparity passes the middle between near and far, so that silhouettes stay smooth
    when magnified; on either side only the corners of that side count, so that no surface spans the edge.
    """
    right, lower = torch.stack([1 - u, u]), torch.stack([1 - v, v])
    weight = (lower[:, None] * right).flatten(0, 1)
    middle = (corner.amax(0) + corner.amin(0)) / 2
    near = (weight * corner).sum(0) > middle
    weight *= (corner > middle) == near
    share = weight.sum(0)
    return weight.mul_(corner).sum(0) / share.clamp_min(1e-12), near | (share > 1 - BLEED)


def smooth_cells(disparity: Tensor) -> Tensor:
    """(H, W) disparity -> bool (H - 1, W - 1): the cells that no depth edge passes through."""
    along, across = depth_edges(disparity)
    return ~(along[:-1] | along[1:] | across[:, :-1] | across[:, 1:])


def depth_edges(disparity: Tensor) -> tuple[Tensor, Tensor]:
    """(H, W) disparity -> bool (H, W - 1) and (H - 1, W): edges before the next pixel to the right, and downwards.

    Between two neighbours lies an edge where their disparities differ by more than CUT_RATIO of the larger one and by
    more than three times what either side's own slope explains: a floor that runs to the horizon stays whole.
    """
    return _edges(disparity), _edges(disparity.T).T


def _edges(disparity: Tensor) -> Tensor:
    """(H, W) -> bool (H, W - 1): a depth edge between pixel j and j + 1 of a row."""
    step = disparity[:, 1:] - disparity[:, :-1]
    larger = torch.maximum(disparity[:, 1:], disparity[:, :-1])
    row, column = (step.abs() > CUT_RATIO * larger).nonzero(as_tuple=True)  # few: what explains them is looked at there
    jump, last = step[row, column], step.shape[1] - 1
    rising = jump.sign()  # a slope the other way explains nothing
    before = step[row, (column - 1).clamp_min(0)] * rising * (column > 0)  # the border pixel has no slope of its own …
    after = step[row, (column + 1).clamp_max(last)] * rising * (column < last)  # … on that side
    # The steepest slope that still counts as a surface is a third of the disparity per pixel.
    explained = 3.0 * torch.minimum(torch.maximum(before, after), larger[row, column] / 3.0)
    edges = torch.zeros_like(step, dtype=torch.bool)
    edges[row, column] = jump.abs() > explained
    return edges
