"""The 3D cache: what is known of a scene, as views with depth, rendered from any pose as a guide with a hole mask.

A view is a base, its surfaces cut apart at depth edges and continued a little under what is in front of them, and a
fringe: the rims of the near surfaces with a soft alpha, laid over the base (`scene.layers`). Both are seen from another
pose by `scene.warp`. What was seen too flatly to be known, or not at all, is a hole instead of being smeared.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from dollygrip_backend.scene.layers import split
from dollygrip_backend.scene.mapping import Camera, Mapping, in_view
from dollygrip_backend.scene.surface import Surface, Texture
from dollygrip_backend.scene.warp import Seen, locate, warp

PUSHED = 0.98  # an invented surface must be at least this much farther than what was seen through it
PUSH = 0.85  # factor on its disparity per attempt
PUSHES = 24
IN_FRONT = 1.1  # how much nearer a later view's surface must be to hide an earlier view's
PIECE, MOST = 7, 0.8  # pixels, and the share of as many around one that a piece of surface covers
FAINT = 0.1  # alpha below which a fringe has no colour of its own to give
OPAQUE = 0.9  # alpha from which on a fringe hides what lies behind it


class SceneCache:
    """Views of one scene. The first is the reference; where views overlap the earlier one is believed."""

    def __init__(self, device: torch.device | str = "cpu"):
        self.device = torch.device(device)
        self.surfaces: list[Surface] = []
        self.fringes: list[Surface] = []
        self.reference: Camera | None = None

    @classmethod
    def from_view(
        cls,
        image: np.ndarray,
        depth: np.ndarray,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        device: torch.device | str = "cpu",
        detail: np.ndarray | None = None,
    ) -> "SceneCache":
        """A cache of one view: see `add_view`."""
        cache = cls(device)
        cache.add_view(image, depth, c2w, intrinsics, detail=detail)
        return cache

    @torch.inference_mode()
    def add_view(
        self,
        image: np.ndarray,
        depth: np.ndarray,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        mask: np.ndarray | None = None,
        detail: np.ndarray | None = None,
    ) -> None:
        """Remember a view.

        image uint8 (H, W, 3); depth float (H, W) > 0 along +Z, inf for sky; c2w (4, 4) OpenCV; intrinsics (4,) in
        pixels of the image. Either mask bool (H, W), the pixels that are new and the only ones kept, or detail uint8
        (H2, W2, 3), the same picture with more pixels for where a camera comes nearer. Raises ValueError for shapes
        that do not agree and for depth that is not positive.
        """
        if mask is not None and detail is not None:
            raise ValueError("A view with a mask has no detail.")
        depth = np.asarray(depth, np.float32)
        if image.shape != (*depth.shape, 3) or min(depth.shape) < 2:
            raise ValueError(f"An image {image.shape} and a depth {depth.shape} make no view.")
        if not (depth > 0).all():
            raise ValueError("A view's depth must be positive everywhere, inf for sky.")
        self.reference = self.reference or Camera(c2w, intrinsics, *depth.shape[::-1])
        if mask is None:
            self._add_layers(image, depth, c2w, intrinsics, detail)
        elif mask.any():
            rows, columns = _bounds(mask.any(1)), _bounds(mask.any(0))
            intrinsics = np.asarray(intrinsics, float) - [0, 0, columns.start, rows.start]
            rgb, disparity = self._picture(image[rows, columns]), self._disparity(depth[rows, columns])
            valid = torch.from_numpy(np.ascontiguousarray(mask[rows, columns])).to(self.device)
            self.surfaces.append(Surface.build(Texture.build(rgb), disparity, c2w, intrinsics, valid))

    def _add_layers(
        self,
        image: np.ndarray,
        depth: np.ndarray,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        detail: np.ndarray | None,
    ) -> None:
        layers = split(self._picture(image), self._disparity(depth))
        fine = None
        if detail is not None:  # beside edges it shows both surfaces, as the picture does
            size = detail.shape[:2]
            band = interpolate(layers.band[None, None].float(), size, mode="bilinear")[0, 0, :, :, None] > 0
            base = interpolate(layers.rgb.permute(2, 0, 1)[None], size, mode="bilinear")[0].permute(1, 2, 0)
            fine = torch.where(band, base, self._picture(detail))
        self.surfaces.append(Surface.build(Texture.build(layers.rgb, fine), layers.disparity, c2w, intrinsics))
        if layers.fringe.any():
            disparity = torch.where(layers.fringe, layers.fringe_disparity, 0.0)
            texture = Texture.build(torch.cat([layers.premultiplied, layers.alpha[..., None] * 255], -1))
            self.fringes.append(Surface.build(texture, disparity, c2w, intrinsics, layers.fringe, sparse=True))

    def forget_unseen(self, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> None:
        """Drop the surfaces that none of the cameras to come can see: c2w (T, 4, 4), intrinsics (T, 4), as `render`.

        A shot that uncovers new ground all the time needs no more memory the longer it is.
        """
        self.surfaces = [surface for surface in self.surfaces if in_view(surface, c2w, intrinsics, size).any()]
        self.fringes = [fringe for fringe in self.fringes if in_view(fringe, c2w, intrinsics, size).any()]

    def _picture(self, image: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(image)).to(self.device).float()

    def _disparity(self, depth: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(1.0 / depth, np.float32)).to(self.device)

    def render(self, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The cache seen from c2w (4, 4) through intrinsics (4,), in pixels of size (width, height).

        On the device: rgb float (h, w, 3) in 0..255, 0 in holes, and disparity float (h, w), 0 for sky, -1 in holes.
        Here and below a picture lies in memory channel by channel, as it is sampled, filled and smoothed.
        """
        rgb, disparity = self.render_base(c2w, intrinsics, size)
        return self.lay_fringes(rgb, disparity, c2w, intrinsics)[:2]

    @torch.inference_mode()
    def render_base(
        self, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int], known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `render`, without the fringes: what can be filled before `lay_fringes` covers it.

        known: disparity (h, w) of the geometry that is really there, such as Blender's own; the views then only give
        their colours to what they saw of it.
        """
        width, height = size
        camera = Camera(c2w, intrinsics, width, height)
        rgb = torch.zeros(3, height * width, device=self.device)
        disparity = torch.full((height * width,), -1.0, device=self.device)
        for number, surface in enumerate(_in_view(self.surfaces, camera)):
            seen = _see(surface, camera, known)
            if number:  # there is something that may be in front
                seen = seen.select(_before(seen, disparity, size).nonzero()[:, 0])
            disparity.index_copy_(0, seen.pixels, seen.disparity)
            rgb.index_copy_(1, seen.pixels, surface.texture(seen.x, seen.y, seen.magnification))
        return rgb.view(3, height, width).permute(1, 2, 0), disparity.view(height, width)

    @torch.inference_mode()
    def lay_fringes(
        self,
        rgb: Tensor,
        disparity: Tensor,
        c2w: np.ndarray,
        intrinsics: np.ndarray,
        known: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A picture of `render_base`, filled or not, with the soft rims of near surfaces over it.

        Magnified, a rim keeps the width of a pixel: its alpha gets steeper around a half. A hole under a rim stays one
        where the rim is not opaque. Where the geometry is `known` (h, w), it says how far a rim reaches. The third is
        bool (h, w), where a rim made an outline soft.
        """
        height, width = disparity.shape
        camera = Camera(c2w, intrinsics, width, height)
        rgb = rgb.permute(2, 0, 1).clone(memory_format=torch.contiguous_format).view(3, -1)
        disparity = disparity.reshape(-1).clone()
        softened = torch.zeros_like(disparity, dtype=torch.bool)
        for fringe in _in_view(self.fringes, camera):
            seen = _see(fringe, camera, known)
            colour = fringe.texture(seen.x, seen.y, seen.magnification)
            soft = colour[3] / 255
            alpha = ((soft - 0.5) * seen.magnification.clamp_min(1) + 0.5).clamp(0, 1)
            alpha = alpha if known is None else (soft > FAINT).float()
            behind = disparity.index_select(0, seen.pixels)
            shown = (alpha > 0) & (seen.disparity * IN_FRONT > behind) & ((behind >= 0) | (alpha > OPAQUE))
            pixels, alpha = seen.pixels[shown], alpha[shown]
            near = colour[:3, shown] / soft[shown].clamp_min(1 / 255)
            softened[pixels] = (alpha > FAINT) & (alpha < OPAQUE)
            rgb[:, pixels] = torch.lerp(rgb[:, pixels], near, alpha)
            disparity[pixels] = torch.where(alpha >= 0.5, seen.disparity[shown], behind[shown])
        return rgb.view(3, height, width).permute(1, 2, 0), disparity.view(height, width), softened.view(height, width)

    @torch.inference_mode()
    def push_behind(self, disparity: Tensor, hole: Tensor, c2w: np.ndarray, intrinsics: np.ndarray) -> Tensor:
        """Disparity (h, w) of invented surfaces in `hole` (h, w), moved away until no known view had seen through them.

        A view that saw a surface at some depth has found the space before it empty: what is invented there later must
        lie behind. c2w (4, 4) and intrinsics (4,) are the camera of the disparity.
        """
        row, column = (index.float() + 0.5 for index in hole.nonzero(as_tuple=True))
        value = disparity[hole]
        for surface in reversed(self.surfaces):  # the last word is the reference's
            mapping = Mapping.between(Camera(c2w, intrinsics, *hole.shape[::-1]), surface)
            left = torch.arange(len(value), device=value.device)  # that may lie in what was seen to be empty
            for _ in range(PUSHES):
                x, y, there = mapping(column[left], row[left], value[left])
                inside = (x > 0) & (x < surface.width) & (y > 0) & (y < surface.height)
                x, y = torch.where(inside, x, 0.5), torch.where(inside, y, 0.5)
                place = surface.lookup(x, y)
                left = left[inside & surface.says(x, y) & (there > place.disparity * PUSHED)]
                if not len(left):
                    break
                value[left] *= PUSH
            value[left] = 0.0
        pushed = disparity.clone()
        pushed[hole] = value
        return pushed


def _in_view(surfaces: list[Surface], camera: Camera) -> Iterator[Surface]:
    """Those that the camera may see: in a long shot most are elsewhere."""
    size = camera.width, camera.height
    return (surface for surface in surfaces if in_view(surface, camera.c2w[None], camera.intrinsics[None], size)[0])


def _before(seen: Seen, disparity: Tensor, size: tuple[int, int]) -> Tensor:
    """bool (N,): which pixels that a view gives are in front of what earlier ones gave, disparity (h * w,).

    A hole's -1 is behind everything, the sky's 0 too. A later view hides an earlier one by whole pieces of surface, not
    by specks: those are where its depth is a little off.
    """
    behind = disparity.index_select(0, seen.pixels)
    nearer = seen.disparity > behind * IN_FRONT
    if not (nearer & (behind >= 0)).any():
        return nearer
    width, height = size
    piece = torch.zeros_like(disparity)
    piece[seen.pixels[nearer]] = 1.0
    around = avg_pool2d(piece.view(1, 1, height, width), PIECE, 1, PIECE // 2, count_include_pad=False)
    return nearer & ((behind < 0) | (around.flatten().index_select(0, seen.pixels) > MOST))


def _see(surface: Surface, camera: Camera, known: Tensor | None) -> Seen:
    return warp(surface, camera) if known is None else locate(surface, camera, known)


def _bounds(used: np.ndarray) -> slice:
    """The slice of a bool (N,) that holds all that is used and one element more on each side."""
    first, last = np.flatnonzero(used)[[0, -1]]
    return slice(max(first - 1, 0), last + 2)
