"""How one view's surface is seen by another camera: which of its points each pixel of the target shows.

Found in two steps. Forward: the samples of the surface are splatted into a depth buffer of the target, dense enough
that nothing shows through. Backward: each target pixel is followed along that depth onto its exact sub-pixel place on
the surface. So an unmoved camera gives back the view itself and a plane is warped as by its homography.
"""

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.scene.mapping import FAR_AWAY, NEAR, Camera, Mapping
from dollygrip_backend.scene.surface import Surface

LEVELS = (1, 2, 4, 8)  # subdivisions of a source pixel per side, chosen where the target magnifies it
SPACING = 1.4  # pixels between samples, which reach a pixel far each: below sqrt(2) even a rotated grid has no cracks
MISS = 0.6  # pixels by which a looked-up surface point may miss the pixel that asked for it
STRAY, AGREE = 2.5, 0.02  # … or more, where its disparity is within this share of the one that was splatted there
ASIDE = float(np.radians(40))  # between two looks at a point, from where on they show different sides of a thing …
ASKED = 2.0  # … unless the camera itself has turned by so much that this many times its turn is more
MAX_STRETCH = 3.0  # pixels that one cell may cover in its longer direction …
MAX_ANISOTROPY = 40.0  # … where it also covers this many times less in the shorter one: too thin to have been seen


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
        return Seen(*(part.index_select(0, chosen) for part in attrs.astuple(self, recurse=False)))


def warp(surface: Surface, camera: Camera) -> Seen:
    """The pixels of the target that a surface explains, its own nearest parts before the others."""
    forward, backward = Mapping.between(surface, camera), Mapping.between(camera, surface)
    samples, usable = _samples(surface, camera, forward)
    wide, nearest = _depth_buffers(samples, camera)
    # The wide splat closes cracks but swells silhouettes by up to a pixel: where its surface turns out not to pass
    # through the pixel, the sample that fell into the pixel itself is tried.
    pixels = (wide >= 0).nonzero()[:, 0]
    guess = wide.index_select(0, pixels)
    found = _resolve(surface, usable, forward, backward, camera, pixels, guess)
    missed = found[0].logical_not().nonzero()[:, 0]
    other = nearest[pixels[missed]]
    again = (other >= 0) & (other != guess[missed])
    missed, other = missed[again], other[again]
    better = _resolve(surface, usable, forward, backward, camera, pixels[missed], other)
    for part, its in zip(found, better, strict=True):
        part.index_copy_(0, missed, its)
    chosen = found[0].nonzero()[:, 0]
    pixels, disparity, x, y, own = (part.index_select(0, chosen) for part in (pixels, *found[1:]))
    return Seen(pixels, disparity, x, y, _magnification(own, disparity, surface, camera))


def locate(surface: Surface, camera: Camera, disparity: Tensor) -> Seen:
    """As `warp`, where the geometry that the target sees is known: its disparity (h, w).

    The pixels whose point the view saw, too: its own depth there agrees, within what a pixel's slope explains.
    """
    pixels = torch.arange(disparity.numel(), device=disparity.device)
    known = disparity.reshape(-1)
    x, y, there = Mapping.between(camera, surface)(*_centres(pixels, camera.width), known)
    inside = (x >= 0) & (x <= surface.width) & (y >= 0) & (y <= surface.height)
    chosen = (inside & (there < FAR_AWAY * NEAR)).nonzero()[:, 0]
    pixels, known, x, y, there = (part.index_select(0, chosen) for part in (pixels, known, x, y, there))
    place = surface.lookup(x, y)
    across, down = place.slopes()
    allowed = there * AGREE + across.abs() + down.abs()
    hit = place.clean & surface.says(x, y) & ((place.disparity - there).abs() <= allowed)
    return Seen(pixels, known, x, y, _magnification(place.disparity, known, surface, camera)).select(
        hit.nonzero()[:, 0]
    )


def _magnification(source: Tensor, target: Tensor, surface: Surface, camera: Camera) -> Tensor:
    """Target pixels per source pixel on surfaces that face both, from their disparities in source and target."""
    nearer = (target / source).nan_to_num_(nan=1.0, posinf=1.0)  # at infinity neither is
    return nearer.mul_(float((camera.intrinsics[:2] / surface.intrinsics[:2]).max()))


def _centres(pixels: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """x and y (N,) of the centres of pixels (N,) in an image that is so wide."""
    pixels = pixels.int()  # whose division takes half as long
    row = torch.div(pixels, width, rounding_mode="floor")
    return (pixels - row * width).float().add_(0.5), row.float().add_(0.5)


def _samples(
    surface: Surface, camera: Camera, forward: Mapping
) -> tuple[list[tuple[Tensor, Tensor, Tensor]], Tensor | None]:
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
        (x, y), own = _centres(surface.listed, width), surface.disparity[surface.listed]
        px, py, pd = forward(x, y, own)
        spacing, usable, alive = _magnification(own, pd, surface, camera) * 2**0.5, None, True
    alive = alive & _known_side(surface, camera, x, y, own)
    aside = ((p - side / 2).abs_().sub_(side / 2) for p, side in ((px, camera.width), (py, camera.height)))
    alive = alive & (torch.maximum(*aside) < spacing.clamp(1.0, 8.0).mul_(2.0))
    spacing = torch.where(alive, spacing, 0.0)
    samples, most = [], float(spacing.max())
    for level in LEVELS:
        chosen = spacing > (SPACING * level / 2 if level > 1 else 0.0)
        chosen = (chosen & (spacing <= SPACING * level) if level < LEVELS[-1] else chosen).nonzero()[:, 0]
        if level == 1:
            samples.append(tuple(part.index_select(0, chosen) for part in (px, py, pd)))
        elif len(chosen):
            pixel = chosen if surface.listed is None else surface.listed[chosen]
            samples.append(forward(*_subdivided(surface, pixel, level)))
        if most <= SPACING * level:
            break
    return samples, usable


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
    area = (ax * by).sub_(ay * bx)
    trace = ax.square_().add_(ay.square_()).add_(bx.square_()).add_(by.square_())
    root = (trace * trace).sub_((4 * area).mul_(area)).clamp_min_(0).sqrt_()
    longest = root.add_(trace).mul_(0.5)
    thin = longest > (MAX_ANISOTROPY * area).clamp_min_(MAX_STRETCH**2)
    smooth = surface.smooth.view(surface.height, surface.width)[:-1, :-1]
    whole = (area > 0) & ~thin
    usable = torch.ones_like(pd, dtype=torch.bool)
    usable[:-1, :-1] = whole | ~smooth
    spacing = _magnification(surface.disparity.view_as(pd), pd, surface, camera)
    inner = spacing[:-1, :-1]
    inner.copy_(torch.where(whole & smooth, longest.sqrt_(), inner))
    return spacing, usable.reshape(-1)


def _subdivided(surface: Surface, pixel: Tensor, level: int) -> tuple[Tensor, Tensor, Tensor]:
    """level² points x, y, disparity in the source for each pixel (N,)."""
    x, y = _centres(pixel, surface.width)
    offset = (torch.arange(level, device=pixel.device, dtype=torch.float32) + 0.5) / level - 0.5
    x, y = x[:, None, None] + offset[None, None, :], y[:, None, None] + offset[None, :, None]
    x, y = (part.expand(-1, level, level).reshape(-1) for part in (x, y))
    return x, y, surface.lookup(x, y).disparity


def _depth_buffers(samples: list[tuple[Tensor, Tensor, Tensor]], camera: Camera) -> tuple[Tensor, Tensor]:
    """Nearest disparity per target pixel (h * w,), -1 where none: of samples within a pixel, and of those inside."""
    size = camera.height + 4, camera.width + 4  # a border of two pixels takes what falls beside the image
    between, inside = (torch.full((size[0] * size[1],), -1.0, device=samples[0][0].device) for _ in range(2))
    for x, y, disparity in samples:
        gx, gy = (x - 0.5).clamp_(-2, camera.width), (y - 0.5).clamp_(-2, camera.height)
        between.scatter_reduce_(0, _index(gx.floor(), gy.floor(), size[1]), disparity, "amax")
        gx, gy = gx.add_(0.5).floor_(), gy.add_(0.5).floor_()
        inside.scatter_reduce_(0, _index(gx, gy, size[1]), disparity, "amax")
    between, inside = between.view(size), inside.view(size)
    rows = torch.maximum(between[1:-3], between[2:-2])  # a pixel's samples lie between it and its neighbours
    wide = torch.maximum(rows[:, 1:-3], rows[:, 2:-2])
    return wide.view(-1), inside[2:-2, 2:-2].reshape(-1)


def _index(column: Tensor, row: Tensor, stride: int) -> Tensor:
    """int64 (N,): where whole columns and rows, float (N,), lie in `_depth_buffers`; row is used up."""
    return row.add_(2).mul_(stride).add_(column).add_(2).long()


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
    tx, ty = _centres(pixels, camera.width)
    rays = backward.rays(tx, ty)
    x, y, inside = _within(surface, *backward.along(rays, guess)[:2])
    outside = inside.logical_not_()  # there any plane is as good as another
    x, y = x.masked_fill_(outside, 0.5), y.masked_fill_(outside, 0.5)
    x, y, _ = backward.along(rays, backward.meet(rays, (x, y), surface.lookup(x, y)))
    x, y, inside = _within(surface, x, y)
    place = surface.lookup(x, y)
    px, py, disparity = forward(x, y, place.disparity)
    miss = torch.maximum(px.sub_(tx).abs_(), py.sub_(ty).abs_())
    # Where a bent surface is stretched the plane leads past it; what was splatted there is then as near as can be had.
    agrees = (miss <= STRAY) & ((disparity - guess).abs_() <= AGREE * guess)
    hit = inside & place.clean & surface.says(x, y) & ((miss <= MISS) | agrees)
    hit = hit if usable is None else hit & usable.index_select(0, place.cell)
    return hit, disparity, x, y, place.disparity


def _within(surface: Surface, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x, y (N,), put on the border where they are outside the view, and whether they are inside, bool (N,)."""
    near_x, near_y = x.clamp(0, surface.width), y.clamp(0, surface.height)
    return near_x, near_y, (near_x == x) & (near_y == y)
