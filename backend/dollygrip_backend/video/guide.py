"""From the 3D cache to a frame: the one way that the engine, the in-painter's training and the evaluation share.

The cache's base is seen from a pose, its holes are filled, an in-painter may paint over the fill, and the soft rims of
near surfaces are laid over all that; what outlines are still stairs after this become lines.
"""

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.scene.antialias import antialiased
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.scene.mapping import Camera, Mapping
from dollygrip_backend.video.fill import fill_along, fill_holes

View = tuple[np.ndarray, np.ndarray]
"""c2w (4, 4) and intrinsics (4,)."""


@attrs.frozen(eq=False)
class FilledGuide:
    """The cache's base seen from a view, without holes.

    rgb float (h, w, 3) in 0..255 and disparity (h, w), both filled in `hole`, bool (h, w); known: the disparity that is
    really there, or None.
    """

    cache: SceneCache
    view: View
    rgb: Tensor
    disparity: Tensor
    hole: Tensor
    known: Tensor | None

    @staticmethod
    def seen(cache: SceneCache, view: View, size: tuple[int, int], known: Tensor | None = None) -> "FilledGuide":
        """As the cache shows it at size (width, height); where there is no known geometry, what fills a hole is put
        behind all that was seen through it."""
        rgb, disparity = cache.render_base(*view, size, known)
        hole = disparity < 0
        if known is not None:
            return FilledGuide(cache, view, fill_along(rgb, known, hole), known, hole, known)
        rgb, disparity = fill_holes(rgb, disparity, hole)
        return FilledGuide(cache, view, rgb, cache.push_behind(disparity, hole, *view), hole, None)

    def frame(self, rgb: Tensor | None = None) -> Tensor:
        """The finished frame (h, w, 3) in 0..255, with another base colour in place of the fill's where given."""
        rgb = self.rgb if rgb is None else rgb
        rgb, disparity, soft = self.cache.lay_fringes(rgb, self.disparity, *self.view, self.known)
        camera = Camera(*self.view, *self.hole.shape[::-1])
        smooth = antialiased(rgb, disparity, Mapping.between(camera, self.cache.reference))
        return torch.where(soft[..., None], rgb, smooth)

    def uncovered(self) -> Tensor:
        """bool (h, w): the holes that stay to be seen, those that no rim covers."""
        covered = self.cache.lay_fringes(self.rgb, self.disparity, *self.view, self.known)[1] > self.disparity
        return self.hole & ~covered


def to_image(rgb: Tensor) -> np.ndarray:
    """float (..., h, w, 3) in 0..255 on any device -> uint8, rounded."""
    return (rgb.clamp(0, 255) + 0.5).to(torch.uint8).contiguous().cpu().numpy()
