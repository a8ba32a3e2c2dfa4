"""One view's surface: pixels with depth, cut where the depth jumps, and how to splat and look it up from elsewhere.

Everything works in disparity (1 / depth along +Z): a plane's disparity is linear in the image, so bilinear lookup is
exact on planes, and the sky is simply 0, a plane at infinity that only rotations move.

Image coordinates are continuous: the centre of pixel (row i, column j) is (j + 0.5, i + 0.5). A cell is the square
between the centres of four neighbouring pixels.
"""

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

CUT_RATIO = 0.08  # a relative jump of disparity, beyond what its neighbours' slope explains, that is a depth edge
MAX_STRETCH = 3.0  # pixels that one cell may cover in its longer direction …
MAX_ANISOTROPY = 4.0  # … where it also covers this many times less in the shorter one: a grazing or rubber surface


@attrs.frozen(eq=False)
class Surface:
    """A view turned into a surface, on one device. Made by `Surface.build`.

    rgb:        float32 (1, 3, H, W), 0..255; detail: the same picture with more pixels, or None.
    disparity:  float32 (H * W,), corners of the cells: float32 ((H - 1) * (W - 1), 4) in the order 00, 01, 10, 11.
    smooth:     bool ((H - 1) * (W - 1),), False where a depth edge passes through the cell.
    valid:      bool (H * W,), False where this view has nothing to say.
    c2w:        float64 (4, 4); intrinsics: float64 (4,).
    """

    rgb: Tensor
    disparity: Tensor
    corners: Tensor
    smooth: Tensor
    valid: Tensor
    c2w: np.ndarray
    intrinsics: np.ndarray
    detail: Tensor | None = None

    @property
    def height(self) -> int:
        """Pixels."""
        return self.rgb.shape[2]

    @property
    def width(self) -> int:
        """Pixels."""
        return self.rgb.shape[3]

    @staticmethod
    def build(
        rgb: np.ndarray,
        depth: np.ndarray,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        mask: np.ndarray | None,
        detail: np.ndarray | None,
        device: torch.device,
    ) -> "Surface":
        """See SceneCache.add_view."""
        height, width = depth.shape
        disparity = torch.from_numpy(np.ascontiguousarray(1.0 / depth, np.float32)).to(device)
        corners = torch.stack([disparity[:-1, :-1], disparity[:-1, 1:], disparity[1:, :-1], disparity[1:, 1:]], -1)
        valid = torch.ones(height * width, dtype=torch.bool, device=device)
        if mask is not None:
            valid = torch.from_numpy(np.ascontiguousarray(mask)).to(device).reshape(-1)
        return Surface(
            rgb=_texture(rgb, device),
            detail=None if detail is None else _texture(detail, device),
            disparity=disparity.reshape(-1),
            corners=corners.reshape(-1, 4).contiguous(),
            smooth=smooth_cells(disparity).reshape(-1),
            valid=valid,
            c2w=np.asarray(c2w, np.float64),
            intrinsics=np.asarray(intrinsics, np.float64),
        )

    def lookup(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Disparity, cell index and pixel index at image coordinates x, y (N,), which may lie outside.

        Bilinear in smooth cells (extended linearly over the half pixel at the border); see `_beside_edge` for cut ones.
        """
        gx, gy = x - 0.5, y - 0.5
        left = gx.floor().clamp_(0, self.width - 2)
        top = gy.floor().clamp_(0, self.height - 2)
        u, v = (gx - left).clamp_(-0.5, 1.5), (gy - top).clamp_(-0.5, 1.5)
        cell = (top * (self.width - 1) + left).long()
        corner = self.corners[cell]
        upper = torch.lerp(corner[:, 0], corner[:, 1], u)
        lower = torch.lerp(corner[:, 2], corner[:, 3], u)
        pixel = ((top + (v >= 0.5)) * self.width + left + (u >= 0.5)).long()
        disparity = torch.lerp(upper, lower, v).clamp_min_(0.0)
        cut = (~self.smooth[cell]).nonzero()[:, 0]
        disparity[cut] = _beside_edge(corner[cut], u[cut, None].clamp(0, 1), v[cut, None].clamp(0, 1))
        return disparity, cell, pixel

    def colours(self, x: Tensor, y: Tensor, magnification: Tensor) -> Tensor:
        """Colours (N, 3) at image coordinates x, y (N,): bilinear, from `detail` where it is magnified (N,) enough."""
        grid = torch.stack([x * (2 / self.width) - 1, y * (2 / self.height) - 1], -1)[None, None]
        colour = _sample(self.rgb, grid)
        if self.detail is None or not (magnification > 1).any():
            return colour
        share = ((magnification - 1) / (self.detail.shape[3] / self.width - 1)).clamp(0, 1)
        return torch.lerp(colour, _sample(self.detail, grid), share[:, None])


def _texture(rgb: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(rgb)).to(device).permute(2, 0, 1)[None].float().contiguous()


def _sample(texture: Tensor, grid: Tensor) -> Tensor:
    return grid_sample(texture, grid, mode="bilinear", padding_mode="border", align_corners=False)[0, :, 0].T


def _beside_edge(corner: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Disparity (N,) in cut cells with corners (N, 4), at u, v (N, 1) in 0..1 from the upper left one.

    The edge runs where the bilinear disparity passes the middle between near and far, so that silhouettes stay smooth
    when magnified; on either side only the corners of that side count, so that no surface spans the edge.
    """
    weight = torch.cat([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], 1)
    middle = (corner.amax(1) + corner.amin(1)) / 2
    near = (weight * corner).sum(1) > middle
    weight = weight * ((corner > middle[:, None]) == near[:, None])
    return (weight * corner).sum(1) / weight.sum(1).clamp_min(1e-12)


def smooth_cells(disparity: Tensor) -> Tensor:
    """(H, W) disparity -> bool (H - 1, W - 1): the cells that no depth edge passes through.

    Between two neighbours lies an edge where their disparities differ by more than CUT_RATIO of the larger one and by
    more than three times what either side's own slope explains: a floor that runs to the horizon stays whole.
    """
    along, across = _edges(disparity), _edges(disparity.T).T
    return ~(along[:-1] | along[1:] | across[:, :-1] | across[:, 1:])


def _edges(disparity: Tensor) -> Tensor:
    """(H, W) -> bool (H, W - 1): a depth edge between pixel j and j + 1 of a row."""
    step = disparity[:, 1:] - disparity[:, :-1]
    padded = pad(step[None], (1, 1), mode="replicate")[0] if step.shape[1] else step
    rising = step.sign()
    before, after = padded[:, :-2] * rising, padded[:, 2:] * rising  # a slope the other way explains nothing
    before[:, 0], after[:, -1] = 0.0, 0.0  # the border pixel has no slope of its own on that side
    explained = 3.0 * torch.minimum(torch.maximum(before, after), _slope_limit(disparity))
    size = step.abs()
    return (size > CUT_RATIO * torch.maximum(disparity[:, 1:], disparity[:, :-1])) & (size > explained)


def _slope_limit(disparity: Tensor) -> Tensor:
    """The steepest slope (H, W - 1) that still counts as a surface: a third of the disparity per pixel."""
    return torch.maximum(disparity[:, 1:], disparity[:, :-1]) / 3.0


def stretch(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Projected pixel centres (H, W) -> longest extent of every cell in pixels (H - 1, W - 1), and which are usable.

    Unusable cells face away, or are stretched far more in one direction than in the other: seen from where the image
    was taken they were too thin to be known.
    """
    ax, ay = x[:-1, 1:] - x[:-1, :-1], y[:-1, 1:] - y[:-1, :-1]
    bx, by = x[1:, :-1] - x[:-1, :-1], y[1:, :-1] - y[:-1, :-1]
    area = ax * by - ay * bx
    trace = ax * ax + ay * ay + bx * bx + by * by
    longest = 0.5 * (trace + (trace * trace - 4 * area * area).clamp_min_(0).sqrt())
    thin = (longest > MAX_STRETCH**2) & (longest > MAX_ANISOTROPY * area)
    return longest.sqrt(), (area > 0) & ~thin
