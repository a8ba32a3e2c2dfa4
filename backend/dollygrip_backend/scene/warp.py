"""How one view's surface is seen by another camera: which of its points each pixel of the target shows.

Found in two steps. Forward: the samples of the surface are splatted into a depth buffer of the target, dense enough
that nothing shows through. Backward: each target pixel is followed along that depth onto its exact sub-pixel place on
the surface. So an unmoved camera gives back the view itself and a plane is warped as by its homography.
"""

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.scene.surface import Place, Surface

LEVELS = (1, 2, 4, 8)  # subdivisions of a source pixel per side, chosen where the target magnifies it
SPACING = 1.4  # pixels between samples, which reach a pixel far each: below sqrt(2) even a rotated grid has no cracks
MISS = 0.6  # pixels by which a looked-up surface point may miss the pixel that asked for it
BORDER = 3  # pixels beside the image from where a surface may still reach a pixel of it: STRAY, and half of one
STRAY, AGREE = 2.5, 0.02  # … or more, where its disparity is within this share of the one that was splatted there
FLAT = 1e-3  # below this a plane is seen so flatly from the target that a ray does not meet it
FAR_AWAY = 1e30  # stands for the inverse of a depth that is not positive: nothing so far off is inside an image
NEAR = 1e-3  # smallest depth in front of the camera, as a fraction of the sample's depth in its own view
ASIDE = float(np.radians(40))  # between two looks at a point, from where on they show different sides of a thing …
ASKED = 2.0  # … unless the camera itself has turned by so much that this many times its turn is more
MAX_STRETCH = 3.0  # pixels that one cell may cover in its longer direction …
MAX_ANISOTROPY = 40.0  # … where it also covers this many times less in the shorter one: too thin to have been seen


@attrs.frozen(eq=False)
class Camera:
    """The target of a rendering: c2w (4, 4) OpenCV, intrinsics (4,) in pixels of width x height."""

    c2w: np.ndarray = attrs.field(converter=lambda a: np.asarray(a, float))
    intrinsics: np.ndarray = attrs.field(converter=lambda a: np.asarray(a, float))
    width: int
    height: int


@attrs.frozen(eq=False)
class Mapping:
    """How image points of one camera map into another: (x, y, disparity) there for (x, y, disparity) here.

    A point p = (x, y, 1) with disparity d lies at q = M p + d m there, in homogeneous pixels: M = K' R K^-1, m = K' t.
    q's last element is the ratio of the depths.
    """

    matrix: list[list[float]]
    shift: list[float]

    @staticmethod
    def between(source: Surface | Camera, target: Surface | Camera) -> "Mapping":
        """The mapping from the first camera to the second."""
        matrix, shift = _between(source, target.c2w, target.intrinsics)
        return Mapping(matrix.tolist(), shift.tolist())

    def __call__(self, x: Tensor, y: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, y, disparity of any shapes that fit -> the same there; points behind the camera come out far away."""
        q = [p.add(disparity, alpha=shift) for p, shift in zip(self._infinity(x, y), self.shift, strict=True)]
        scale = torch.where(q[2] > NEAR, q[2].reciprocal(), FAR_AWAY)
        return q[0].mul_(scale), q[1].mul_(scale), scale.mul_(disparity)

    def meet(self, x: Tensor, y: Tensor, there: tuple[Tensor, Tensor], place: Place) -> Tensor:
        """Disparity (N,) here at which the rays x, y (N,) meet the plane that touches a surface at `there`, x and y.

        A plane's disparity there is a + b x' + c y', so that d = (b, c, a) . q: linear in the disparity here.
        """
        b, c = place.across, place.down
        normal = b, c, place.disparity - b * there[0] - c * there[1]
        known = sum(n * p for n, p in zip(normal, self._infinity(x, y), strict=True))
        slope = 1.0 - sum(n * shift for n, shift in zip(normal, self.shift, strict=True))
        return (known / slope.clamp_min(FLAT)).clamp_min(0.0)

    def _infinity(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """Where points infinitely far away lie there, in homogeneous pixels."""
        return [(x * row[0] + row[2]).add(y, alpha=row[1]) for row in self.matrix]


def _between(source: Surface | Camera, c2w: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M (..., 3, 3) and m (..., 3) of the mappings from a camera to others: c2w (..., 4, 4), intrinsics (..., 4)."""
    turned = _matrix(intrinsics) @ np.swapaxes(c2w[..., :3, :3], -1, -2)
    matrix = turned @ source.c2w[:3, :3] @ np.linalg.inv(_matrix(source.intrinsics))
    return matrix, (turned @ (source.c2w[:3, 3] - c2w[..., :3, 3])[..., None])[..., 0]


def _matrix(intrinsics: np.ndarray) -> np.ndarray:
    lens = np.zeros((*intrinsics.shape[:-1], 3, 3))
    lens[..., [0, 1], [0, 1]], lens[..., :2, 2], lens[..., 2, 2] = intrinsics[..., :2], intrinsics[..., 2:], 1.0
    return lens


def in_view(surface: Surface, c2w: np.ndarray, intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool (T,): which cameras, c2w (T, 4, 4) and intrinsics (T, 4) in pixels of `size`, may see any of a surface.

    A point's image M p + d m is linear in x, y and disparity: where all corners of the surface's box lie beyond one
    side of a camera's pyramid, all of the surface does.
    """
    matrix, shift = _between(surface, c2w, intrinsics)
    x, y, z = np.moveaxis(np.concatenate([matrix, shift[..., None]], -1) @ surface.box.T, 1, 0)
    right, below = (side + BORDER for side in size)
    beyond = x < -BORDER * z, x > right * z, y < -BORDER * z, y > below * z, z <= 0
    return ~np.any([corners.all(-1) for corners in beyond], 0)


@attrs.frozen(eq=False)
class Seen:
    """What a camera sees of a surface: pixels int64 (N,) of the target, their disparity (N,) there, their place x, y
    (N,) in the source, and how many target pixels a source pixel covers there (N,)."""

    pixels: Tensor
    disparity: Tensor
    x: Tensor
    y: Tensor
    magnification: Tensor

    def select(self, chosen: Tensor) -> "Seen":
        """Those with the indices `chosen` (M,)."""
        return Seen(*(part[chosen] for part in attrs.astuple(self, recurse=False)))


def warp(surface: Surface, camera: Camera) -> Seen:
    """The pixels of the target that a surface explains, its own nearest parts before the others."""
    forward, backward = Mapping.between(surface, camera), Mapping.between(camera, surface)
    samples, usable = _samples(surface, camera, forward)
    wide, nearest = _depth_buffers(*samples, camera)
    # The wide splat closes cracks but swells silhouettes by up to a pixel: where its surface turns out not to pass
    # through the pixel, the sample that fell into the pixel itself is tried.
    pixels = (wide >= 0).nonzero()[:, 0]
    found = _resolve(surface, usable, forward, backward, camera, pixels, wide[pixels])
    missed = pixels[~found[0]]
    missed = missed[(nearest[missed] >= 0) & (nearest[missed] != wide[missed])]
    again = _resolve(surface, usable, forward, backward, camera, missed, nearest[missed])
    parts = []
    for candidates, (hit, *rest) in ((pixels, found), (missed, again)):
        chosen = hit.nonzero()[:, 0]
        parts.append([part.index_select(0, chosen) for part in (candidates, *rest)])
    pixels, disparity, x, y, own = (torch.cat(part) for part in zip(*parts, strict=True))
    return Seen(pixels, disparity, x, y, _magnification(own, disparity, surface, camera))


def locate(surface: Surface, camera: Camera, disparity: Tensor) -> Seen:
    """As `warp`, where the geometry that the target sees is known: its disparity (h, w).

    The pixels whose point the view saw, too: its own depth there agrees, within what a pixel's slope explains.
    """
    pixels = torch.arange(disparity.numel(), device=disparity.device)
    row = torch.div(pixels, camera.width, rounding_mode="floor")
    known = disparity.reshape(-1)
    x, y, there = Mapping.between(camera, surface)(
        (pixels - row * camera.width).float() + 0.5, row.float() + 0.5, known
    )
    inside = (x >= 0) & (x <= surface.width) & (y >= 0) & (y <= surface.height)
    chosen = (inside & (there < FAR_AWAY * NEAR)).nonzero()[:, 0]
    pixels, known, x, y, there = (part.index_select(0, chosen) for part in (pixels, known, x, y, there))
    place = surface.lookup(x, y)
    allowed = there * AGREE + place.across.abs() + place.down.abs()
    hit = place.clean & surface.valid.index_select(0, place.pixel) & ((place.disparity - there).abs() <= allowed)
    return Seen(pixels, known, x, y, _magnification(place.disparity, known, surface, camera)).select(
        hit.nonzero()[:, 0]
    )


def _magnification(source: Tensor, target: Tensor, surface: Surface, camera: Camera) -> Tensor:
    """Target pixels per source pixel on surfaces that face both, from their disparities in source and target."""
    nearer = torch.where(source > 0, target / source, 1.0)
    return nearer * float((camera.intrinsics[:2] / surface.intrinsics[:2]).max())


def _samples(surface: Surface, camera: Camera, forward: Mapping) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor | None]:
    """Projected samples (x, y, disparity in the target) dense enough for the target, and the usable cells."""
    width, device = surface.width, surface.disparity.device
    if surface.listed is None:
        x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5)[None]
        y = (torch.arange(surface.height, device=device, dtype=torch.float32) + 0.5)[:, None]
        own = surface.disparity.view(surface.height, width)
        px, py, pd = forward(x, y, own)
        spacing, usable = _stretch(surface, camera, px, py, pd)
        px, py, pd, spacing = (t.reshape(-1) for t in (px, py, pd, spacing))
        alive = surface.valid & usable
    else:
        row = torch.div(surface.listed, width, rounding_mode="floor")
        x, y, own = (surface.listed - row * width).float() + 0.5, row.float() + 0.5, surface.disparity[surface.listed]
        px, py, pd = forward(x, y, own)
        spacing, usable, alive = _magnification(own, pd, surface, camera) * 2**0.5, None, True
    alive = alive & _known_side(surface, camera, x, y, own)
    margin = spacing.clamp(1.0, 8.0) * 2.0
    alive = alive & (px > -margin) & (px < camera.width + margin) & (py > -margin) & (py < camera.height + margin)
    parts = []
    for level in LEVELS:
        chosen = alive & (spacing <= SPACING * level) if level < LEVELS[-1] else alive
        chosen = (chosen & (spacing > SPACING * level / 2) if level > 1 else chosen).nonzero()[:, 0]
        if level == 1:
            parts.append(tuple(t.index_select(0, chosen) for t in (px, py, pd)))
        elif len(chosen):
            pixel = chosen if surface.listed is None else surface.listed[chosen]
            parts.append(forward(*_subdivided(surface, pixel, level)))
    return tuple(torch.cat(part) for part in zip(*parts, strict=True)), usable


def _known_side(surface: Surface, camera: Camera, x: Tensor, y: Tensor, disparity: Tensor) -> Tensor | bool:
    """bool (N,): which samples the target sees from about where the view saw them: at less than an angle between.

    What is much nearer than what a camera turns about swings round faster than it: of that the back would be seen,
    and all there is of it are splinters. x, y and disparity, of shapes that fit, have N elements.
    """
    centre = surface.c2w[:3, :3].T @ (camera.c2w[:3, 3] - surface.c2w[:3, 3])
    distance = float(np.linalg.norm(centre))
    if distance * surface.box[:, 3].max() <= np.sin(ASIDE):  # by the law of sines no angle is larger
        return True
    turn = np.arccos(np.clip(surface.c2w[:3, 2] @ camera.c2w[:3, 2], -1, 1))
    least = float(np.cos(min(max(ASIDE, ASKED * turn), np.pi)))
    fx, fy, cx, cy = surface.intrinsics.tolist()
    right, below = (x - cx) / fx, (y - cy) / fy
    length = right.square() + (below.square() + 1)  # of the view's look, squared
    along = (right * float(centre[0]) + (below * float(centre[1]) + float(centre[2]))) * disparity
    other = length - 2 * along + (disparity * distance).square()  # … and of the target's
    return (length - along > least * (length * other).sqrt()).reshape(-1)


def _stretch(surface: Surface, camera: Camera, px: Tensor, py: Tensor, pd: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (H, W) between the samples of every cell, and which cells are usable (H * W,), from projected centres.

    Unusable are those that face away, or are stretched far more in one direction than in the other: seen from where
    the view was taken they were too thin to be known. A cut cell has no surface of its own: its pixels stand for
    themselves, as do those of the last row and column.
    """
    ax, ay = px[:-1, 1:] - px[:-1, :-1], py[:-1, 1:] - py[:-1, :-1]
    bx, by = px[1:, :-1] - px[:-1, :-1], py[1:, :-1] - py[:-1, :-1]
    area = ax * by - ay * bx
    trace = ax * ax + ay * ay + bx * bx + by * by
    longest = 0.5 * (trace + (trace * trace - 4 * area * area).clamp_min_(0).sqrt_())
    thin = (longest > MAX_STRETCH**2) & (longest > MAX_ANISOTROPY * area)
    smooth = surface.smooth.view(surface.height, surface.width)[:-1, :-1]
    usable = torch.ones_like(pd, dtype=torch.bool)
    usable[:-1, :-1] = ((area > 0) & ~thin) | ~smooth
    spacing = _magnification(surface.disparity.view_as(pd), pd, surface, camera)
    inner = spacing[:-1, :-1]
    inner.copy_(torch.where(smooth & usable[:-1, :-1], longest.sqrt_(), inner))
    return spacing, usable.reshape(-1)


def _subdivided(surface: Surface, pixel: Tensor, level: int) -> tuple[Tensor, Tensor, Tensor]:
    """level² points x, y, disparity in the source for each pixel (N,)."""
    row = torch.div(pixel, surface.width, rounding_mode="floor")
    offset = (torch.arange(level, device=pixel.device, dtype=torch.float32) + 0.5) / level
    x = ((pixel - row * surface.width)[:, None, None] + offset[None, None, :]).expand(-1, level, level).reshape(-1)
    y = (row[:, None, None] + offset[None, :, None]).expand(-1, level, level).reshape(-1)
    return x, y, surface.lookup(x, y).disparity


def _depth_buffers(x: Tensor, y: Tensor, disparity: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """Nearest disparity per target pixel (h * w,), -1 where none: of samples within a pixel, and of those inside."""
    width, height = camera.width, camera.height
    gx, gy = (x - 0.5).clamp_(-2, width), (y - 0.5).clamp_(-2, height)
    left, top = gx.floor(), gy.floor()
    right, below = gx.sub_(left) >= 0.5, gy.sub_(top) >= 0.5
    stride = width + 4  # a border of two pixels takes what falls beside the image
    base = top.add_(2).mul_(stride).add_(left).add_(2).long()
    wide = torch.full(((height + 4) * stride,), -1.0, device=x.device)
    nearest = wide.clone()
    nearest.scatter_reduce_(0, (base + right).add_(below, alpha=stride), disparity, "amax")
    for step in (0, 1, stride - 1, 1):  # the four pixels around the sample, one after the other
        wide.scatter_reduce_(0, base.add_(step), disparity, "amax")
    return tuple(b.view(height + 4, stride)[2:-2, 2:-2].reshape(-1) for b in (wide, nearest))


def _resolve(
    surface: Surface,
    usable: Tensor | None,
    forward: Mapping,
    backward: Mapping,
    camera: Camera,
    pixels: Tensor,
    guess: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Follow target pixels (N,) to their exact place on the surface, starting at a guessed disparity (N,).

    Returns hit bool (N,), disparity (N,) in the target, and x, y and disparity (N,) in the source. A step of Newton's
    method: the ray meets the plane that touches the surface where the guess lies, so planes are found exactly.
    """
    row = torch.div(pixels, camera.width, rounding_mode="floor")
    tx, ty = (pixels - row * camera.width).float() + 0.5, row.float() + 0.5
    x, y, _ = _within(surface, backward(tx, ty, guess))
    x, y, inside = _within(surface, backward(tx, ty, backward.meet(tx, ty, (x, y), surface.lookup(x, y))))
    place = surface.lookup(x, y)
    px, py, disparity = forward(x, y, place.disparity)
    miss = torch.maximum((px - tx).abs(), (py - ty).abs())
    # Where a bent surface is stretched the plane leads past it; what was splatted there is then as near as can be had.
    agrees = (miss <= STRAY) & ((disparity - guess).abs() <= AGREE * guess)
    hit = inside & place.clean & surface.valid.index_select(0, place.pixel) & ((miss <= MISS) | agrees)
    hit = hit if usable is None else hit & usable.index_select(0, place.cell)
    return hit, disparity, x, y, place.disparity


def _within(surface: Surface, point: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """x, y (N,), put somewhere harmless where they are outside the view, and whether they are inside, bool (N,)."""
    x, y, _ = point
    inside = (x >= 0) & (x <= surface.width) & (y >= 0) & (y <= surface.height)
    return torch.where(inside, x, 0.5), torch.where(inside, y, 0.5), inside
