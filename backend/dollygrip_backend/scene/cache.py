"""The 3D cache: what is known of a scene, as views with depth, rendered from any pose as a guide with a hole mask.

A pixel of the guide is found in two steps. Forward: the surface samples of a view are splatted into a depth buffer of
the target, dense enough that nothing shows through. Backward: each target pixel is followed along that depth into the
view, onto its exact sub-pixel place on the surface, and the colour is looked up there. So an unmoved camera gives back
the image itself, a plane is warped as by its homography, and what lands on a depth edge or on a surface that was seen
too flatly to be known is reported as a hole instead of being smeared.
"""

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.scene.surface import Surface, stretch

LEVELS = (1, 2, 4, 8)  # subdivisions of a source pixel per side, chosen where the target magnifies it
SPACING = 1.15  # pixels between samples that the wide splat still closes in every direction
REACH = 0.82  # half width of the wide splat: with SPACING, sqrt(2) * 1.15 / 2 = 0.813 covers rotated grids too
MISS = 0.6  # pixels by which a looked-up surface point may miss the pixel that asked for it
NEAR = 1e-3  # smallest depth in front of the camera, as a fraction of the sample's depth in its own view
PUSHED = 0.98  # an invented surface must be at least this much farther than what was seen through it
PUSH = 0.85  # factor on its disparity per attempt
PUSHES = 24
IN_FRONT = 1.1  # how much nearer a later view's surface must be to hide an earlier view's


@attrs.frozen(eq=False)
class Guide:
    """A rendered view of the cache.

    rgb uint8 (h, w, 3), hole bool (h, w), depth float32 (h, w) along +Z (inf for sky). In holes rgb and depth are 0.
    """

    rgb: np.ndarray
    hole: np.ndarray
    depth: np.ndarray


class SceneCache:
    """Views of one scene. The first is the reference; where views overlap the earlier one is believed."""

    def __init__(self, device: torch.device | str = "cpu"):
        self.device = torch.device(device)
        self.surfaces: list[Surface] = []

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
        if mask is not None and not mask.any():
            return
        if mask is not None:
            rows, columns = _bounds(mask.any(1)), _bounds(mask.any(0))
            image, depth, mask = image[rows, columns], depth[rows, columns], mask[rows, columns]
            intrinsics = np.asarray(intrinsics, float) - [0, 0, columns.start, rows.start]
        self.surfaces.append(Surface.build(image, depth, c2w, intrinsics, mask, detail, self.device))

    def render(self, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> Guide:
        """The cache seen from c2w (4, 4) through intrinsics (4,), in pixels of size (width, height)."""
        rgb, disparity = self.render_tensors(c2w, intrinsics, size)
        hole = (disparity < 0).cpu().numpy()
        depth = torch.where(disparity < 0, 0.0, 1.0 / disparity.clamp_min(0.0)).cpu().numpy()
        return Guide((rgb.clamp(0, 255) + 0.5).byte().cpu().numpy(), hole, depth)

    @torch.inference_mode()
    def render_tensors(self, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """As `render`, on the device: rgb float (h, w, 3) in 0..255 and disparity float (h, w), -1 in holes."""
        width, height = size
        camera = _Camera(np.asarray(c2w, float), np.asarray(intrinsics, float), width, height)
        rgb = torch.zeros(height * width, 3, device=self.device)
        disparity = torch.full((height * width,), -1.0, device=self.device)
        for surface in self.surfaces:
            pixels, seen, colour = _warp(surface, camera)
            nearer = seen > disparity[pixels] * IN_FRONT  # a hole's -1 is behind everything, the sky's 0 too
            pixels = pixels[nearer]
            disparity[pixels] = seen[nearer]
            rgb[pixels] = colour[nearer]
        return rgb.view(height, width, 3), disparity.view(height, width)

    @torch.inference_mode()
    def push_behind(self, disparity: Tensor, hole: Tensor, c2w: np.ndarray, intrinsics: np.ndarray) -> Tensor:
        """Disparity (h, w) of invented surfaces in `hole` (h, w), moved away until no known view had seen through them.

        A view that saw a surface at some depth has found the space before it empty: what is invented there later must
        lie behind. c2w (4, 4) and intrinsics (4,) are the camera of the disparity.
        """
        row, column = (index.float() + 0.5 for index in hole.nonzero(as_tuple=True))
        value = disparity[hole]
        for surface in self.surfaces:
            mapping = _Mapping.between(c2w, intrinsics, surface.c2w, surface.intrinsics)
            for _ in range(PUSHES):
                x, y, there = mapping(column, row, value)
                inside = (x > 0) & (x < surface.width) & (y > 0) & (y < surface.height)
                known, _, pixel = surface.lookup(torch.where(inside, x, 0.5), torch.where(inside, y, 0.5))
                before = inside & surface.valid[pixel] & (there > known * PUSHED)
                if not before.any():
                    break
                value = torch.where(before, value * PUSH, value)
            value = torch.where(before, 0.0, value)
        pushed = disparity.clone()
        pushed[hole] = value
        return pushed


def _bounds(used: np.ndarray) -> slice:
    """The slice of a bool (N,) that holds all that is used and one element more on each side."""
    first, last = np.flatnonzero(used)[[0, -1]]
    return slice(max(first - 1, 0), last + 2)


@attrs.frozen(eq=False)
class _Camera:
    """The target of a rendering."""

    c2w: np.ndarray
    intrinsics: np.ndarray
    width: int
    height: int


@attrs.frozen(eq=False)
class _Mapping:
    """How rays of one camera map into another: (x, y, disparity) there for (x, y, disparity) here.

    With the ray r = ((x - cx) / fx, (y - cy) / fy, 1) the point's direction there is R r + t * disparity, whose z is
    the ratio of the depths.
    """

    rotation: list[list[float]]
    translation: list[float]
    source: list[float]
    target: list[float]

    @staticmethod
    def between(c2w: np.ndarray, intrinsics: np.ndarray, c2w_to: np.ndarray, intrinsics_to: np.ndarray) -> "_Mapping":
        """The mapping from the first camera to the second."""
        inverse = c2w_to[:3, :3].T
        rotation, translation = inverse @ c2w[:3, :3], inverse @ (c2w[:3, 3] - c2w_to[:3, 3])
        return _Mapping(rotation.tolist(), translation.tolist(), list(intrinsics), list(intrinsics_to))

    def __call__(self, x: Tensor, y: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, y, disparity of any one shape -> the same there; points behind the camera come out at infinity."""
        (fx, fy, cx, cy), (gx, gy, dx, dy) = self.source, self.target
        rx, ry = (x - cx) / fx, (y - cy) / fy
        q = [
            rx * row[0] + ry * row[1] + (disparity * shift + row[2])
            for row, shift in zip(self.rotation, self.translation, strict=True)
        ]
        scale = torch.where(q[2] > NEAR, 1.0 / q[2], torch.inf)
        return q[0] * scale * gx + dx, q[1] * scale * gy + dy, disparity * scale


def _warp(surface: Surface, camera: _Camera) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels of the target that a surface explains: their indices (N,), disparities (N,) and colours (N, 3)."""
    forward = _Mapping.between(surface.c2w, surface.intrinsics, camera.c2w, camera.intrinsics)
    backward = _Mapping.between(camera.c2w, camera.intrinsics, surface.c2w, surface.intrinsics)
    samples, usable = _samples(surface, camera, forward)
    wide, nearest = _depth_buffers(*samples, camera)
    # The wide splat closes cracks but swells silhouettes by up to a pixel: where its surface turns out not to pass
    # through the pixel, the sample that fell into the pixel itself is tried.
    hit, disparity, x, y = _resolve(surface, usable, forward, backward, camera, wide)
    again = (~hit & (nearest >= 0) & (nearest != wide)).nonzero()[:, 0]
    if len(again):
        hit2, disparity2, x2, y2 = _resolve(surface, usable, forward, backward, camera, nearest[again], again)
        hit[again], disparity[again], x[again], y[again] = hit2, disparity2, x2, y2
    pixels = hit.nonzero()[:, 0]
    x, y, disparity = x[pixels], y[pixels], disparity[pixels]
    own = surface.lookup(x, y)[0]
    return pixels, disparity, surface.colours(x, y, _magnification(own, disparity, surface, camera))


def _magnification(source: Tensor, target: Tensor, surface: Surface, camera: _Camera) -> Tensor:
    """Target pixels per source pixel on surfaces that face both, from their disparities in source and target."""
    nearer = torch.where(source > 0, target / source, 1.0)
    return nearer * float((camera.intrinsics[:2] / surface.intrinsics[:2]).max())


def _samples(surface: Surface, camera: _Camera, forward: _Mapping) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Projected samples (x, y, disparity in the target) dense enough for the target, and the usable cells."""
    height, width, device = surface.height, surface.width, surface.disparity.device
    column = torch.arange(width, device=device, dtype=torch.float32) + 0.5
    row = torch.arange(height, device=device, dtype=torch.float32) + 0.5
    y, x = (grid.reshape(-1) for grid in torch.meshgrid(row, column, indexing="ij"))
    px, py, pd = forward(x, y, surface.disparity)
    longest, usable = stretch(px.view(height, width), py.view(height, width))
    smooth = surface.smooth.view(height - 1, width - 1)
    usable |= ~smooth  # a cut cell has no surface of its own: its pixels stand for themselves
    spacing = _magnification(surface.disparity, pd, surface, camera).view(height, width)
    inner = spacing[:-1, :-1]
    inner.copy_(torch.where(smooth & usable, longest, inner))
    margin = 2.0 * spacing.clamp(1.0, 8.0).view(-1)
    alive = (
        surface.valid & (px > -margin) & (px < camera.width + margin) & (py > -margin) & (py < camera.height + margin)
    )
    alive.view(height, width)[:-1, :-1] &= usable
    spacing = spacing.reshape(-1)
    parts = []
    for level in LEVELS:
        low = 0.0 if level == 1 else SPACING * level / 2
        high = torch.inf if level == LEVELS[-1] else SPACING * level
        chosen = (alive & (spacing > low) & (spacing <= high)).nonzero()[:, 0]
        if not len(chosen):
            continue
        if level == 1:
            parts.append((px[chosen], py[chosen], pd[chosen]))
            continue
        offset = (torch.arange(level, device=device, dtype=torch.float32) + 0.5) / level - 0.5
        sx = (x[chosen, None, None] + offset[None, None, :]).expand(-1, level, level).reshape(-1)
        sy = (y[chosen, None, None] + offset[None, :, None]).expand(-1, level, level).reshape(-1)
        parts.append(forward(sx, sy, surface.lookup(sx, sy)[0]))
    if not parts:
        empty = px[:0]
        return (empty, empty, empty), usable.reshape(-1)
    return tuple(torch.cat(part) for part in zip(*parts, strict=True)), usable.reshape(-1)


def _depth_buffers(x: Tensor, y: Tensor, disparity: Tensor, camera: _Camera) -> tuple[Tensor, Tensor]:
    """Nearest disparity per target pixel (h * w,), -1 where none: of samples within REACH, and of those inside."""
    width, height = camera.width, camera.height
    gx, gy = x - 0.5, y - 0.5
    left, top = gx.floor(), gy.floor()
    u, v = gx - left, gy - top
    stride = width + 2  # a border of one pixel takes what falls beside the image
    inside = (left >= -1) & (left < width) & (top >= -1) & (top < height)
    base = torch.where(inside, (top + 1) * stride + left + 1, 0.0).long()
    value = torch.where(inside, disparity, -1.0)
    wide = torch.full(((height + 2) * stride,), -1.0, device=x.device)
    nearest = wide.clone()
    nearest.scatter_reduce_(0, base + (v >= 0.5).long() * stride + (u >= 0.5).long(), value, "amax")
    for down, reach_y in ((0, v <= REACH), (1, v >= 1 - REACH)):
        for right, reach_x in ((0, u <= REACH), (1, u >= 1 - REACH)):
            reached = torch.where(reach_x & reach_y, value, -1.0)
            wide.scatter_reduce_(0, base + (down * stride + right), reached, "amax")
    return tuple(b.view(height + 2, stride)[1:-1, 1:-1].reshape(-1) for b in (wide, nearest))


def _resolve(
    surface: Surface,
    usable: Tensor,
    forward: _Mapping,
    backward: _Mapping,
    camera: _Camera,
    guess: Tensor,
    pixels: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Follow target pixels to their exact place on the surface, starting at a guessed disparity (N,), -1 for none.

    Returns hit bool (N,), disparity (N,) in the target, and x, y (N,) in the source. The fixed point converges at the
    rate slope times parallax, and the guess is already within a pixel: two rounds suffice.
    """
    index = torch.arange(len(guess), device=guess.device) if pixels is None else pixels
    row = torch.div(index, camera.width, rounding_mode="floor")
    tx, ty = (index - row * camera.width).float() + 0.5, row.float() + 0.5
    disparity = guess.clamp_min(0.0)
    for _ in range(2):
        x, y, _ = backward(tx, ty, disparity)
        inside = (guess >= 0) & (x >= 0) & (x <= surface.width) & (y >= 0) & (y <= surface.height)
        x, y = torch.where(inside, x, 0.5), torch.where(inside, y, 0.5)
        found, cell, pixel = surface.lookup(x, y)
        px, py, disparity = forward(x, y, found)
    hit = inside & usable[cell] & surface.valid[pixel] & ((px - tx).abs() <= MISS) & ((py - ty).abs() <= MISS)
    return hit, disparity, x, y
